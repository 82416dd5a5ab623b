//! Incidents that are merged: by hand, and followed to where they lead.

use pocketsoc_model::{Error, ErrorKind, Result};
use pocketsoc_transport::{Call, Method, Replay};
use serde::{Deserialize, Serialize};

use super::{Incident, IncidentId, Incidents};
use crate::client::call;

/// So many merges in a row are followed.
const HOPS: usize = 16;

/// Incidents to be merged into one. Page: "Merge incidents".
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct IncidentMerge {
    incident_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident_comment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merge_reasons: Option<String>,
}

impl IncidentMerge {
    /// These; which of them the others become part of, the service decides.
    pub fn of<'a>(ids: impl IntoIterator<Item = &'a IncidentId>) -> Self {
        let incident_ids = ids.into_iter().map(|id| id.as_str().to_owned()).collect();
        Self { incident_ids, incident_comment: None, merge_reasons: None }
    }

    /// Why, in words.
    pub fn with_comment(mut self, text: impl Into<String>) -> Self {
        self.incident_comment = Some(text.into());
        self
    }

    /// Why, in the service's words, such as `sameCampaign` and `sameActor`.
    pub fn with_reasons(mut self, reasons: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let reasons: Vec<String> = reasons.into_iter().map(|reason| reason.as_ref().to_owned()).collect();
        self.merge_reasons = Some(reasons.join(", "));
        self
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Merged {
    target_incident_id: IncidentId,
}

impl Incidents {
    /// Merges incidents into one of them, whose id is returned; the others are `redirected` to it from then on. It cannot
    /// be undone and is never sent twice. Page: "Merge incidents". Needs `SecurityData.Manage.All`.
    ///
    /// # Errors
    /// `InvalidRequest` for fewer than two; `OutcomeUnknown` when it may have happened: get the incidents and look where
    /// they lead.
    pub async fn merge(&self, merge: &IncidentMerge) -> Result<IncidentId> {
        let merged: Merged = self.endpoint.json(&self::merge(merge)?).await?;
        Ok(merged.target_incident_id)
    }

    /// The incident that one has become part of, wherever that leads; itself where it was not merged. Page: "Get
    /// incident". Needs `SecurityIncident.Read.All`.
    ///
    /// # Errors
    /// `NotFound` when there is none with this id; `Unexpected` where merges lead in a circle.
    pub async fn get_following(&self, id: &IncidentId) -> Result<Incident> {
        let mut seen = vec![id.clone()];
        let mut incident = self.get(id).await?;
        while let Some(next) = incident.redirect_incident_id.clone().filter(|next| !next.is_empty()) {
            let next = IncidentId::new(next)?;
            if seen.contains(&next) || seen.len() > HOPS {
                return Err(Error::new(ErrorKind::Unexpected, "get the incident")
                    .with_message("its merges lead in a circle")
                    .with_candidates(seen.iter().map(ToString::to_string)));
            }
            incident = self.get(&next).await?;
            seen.push(next);
        }
        Ok(incident)
    }
}

/// The call behind [`Incidents::merge`].
fn merge(merge: &IncidentMerge) -> Result<Call> {
    if merge.incident_ids.len() < 2 {
        return Err(Error::new(ErrorKind::InvalidRequest, "merge incidents")
            .with_message("two incidents or more are merged"));
    }
    let call = call(Method::Post, "merge incidents", "/v1.0/security/incidents/mergeIncidents", &[])?;
    call.with_permission("SecurityData.Manage.All").with_replay(Replay::Never).with_json(merge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_is_asked_for_as_the_page_has_it_and_only_once() {
        let ids = ["2972395", "2972396"].map(|id| IncidentId::new(id).unwrap());
        let both =
            IncidentMerge::of(&ids).with_comment("one campaign").with_reasons(["sameCampaign", "sameActor"]);
        let call = merge(&both).unwrap();
        assert_eq!(
            std::str::from_utf8(call.body().unwrap()).unwrap(),
            r#"{"incidentIds":["2972395","2972396"],"incidentComment":"one campaign","mergeReasons":"sameCampaign, sameActor"}"#
        );
        assert_eq!(
            (call.target().as_str(), call.replay()),
            ("/v1.0/security/incidents/mergeIncidents", Replay::Never)
        );
        assert!(merge(&IncidentMerge::of(&ids[..1])).is_err());
    }
}
