//! `soc` without a command: a short tour of what the SDK does, on the embedded tenant.

use pocketsoc_model::{Classification, DetectionChange, DetectionQuery, Determination, Status};
use pocketsoc_testkit::Fault;

use super::list;
use crate::args::{Common, ListArgs};
use crate::failure::{Failure, Outcome, note};
use crate::output::Output;
use crate::session::Session;

pub(crate) async fn run(common: &Common) -> Result<Outcome, Failure> {
    let session = Session::open(common).await?;
    let mut output = Output::new(common);
    let Some(server) = &session.tenant else {
        // With real profiles nothing is changed for show.
        note("profiles found: listing their detections; `soc --help` has the other commands");
        return Ok(list::print(&session, &list::query(&session, ListArgs::default()), &mut output).await?.0);
    };

    let (mut outcome, count) = list::print(&session, &DetectionQuery::all(), &mut output).await?;
    note(&format!("1. {count} detections listed, each exactly once."));

    let source = &session.sources[0];
    let failed = |error| Failure::of(source.name(), &error);
    let open = DetectionQuery::all().with_statuses([Status::Active]).with_limit(1);
    if let Some(first) = source.list(&open).next().await {
        let first = first.map_err(failed)?;
        let change = DetectionChange::status(Status::Resolved)
            .with_classification(Classification::TruePositive)
            .with_determination(Determination::Malware)
            .with_comment("triaged on the tour");
        let now = source.update(&first.id, &change).await.map_err(failed)?;
        note(&format!("2. {} triaged and read back: {} -> {}.", now.id, first.status, now.status));
        output.card(&now)?;
    }

    server.tenant().add_fault(Fault::throttle("/api/alerts", "1").times(2));
    let mut again = source.list(&DetectionQuery::all());
    let mut seen = 0;
    while let Some(item) = again.next().await {
        item.map_err(failed)?;
        seen += 1;
    }
    note(&format!("3. Throttled twice, waited as asked, and still listed {seen} of {count}."));
    if seen != count || !again.report().complete {
        outcome = Outcome::WithFailures;
    }
    note(
        "That was the embedded tenant. `soc --help` has the commands; the README says how to connect a real one.",
    );
    output.flush()?;
    Ok(outcome)
}
