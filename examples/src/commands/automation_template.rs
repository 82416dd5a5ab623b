//! `soc automation-template`: the push of Defender for Cloud, as a template for Azure Resource Manager.

use defender_cloud_client::{AlertSeverity, PushSetup, Secret};
use pocketsoc_model::Severity;

use crate::failure::{Failure, Outcome};

#[allow(clippy::print_stdout)] // the template is this command's data
pub(crate) fn run(webhook: &str, least: Severity, name: Option<&str>) -> Result<Outcome, Failure> {
    let mut setup = PushSetup::new(Secret::new(webhook)).with_severities(at_least(least));
    if let Some(name) = name {
        setup = setup.with_logic_app_name(name).with_automation_name(name);
    }
    print!("{}", setup.template().map_err(|error| Failure::plain(&error).into_usage())?);
    Ok(Outcome::Complete)
}

/// The service's severities that are at least so bad; it has none above high.
fn at_least(least: Severity) -> Vec<AlertSeverity> {
    let least = if least == Severity::Critical { Severity::High } else { least };
    [AlertSeverity::High, AlertSeverity::Medium, AlertSeverity::Low, AlertSeverity::Informational]
        .into_iter()
        .filter(|severity| Severity::from_native(severity.as_str()).meets(least))
        .collect()
}
