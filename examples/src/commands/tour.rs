//! `soc` without a command: a short tour of what the SDK does, on the embedded tenant.

use mde_client::{Intent, IsolationScope};
use pocketsoc_model::ocsf::Activity;
use pocketsoc_model::{
    Classification, Detail, Detection, DetectionChange, DetectionQuery, Determination, Error, Product, Status,
};
use pocketsoc_testkit::Fault;

use super::list;
use crate::args::{Common, ListArgs};
use crate::failure::{Failure, Outcome, note};
use crate::output::Output;
use crate::session::{Session, Source};

pub(crate) async fn run(common: &Common) -> Result<Outcome, Failure> {
    let session = Session::open(common).await?;
    let mut output = Output::new(common);
    let Some(server) = &session.tenant else {
        // With real profiles nothing is changed for show.
        note("profiles found: listing their detections; `soc --help` has the other commands");
        let query = list::query(&session, ListArgs::default());
        let (outcome, _) = list::print(&session, &query, &mut output).await?;
        return Ok(session.outcome(outcome));
    };

    let (mut outcome, count) = list::print(&session, &DetectionQuery::all(), &mut output).await?;
    note(&format!("1. {count} detections of {} sources listed, each exactly once.", session.sources.len()));

    if !triage(&session.sources, &mut output).await? {
        outcome = Outcome::WithFailures;
    }

    contain(&session).await?;

    for path in ["/api/alerts", "/alerts_v2"] {
        server.tenant().add_fault(Fault::throttle(path, "1").times(2));
    }
    let mut seen = 0;
    for source in &session.sources {
        let mut again = source.list(&DetectionQuery::all().with_detail(Detail::Summary));
        while let Some(item) = again.next().await {
            item.map_err(|error| Failure::of(source.name(), &error))?;
            seen += 1;
        }
        if !again.report().complete {
            outcome = Outcome::WithFailures;
        }
    }
    note(&format!("5. Throttled four times, waited as asked, and still listed {seen} of {count}."));
    if seen != count {
        outcome = Outcome::WithFailures;
    }
    note(
        "That was the embedded tenant. `soc --help` has the commands; the README says how to connect a real one.",
    );
    output.flush()?;
    Ok(outcome)
}

/// Isolates one machine and releases it again.
async fn contain(session: &Session) -> Result<(), Failure> {
    let Some(fleet) = session.fleets()?.into_iter().next() else { return Ok(()) };
    let told = |error: Error| Failure::of(&fleet.name, &error);
    let machines = fleet.client.machines();
    let machine = machines.find("ws-001").await.map_err(told)?;
    for (intent, comment) in
        [(Intent::Isolate(IsolationScope::Full), "tour: beacon"), (Intent::Release, "tour: clean")]
    {
        let action = machines.begin(&machine.id, &intent, comment).await.map_err(told)?;
        action.settled().await.map_err(told)?;
    }
    note("4. ws-001 isolated and released, each followed to its end.");
    Ok(())
}

/// Triages one alert of Defender for Endpoint with everything a product can hold, and one of Defender for Cloud by its
/// own rules; whether there was one of each.
async fn triage(sources: &[Source], output: &mut Output) -> Result<bool, Failure> {
    let verdict = DetectionChange::status(Status::Resolved)
        .with_classification(Classification::TruePositive)
        .with_determination(Determination::Malware)
        .with_comment("triaged on the tour");
    let by_verdict = change_first(sources, &Product::DEFENDER_ENDPOINT, &verdict).await?;
    if let Some((before, now)) = &by_verdict {
        note(&format!("2. {} triaged and read back: {} -> {}.", now.id, before.status, now.status));
        output.card(now, Activity::Close)?;
    }
    let dismissal = DetectionChange::status(Status::Dismissed);
    let dismissed = change_first(sources, &Product::DEFENDER_FOR_CLOUD, &dismissal).await?;
    if let Some((before, now)) = &dismissed {
        let next: Vec<_> = now.allowed_statuses.iter().map(ToString::to_string).collect();
        note(&format!(
            "3. A cloud alert, by its own rules: {} -> {}; from there only to {}.",
            before.status,
            now.status,
            next.join(", ")
        ));
    }
    Ok(by_verdict.is_some() && dismissed.is_some())
}

/// Changes the first active detection of a product; what it was and what it is.
async fn change_first(
    sources: &[Source],
    product: &Product,
    change: &DetectionChange,
) -> Result<Option<(Detection, Detection)>, Failure> {
    let Some(source) = sources.iter().find(|source| source.product() == *product) else { return Ok(None) };
    let failed = |error| Failure::of(source.name(), &error);
    let open = DetectionQuery::all().with_statuses([Status::Active]).with_limit(1);
    let Some(first) = source.list(&open).next().await else { return Ok(None) };
    let first = first.map_err(failed)?;
    let now = source.update(&first.id, change).await.map_err(failed)?;
    Ok(Some((first, now)))
}
