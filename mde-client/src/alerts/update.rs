//! What to change on an alert, and how each page wants it spelled.

use pocketsoc_model::{Classification, Determination, Error, ErrorKind, Result, check_pair};
use pocketsoc_transport::{Call, Replay};
use serde::Serialize;

use super::alert::{Alert, AlertId};
use super::words::{AlertClassification, AlertDetermination, AlertStatus};

/// What to change on an alert; what is not set is not sent. Page: "Update alert".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct AlertUpdate {
    /// The new status: `New`, `InProgress` or `Resolved`.
    pub status: Option<AlertStatus>,
    /// The new owner.
    pub assigned_to: Option<String>,
    /// The new verdict.
    pub classification: Option<AlertClassification>,
    /// The new reason behind the verdict.
    pub determination: Option<AlertDetermination>,
    /// A comment to add.
    pub comment: Option<String>,
    spelled: Spelled,
}

/// Reasons that are read and never written.
const READ_ONLY: [AlertDetermination; 3] =
    [AlertDetermination::NotAvailable, AlertDetermination::Apt, AlertDetermination::SecurityPersonnel];

/// Words to be sent letter for letter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Spelled {
    classification: Option<String>,
    determination: Option<String>,
}

impl AlertUpdate {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also a new status.
    pub fn with_status(mut self, status: AlertStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// Also a new owner.
    pub fn with_assigned_to(mut self, user: impl Into<String>) -> Self {
        self.assigned_to = Some(user.into());
        self
    }

    /// Also a verdict.
    pub fn with_classification(mut self, classification: AlertClassification) -> Self {
        (self.classification, self.spelled.classification) = (Some(classification), None);
        self
    }

    /// Also the reason behind the verdict.
    pub fn with_determination(mut self, determination: AlertDetermination) -> Self {
        (self.determination, self.spelled.determination) = (Some(determination), None);
        self
    }

    /// Also a verdict, sent letter for letter: the pages do not agree on how one of them is spelled.
    pub fn with_classification_spelled(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        (self.classification, self.spelled.classification) = (Some(text.as_str().into()), Some(text));
        self
    }

    /// Also the reason behind the verdict, sent letter for letter: the pages do not agree on how two of them are spelled
    /// (`ConfirmedActivity` or `ConfirmedUserActivity`, `NotMalicious` or `Clean`).
    pub fn with_determination_spelled(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        (self.determination, self.spelled.determination) = (Some(text.as_str().into()), Some(text));
        self
    }

    /// Also a comment.
    pub fn with_comment(mut self, text: impl Into<String>) -> Self {
        self.comment = Some(text.into());
        self
    }

    /// Checks what the service would refuse and, where asked, what it does not document.
    pub(super) fn check(&self, pairs: bool) -> Result<()> {
        let refuse = |message: &str| {
            Err(Error::new(ErrorKind::InvalidRequest, "update the alert").with_message(message))
        };
        if *self == Self::default() {
            return refuse("nothing is to be changed");
        }
        if self.status == Some(AlertStatus::Unknown)
            || self.classification == Some(AlertClassification::Unknown)
        {
            return refuse("`Unknown` is read, never written");
        }
        if let Some(word) = self.determination.as_ref().filter(|word| READ_ONLY.contains(word)) {
            return refuse(&format!("`{}` is read, never written", word.as_str()));
        }
        if pairs { self.check_pair() } else { Ok(()) }
    }

    fn check_pair(&self) -> Result<()> {
        let (Some(classification), Some(determination)) = (&self.classification, &self.determination) else {
            return Ok(());
        };
        // A word that this version does not know is the caller's own business.
        if !classification.is_known() || !determination.is_known() {
            return Ok(());
        }
        let verdict = Classification::from_native(classification.as_str());
        check_pair(verdict, Determination::from_native(determination.as_str())).map_err(|pair| {
            Error::new(ErrorKind::InvalidRequest, "update the alert")
                .with_message(pair.to_string())
                .with_hint("take one of those, or let the client allow any pair")
        })
    }

    /// An absolute state may be written twice; a comment would appear twice.
    fn replay(&self) -> Replay {
        if self.comment.is_some() { Replay::Never } else { Replay::Always }
    }

    /// The body for one alert, or for many, whose page spells two words otherwise.
    pub(super) fn body(&self, call: Call, ids: Option<&[AlertId]>) -> Result<Call> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            alert_ids: Option<Vec<&'a str>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            status: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            assigned_to: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            classification: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            determination: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            comment: Option<&'a str>,
        }
        let determination = self.determination.as_ref().map(|word| match word {
            AlertDetermination::ConfirmedActivity if ids.is_some() => "ConfirmedUserActivity",
            AlertDetermination::NotMalicious if ids.is_some() => "Clean",
            other => other.as_str(),
        });
        let classification = self.classification.as_ref().map(AlertClassification::as_str);
        let body = Body {
            alert_ids: ids.map(|ids| ids.iter().map(AlertId::as_str).collect()),
            status: self.status.as_ref().map(AlertStatus::as_str),
            assigned_to: self.assigned_to.as_deref(),
            classification: self.spelled.classification.as_deref().or(classification),
            determination: self.spelled.determination.as_deref().or(determination),
            comment: self.comment.as_deref(),
        };
        call.with_replay(self.replay()).with_json(&body)
    }

    /// Whether an alert is what was asked for.
    pub(super) fn shows_in(&self, alert: &Alert) -> bool {
        fn fits<T: PartialEq>(own: Option<&T>, asked: Option<&T>) -> bool {
            asked.is_none_or(|asked| own == Some(asked))
        }
        let said = |asked: &String| alert.comments.iter().any(|own| own.comment.as_ref() == Some(asked));
        let owned =
            |asked: &String| alert.assigned_to.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(asked));
        fits(alert.status.as_ref(), self.status.as_ref())
            && fits(alert.classification.as_ref(), self.classification.as_ref())
            && fits(alert.determination.as_ref(), self.determination.as_ref())
            && self.assigned_to.as_ref().is_none_or(owned)
            && self.comment.as_ref().is_none_or(said)
    }
}
