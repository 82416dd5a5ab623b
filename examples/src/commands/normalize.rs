//! `soc normalize`: native objects in, normalized detections out.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use defender_cloud_client::{PushEvent, normalize_push};
use pocketsoc_model::ocsf::Activity;
use pocketsoc_model::{Detection, Error};
use pocketsoc_transport::{Decode, Elements};

use serde_json::value::RawValue;

use crate::args::{Common, Kind};
use crate::failure::{Failure, Outcome, note};
use crate::output::Output;

pub(crate) fn run(common: &Common, from: Kind, file: &Path) -> Result<Outcome, Failure> {
    let document = read(file)?;
    let mut elements = pocketsoc_transport::elements(body_of_example(&document).unwrap_or(document));
    let mut output = Output::new(common);
    let mut outcome = Outcome::Complete;
    loop {
        let detection = match from {
            Kind::MdeAlert => next(&mut elements, mde_client::normalize),
            Kind::DefenderCloudAlert => next(&mut elements, defender_cloud_client::normalize),
            Kind::DefenderCloudPush => pushed(&mut elements),
            Kind::GraphAlert => next(&mut elements, graph_security_client::normalize_alert),
            Kind::GraphIncident => next(&mut elements, graph_security_client::normalize_incident),
        };
        match detection {
            None => break,
            Some(Ok(detection)) => output.json(&detection, Activity::Create)?,
            Some(Err(error)) => {
                output.flush()?;
                hinted(&error).report();
                outcome = Outcome::WithFailures;
            }
        }
    }
    output.flush()?;
    Ok(outcome)
}

/// The body within an example of Azure's API descriptions, which stands under `responses`.
fn body_of_example(document: &[u8]) -> Option<Vec<u8>> {
    #[derive(serde::Deserialize)]
    struct Example {
        responses: BTreeMap<String, Response>,
    }
    #[derive(serde::Deserialize)]
    struct Response {
        body: Option<Box<RawValue>>,
    }
    let example: Example = serde_json::from_slice(document).ok()?;
    let body = example.responses.into_values().find_map(|response| response.body)?;
    Some(body.get().as_bytes().to_vec())
}

/// The next element, read as what `normalize` takes.
fn next<T: Decode>(
    elements: &mut Elements,
    normalize: fn(T) -> Result<Detection, Error>,
) -> Option<Result<Detection, Error>> {
    elements.next_as::<T>().map(|element| element.and_then(normalize))
}

/// The next pushed alert; events of the same channel that are none are passed over.
fn pushed(elements: &mut Elements) -> Option<Result<Detection, Error>> {
    loop {
        match elements.next_as::<PushEvent>()? {
            Ok(PushEvent::Alert(alert)) => return Some(normalize_push(*alert)),
            Ok(PushEvent::Other(other)) => note(&format!("passed over: {}, no alert", shown(&other.kind))),
            Ok(_) => {}
            Err(error) => return Some(Err(error)),
        }
    }
}

/// A word of the file, fit for a terminal.
fn shown(word: &str) -> String {
    word.chars().filter(|c| !c.is_control()).take(80).collect()
}

/// What was expected, where an element has not even an id.
fn hinted(error: &Error) -> Failure {
    let failure = Failure::plain(error);
    if error.message().contains("missing field") {
        return failure.with_hint(
            "one object of this kind, an array of them, or an object with the array `value` is expected",
        );
    }
    failure
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    bytes.map_err(|e| Failure::usage(format!("the file {} cannot be read: {e}", file.display())))
}
