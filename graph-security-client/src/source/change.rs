//! What a change means in Graph's words, for alerts and incidents alike: one write of absolute values, then a comment.

use pocketsoc_model::{
    Capabilities, ChangePart, Classification, Detection, DetectionChange, Determination, Error, ErrorKind,
    Filtering, Product, QueryFilters, Result, Status, TransitionTable, check_pair,
};
use pocketsoc_transport::Endpoint;

use crate::words::{AlertClassification, AlertDetermination};

/// What to write.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) status: Option<Status>,
    pub(super) classification: Option<AlertClassification>,
    pub(super) determination: Option<AlertDetermination>,
    pub(super) assigned_to: Option<String>,
    pub(super) comment: Option<String>,
    /// The parts that the first write makes.
    parts: Vec<ChangePart>,
}

impl Plan {
    /// What takes `current` to what `change` asks for.
    pub(super) fn of(
        operation: &'static str,
        table: &TransitionTable,
        current: &Detection,
        change: &DetectionChange,
    ) -> Result<Self> {
        if let Some(status) = change.status {
            table.check(operation, current.status, status).map_err(|error| led_on(error, current))?;
        }
        let asks_for_more = change.parts().any(|part| part != ChangePart::Status);
        if current.status == Status::Merged && asks_for_more {
            let error =
                Error::new(ErrorKind::Conflict, operation).with_message("it was merged into another one");
            return Err(led_on(error, current));
        }
        let (classification, determination) = change.verdict_on(current);
        if let (Some(c), Some(d)) = (classification, change.determination)
            && check_pair(c, d).is_err()
        {
            // Defender for Endpoint documents the pairs; whether this service keeps to them it does not say.
            tracing::warn!(classification = %c, determination = %d, "an unusual pair: the service may change it");
        }
        let mut parts = change.missing_from(current);
        parts.retain(|part| *part != ChangePart::Comment);
        let mut plan = Self { comment: change.comment.clone(), ..Self::default() };
        for part in &parts {
            match part {
                ChangePart::Status => plan.status = change.status,
                ChangePart::AssignedTo => plan.assigned_to.clone_from(&change.assigned_to),
                _ => {
                    plan.classification =
                        classification.map(|c| native_classification(operation, c)).transpose()?;
                    plan.determination =
                        determination.map(|d| native_determination(operation, d)).transpose()?;
                }
            }
        }
        plan.parts = parts;
        Ok(plan)
    }

    /// Whether the first write has something to do.
    pub(super) fn writes(&self) -> bool {
        !self.parts.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.writes() && self.comment.is_none()
    }

    /// The failure of the comment, after what the first write has made.
    pub(super) fn after_the_write(&self, error: Error) -> Error {
        if self.writes() { error.with_applied(&self.parts) } else { error }
    }
}

/// A merged incident leads to the one that it was merged into.
pub(super) fn led_on(error: Error, current: &Detection) -> Error {
    match &current.merged_into {
        Some(target) => error.with_hint(format!("it was merged into {target}: change that one")),
        None => error,
    }
}

pub(super) fn unsupported(operation: &'static str, what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, operation)
        .with_message(format!("Microsoft Graph does not hold {what}"))
}

fn native_classification(operation: &'static str, word: Classification) -> Result<AlertClassification> {
    match word {
        Classification::TruePositive => Ok(AlertClassification::TruePositive),
        Classification::InformationalExpected => Ok(AlertClassification::InformationalExpectedActivity),
        Classification::FalsePositive => Ok(AlertClassification::FalsePositive),
        other => Err(unsupported(operation, &format!("the classification {other}"))),
    }
}

/// The names of the schema; the documentation's prose has others for some.
fn native_determination(operation: &'static str, word: Determination) -> Result<AlertDetermination> {
    Ok(match word {
        Determination::MultiStagedAttack => AlertDetermination::MultiStagedAttack,
        Determination::MaliciousUserActivity => AlertDetermination::MaliciousUserActivity,
        Determination::CompromisedAccount => AlertDetermination::CompromisedAccount,
        Determination::Malware => AlertDetermination::Malware,
        Determination::Phishing => AlertDetermination::Phishing,
        Determination::UnwantedSoftware => AlertDetermination::UnwantedSoftware,
        Determination::SecurityTesting => AlertDetermination::SecurityTesting,
        Determination::LineOfBusinessApplication => AlertDetermination::LineOfBusinessApplication,
        Determination::ConfirmedActivity => AlertDetermination::ConfirmedActivity,
        Determination::NotMalicious => AlertDetermination::NotMalicious,
        Determination::InsufficientData => AlertDetermination::NotEnoughDataToValidate,
        Determination::Other => AlertDetermination::Other,
        other => {
            return Err(unsupported(operation, &format!("the determination {other}, which is read only,")));
        }
    })
}

/// What the token allows, and who applies each filter.
pub(super) async fn capabilities(
    endpoint: &Endpoint,
    product: &Product,
    table: &TransitionTable,
) -> Result<Capabilities> {
    let mut can = endpoint.capabilities(product).await?;
    can.statuses = table.writable();
    can.filters = QueryFilters::LOCAL
        .with_updated(Filtering::Native)
        .with_statuses(Filtering::Native)
        .with_min_severity(Filtering::Native);
    Ok(can)
}
