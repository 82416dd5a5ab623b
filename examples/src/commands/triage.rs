//! `soc triage`: changes a detection, reads it back, prints what it now is.

use pocketsoc_model::ocsf::Activity;
use pocketsoc_model::{DetectionChange, DetectionId, DetectionSourceExt as _, Status};

use crate::args::{Common, TriageArgs};
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::session::Session;

pub(crate) async fn run(common: &Common, args: TriageArgs) -> Result<Outcome, Failure> {
    let id = DetectionId::new(args.id.as_str()).map_err(|e| Failure::usage(e.to_string()))?;
    let mut change = DetectionChange::new();
    change.status = args.status;
    change.classification = args.classification;
    change.determination = args.determination;
    change.assigned_to = args.assign;
    change.comment = args.comment;
    if change.is_empty() {
        return Err(Failure::usage("nothing to change").with_hint(
            "give at least one of --status, --classification, --determination, --assign, --comment",
        ));
    }
    let session = Session::open(common).await?;
    let source = if let ([one], []) = (session.sources.as_slice(), session.refused.as_slice()) {
        one.clone()
    } else {
        let found = session.find(&id).await?;
        // Where a profile could not be asked, nobody knows that only one holds it: no write on a guess.
        let mut failures = found.failures;
        if let Some(last) = failures.pop() {
            for failure in &failures {
                failure.report();
            }
            return Err(last.with_hint("or name the profile with --profile"));
        }
        found.source
    };
    let changed =
        if args.walk { source.update_walking(&id, &change).await } else { source.update(&id, &change).await };
    let detection = changed.map_err(|error| {
        let failure = Failure::of(source.name(), &error);
        match error.transition().and_then(|t| t.path()) {
            Some(path) if path.len() > 1 => failure.with_hint("--walk takes the legal path"),
            _ => failure,
        }
    })?;
    let mut output = Output::new(common);
    let closed = matches!(detection.status, Status::Resolved | Status::Dismissed) && change.status.is_some();
    output.card(&detection, if closed { Activity::Close } else { Activity::Update })?;
    output.flush()?;
    Ok(Outcome::Complete)
}
