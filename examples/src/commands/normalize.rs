//! `soc normalize`: native objects in, normalized detections out.

use std::io::Read as _;
use std::path::Path;

use mde_client::Alert;

use crate::args::{Common, Kind};
use crate::failure::{Failure, Outcome};
use crate::output::Output;

pub(crate) fn run(common: &Common, from: Kind, file: &Path) -> Result<Outcome, Failure> {
    let document = read(file)?;
    let mut elements = pocketsoc_transport::elements(document);
    let mut output = Output::new(common);
    let mut outcome = Outcome::Complete;
    loop {
        let detection = match from {
            Kind::MdeAlert => elements.next_as::<Alert>().map(|alert| alert.and_then(mde_client::normalize)),
        };
        match detection {
            None => break,
            Some(Ok(detection)) => output.json(&detection)?,
            Some(Err(error)) => {
                output.flush()?;
                Failure::plain(&error).report();
                outcome = Outcome::WithFailures;
            }
        }
    }
    output.flush()?;
    Ok(outcome)
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
