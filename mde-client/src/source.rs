//! Defender for Endpoint as a source of detections.

use async_trait::async_trait;
use pocketsoc_model::{
    Capabilities, ChangePart, Classification, DEFAULT_LANE, Detail, Detection, DetectionChange, DetectionId,
    DetectionQuery, DetectionSource, DetectionStream, Determination, Error, ErrorKind, Filtering, Product,
    QueryFilters, Result, Severity, Status, TransitionTable, USUAL_LOOKS, check_pair, read_back,
};
use pocketsoc_transport::odata::{self, Filter};
use pocketsoc_transport::{Cloud, Endpoint};

use crate::alerts::{
    Alert, AlertClassification, AlertDetermination, AlertId, AlertQuery, AlertStatus, AlertUpdate, Alerts,
    fields,
};
use crate::normalize;

const UPDATE: &str = "update the alert";

/// The alerts of Defender for Endpoint as normalized detections.
///
/// Needs `Alert.Read.All` (application) or `Alert.Read` (delegated); to change them `Alert.ReadWrite.All` or
/// `Alert.ReadWrite`. The service filters by update time, status and severity; the device group is filtered here.
#[derive(Debug, Clone)]
pub struct MdeDetections {
    name: String,
    endpoint: Endpoint,
    alerts: Alerts,
    transitions: TransitionTable,
    check_pairs: bool,
}

impl MdeDetections {
    pub(crate) fn new(
        name: String,
        endpoint: Endpoint,
        transitions: TransitionTable,
        check_pairs: bool,
    ) -> Self {
        let alerts = Alerts::new(endpoint.clone(), check_pairs);
        Self { name, endpoint, alerts, transitions, check_pairs }
    }

    fn seen(&self, alert: Alert) -> Result<Detection> {
        let mut detection = normalize::detection(alert, &self.name, &self.transitions)?;
        if self.endpoint.connection().cloud() != Cloud::Public {
            // The portal's address is known for the commercial cloud only.
            detection.url = None;
        }
        Ok(detection)
    }

    /// The write that takes `current` to what `change` asks for; `None` when it already is that.
    fn plan(&self, current: &Detection, change: &DetectionChange) -> Result<Option<AlertUpdate>> {
        if let Some(status) = change.status {
            self.transitions.check(UPDATE, current.status, status)?;
        }
        let (classification, determination) = change.verdict_on(current);
        if self.check_pairs
            && let (Some(classification), Some(determination)) = (classification, change.determination)
        {
            check_pair(classification, determination)
                .map_err(|e| Error::new(ErrorKind::InvalidRequest, UPDATE).with_message(e.to_string()))?;
        }
        let missing = change.missing_from(current);
        let mut update = AlertUpdate::new();
        if missing.contains(&ChangePart::Status) {
            update.status = change.status.map(native_status).transpose()?;
        }
        if missing.contains(&ChangePart::AssignedTo) {
            update.assigned_to.clone_from(&change.assigned_to);
        }
        // A comment is always added, also where one with the same text is there.
        update.comment.clone_from(&change.comment);
        if missing.contains(&ChangePart::Classification) || missing.contains(&ChangePart::Determination) {
            update.classification = classification.map(native_classification).transpose()?;
            update.determination = determination.map(native_determination).transpose()?;
        }
        Ok((update != AlertUpdate::default()).then_some(update))
    }
}

#[async_trait]
impl DetectionSource for MdeDetections {
    fn name(&self) -> &str {
        &self.name
    }

    fn product(&self) -> Product {
        Product::DEFENDER_ENDPOINT
    }

    async fn capabilities(&self) -> Result<Capabilities> {
        let mut can = self.endpoint.capabilities(&self.product()).await?;
        can.statuses = self.transitions.writable();
        can.filters = QueryFilters::LOCAL
            .with_updated(Filtering::Native)
            .with_statuses(Filtering::Native)
            .with_min_severity(Filtering::Native);
        Ok(can)
    }

    fn list(&self, query: &DetectionQuery) -> DetectionStream {
        let (filter, exact) = filter(query);
        let mut native = AlertQuery::new().with_filter(filter);
        if query.detail == Detail::Full {
            native = native.with_evidence();
        }
        // Only where the service filters everything is a page of the limit's size sure to hold as many.
        if let (Some(limit), true) = (query.limit, exact) {
            native = native.with_page_size(u32::try_from(limit).unwrap_or(u32::MAX));
        }
        let lane = query.lane.unwrap_or(DEFAULT_LANE);
        let walk = self.alerts.walk(&native, lane, query.limit.is_none(), query.resume.clone());
        let source = self.clone();
        walk.detections(query, move |alert| source.seen(alert))
    }

    async fn get(&self, id: &DetectionId) -> Result<Detection> {
        if id.is_azure_resource() {
            return Err(Error::new(ErrorKind::NotFound, "get the alert")
                .with_message("an Azure resource is no alert of Defender for Endpoint"));
        }
        self.seen(self.alerts.get(&AlertId::new(id.as_str())?).await?)
    }

    async fn update(&self, id: &DetectionId, change: &DetectionChange) -> Result<Detection> {
        let current = &self.get(id).await?;
        let Some(update) = self.plan(current, change)? else { return Ok(current.clone()) };
        self.alerts.write(&AlertId::new(id.as_str())?, &update).await?;
        let clock = self.endpoint.connection().clock();
        read_back(|| self.get(&current.id), &**clock, USUAL_LOOKS, UPDATE, change, current).await
    }
}

/// What the service can filter of a query, and whether that is all of it.
fn filter(query: &DetectionQuery) -> (Option<Filter>, bool) {
    let status = |status| native_status(status).ok().map(|word| fields::STATUS.eq(&word));
    let not = |severity: Severity| fields::SEVERITY.ne(&severity.as_str().into());
    odata::of_query(query, &fields::LAST_UPDATE_TIME, status, not)
}

fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, UPDATE)
        .with_message(format!("Defender for Endpoint does not hold {what}"))
}

fn native_status(status: Status) -> Result<AlertStatus> {
    match status {
        Status::Active => Ok(AlertStatus::New),
        Status::InProgress => Ok(AlertStatus::InProgress),
        Status::Resolved => Ok(AlertStatus::Resolved),
        other => Err(unsupported(&format!("the status {other}"))),
    }
}

fn native_classification(classification: Classification) -> Result<AlertClassification> {
    match classification {
        Classification::TruePositive => Ok(AlertClassification::TruePositive),
        Classification::InformationalExpected => Ok(AlertClassification::InformationalExpectedActivity),
        Classification::FalsePositive => Ok(AlertClassification::FalsePositive),
        other => Err(unsupported(&format!("the classification {other}"))),
    }
}

fn native_determination(determination: Determination) -> Result<AlertDetermination> {
    Ok(match determination {
        Determination::MultiStagedAttack => AlertDetermination::MultiStagedAttack,
        Determination::MaliciousUserActivity => AlertDetermination::MaliciousUserActivity,
        Determination::CompromisedAccount => AlertDetermination::CompromisedUser,
        Determination::Malware => AlertDetermination::Malware,
        Determination::Phishing => AlertDetermination::Phishing,
        Determination::UnwantedSoftware => AlertDetermination::UnwantedSoftware,
        Determination::SecurityTesting => AlertDetermination::SecurityTesting,
        Determination::LineOfBusinessApplication => AlertDetermination::LineOfBusinessApplication,
        Determination::ConfirmedActivity => AlertDetermination::ConfirmedActivity,
        Determination::NotMalicious => AlertDetermination::NotMalicious,
        Determination::InsufficientData => AlertDetermination::InsufficientData,
        Determination::Other => AlertDetermination::Other,
        other => return Err(unsupported(&format!("the determination {other}, which is read only,"))),
    })
}
