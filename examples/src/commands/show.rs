//! `soc show`: one detection with its entities.

use pocketsoc_model::DetectionId;
use pocketsoc_model::ocsf::Activity;

use crate::args::Common;
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::session::Session;

pub(crate) async fn run(common: &Common, id: &str) -> Result<Outcome, Failure> {
    let id = DetectionId::new(id).map_err(|e| Failure::usage(e.to_string()))?;
    let session = Session::open(common).await?;
    let found = session.find(&id).await?;
    let mut output = Output::new(common);
    output.card(&found.detection, Activity::Create)?;
    output.flush()?;
    for failure in &found.failures {
        failure.report();
    }
    Ok(if found.failures.is_empty() { Outcome::Complete } else { Outcome::WithFailures })
}
