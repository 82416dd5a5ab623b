//! The machine action as the service has it: every documented field and those seen beside them.

use chrono::{DateTime, Utc};
use pocketsoc_model::{ActionStatus, Error, ErrorKind, RawJson, Result, id_type};
use pocketsoc_transport::{Decode as _, lenient};
use serde::Deserialize;

use super::words::{MachineActionKind, MachineActionStatus};
use crate::native::keep_raw;

id_type! {
    /// The id of a machine action: a GUID.
    pub struct MachineActionId("machine action id");
}

/// Something that is done on a machine. Page: "MachineAction resource type".
///
/// Only the id can be relied on; every other field may be absent. [`raw`](Self::raw) has what is not typed.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MachineAction {
    /// The id.
    pub id: MachineActionId,
    /// What it does.
    #[serde(default, rename = "type", deserialize_with = "lenient::word")]
    pub kind: Option<MachineActionKind>,
    /// How much of it: `Full` or `Selective` of an isolation, `Full` or `Quick` of a scan.
    #[serde(default, deserialize_with = "lenient::text")]
    pub scope: Option<String>,
    /// The service's title of it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub title: Option<String>,
    /// Who asked for it: a user or an application.
    #[serde(default, deserialize_with = "lenient::text")]
    pub requestor: Option<String>,
    /// Why.
    #[serde(default, deserialize_with = "lenient::text")]
    pub requestor_comment: Option<String>,
    /// Through what, such as `PublicApi`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub request_source: Option<String>,
    /// An id of the requestor's own.
    #[serde(default, alias = "externalID", deserialize_with = "lenient::text")]
    pub external_id: Option<String>,
    /// How far it has come.
    #[serde(default, deserialize_with = "lenient::word")]
    pub status: Option<MachineActionStatus>,
    /// The machine.
    #[serde(default, deserialize_with = "lenient::text")]
    pub machine_id: Option<String>,
    /// The machine's name; often absent at first.
    #[serde(default, deserialize_with = "lenient::text")]
    pub computer_dns_name: Option<String>,
    /// When it was asked for.
    #[serde(default, deserialize_with = "lenient::time")]
    pub creation_date_time_utc: Option<DateTime<Utc>>,
    /// When anything of it last changed.
    #[serde(default, alias = "lastUpdateTimeUtc", deserialize_with = "lenient::time")]
    pub last_update_date_time_utc: Option<DateTime<Utc>>,
    /// Who called it off.
    #[serde(default, deserialize_with = "lenient::text")]
    pub cancellation_requestor: Option<String>,
    /// Why.
    #[serde(default, deserialize_with = "lenient::text")]
    pub cancellation_comment: Option<String>,
    /// When.
    #[serde(default, deserialize_with = "lenient::time")]
    pub cancellation_date_time_utc: Option<DateTime<Utc>>,
    /// What went wrong, as a Windows result code; 0 for nothing.
    #[serde(default, rename = "errorHResult", deserialize_with = "lenient::integer")]
    pub error_h_result: Option<i64>,
    /// The file that it is about.
    #[serde(default, deserialize_with = "lenient::object")]
    pub related_file_info: Option<RelatedFileInfo>,
    /// The commands of a live response, with their results.
    #[serde(default, deserialize_with = "lenient::objects")]
    pub commands: Vec<LiveResponseCommand>,
    #[serde(skip)]
    raw: Option<RawJson>,
}

/// The file that a machine action is about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RelatedFileInfo {
    /// Its hash.
    #[serde(default, deserialize_with = "lenient::text")]
    pub file_identifier: Option<String>,
    /// Which hash: `Sha1`, `Sha256` or `Md5`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub file_identifier_type: Option<String>,
}

/// One command of a live response.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LiveResponseCommand {
    /// Its place.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub index: Option<i64>,
    /// When it began.
    #[serde(default, deserialize_with = "lenient::time")]
    pub start_time: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(default, deserialize_with = "lenient::time")]
    pub end_time: Option<DateTime<Utc>>,
    /// How far it has come, such as `Completed`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub command_status: Option<String>,
    /// What went wrong.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub errors: Vec<String>,
    /// The command itself, as it came.
    #[serde(default)]
    pub command: Option<RawJson>,
}

/// What a script of a live response said: the file behind
/// [`live_response_link`](crate::MachineActions::live_response_link) of a `RunScript` command. Page: "Get live response
/// results".
///
/// ```
/// use mde_client::ScriptOutput;
/// let file = r#"{"script_name":"look.ps1","exit_code":0,"script_output":"51 MB","script_errors":""}"#;
/// assert_eq!(ScriptOutput::from_json(file)?.exit_code, Some(0));
/// # Ok::<(), mde_client::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ScriptOutput {
    /// The script.
    #[serde(default, deserialize_with = "lenient::text")]
    pub script_name: Option<String>,
    /// What it ended with; 0 is well.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub exit_code: Option<i64>,
    /// What it said.
    #[serde(default, deserialize_with = "lenient::text")]
    pub script_output: Option<String>,
    /// What it complained of.
    #[serde(default, deserialize_with = "lenient::text")]
    pub script_errors: Option<String>,
}

impl ScriptOutput {
    /// Reads the file.
    ///
    /// # Errors
    /// `Decode` when it is no JSON object.
    pub fn from_json(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|e| {
            Error::new(ErrorKind::Decode, "read a script's output").with_message("it is none").with_source(e)
        })
    }
}

keep_raw!(MachineAction);

impl MachineAction {
    /// Reads a machine action from its JSON, as the service or a file has it.
    ///
    /// # Errors
    /// `Decode` when it is no JSON object with an id.
    pub fn from_json(text: &str) -> Result<Self> {
        Self::decode(text).map_err(|e| {
            Error::new(ErrorKind::Decode, "read a machine action")
                .with_message("it is no machine action")
                .with_source(e)
        })
    }

    /// How far it has come, in the shared words.
    pub fn progress(&self) -> ActionStatus {
        self.status.as_ref().map_or(ActionStatus::Unknown, MachineActionStatus::normalized)
    }

    /// Whether it is asked for or running.
    pub fn is_under_way(&self) -> bool {
        !self.progress().is_final()
    }

    /// Whether it did what it was asked for, once it is final.
    ///
    /// # Errors
    /// `NotApplied` for one that failed, timed out or was called off; `Conflict` for one that is still under way.
    pub fn outcome(&self) -> Result<()> {
        let what = self.kind.as_ref().map_or("the action", |kind| kind.as_str());
        let error =
            |kind, text: String| Err(Error::new(kind, "wait for the machine action").with_message(text));
        match self.progress() {
            ActionStatus::Succeeded => Ok(()),
            ActionStatus::Failed => {
                let code = self.error_h_result.filter(|code| *code != 0);
                let code = code.map_or_else(String::new, |code| format!(" (error {code})"));
                error(ErrorKind::NotApplied, format!("{what} failed on the machine{code}"))
            }
            ActionStatus::TimedOut => {
                error(ErrorKind::NotApplied, format!("{what} timed out: the machine did not answer"))
            }
            ActionStatus::Cancelled => {
                let by = self.cancellation_requestor.as_deref().unwrap_or("somebody");
                error(ErrorKind::NotApplied, format!("{what} was called off by {by}"))
            }
            _ => error(ErrorKind::Conflict, format!("{what} is still under way")),
        }
    }
}
