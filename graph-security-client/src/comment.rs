//! Comments on alerts and incidents.

use chrono::{DateTime, Utc};
use pocketsoc_model::{Comment, Result, parse_timestamp};
use pocketsoc_transport::{Call, Endpoint, lenient};
use serde::{Deserialize, Serialize};

/// A comment. Page: "alertComment resource type".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlertComment {
    /// What was written.
    pub comment: Option<String>,
    /// By whom: a user, or an application's name.
    pub created_by_display_name: Option<String>,
    /// When.
    pub created_date_time: Option<DateTime<Utc>>,
}

impl<'de> Deserialize<'de> for AlertComment {
    /// Older answers have other names for two of the members; one may have both.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let bag = lenient::properties(deserializer)?;
        let text = |names: [&str; 2]| names.into_iter().find_map(|name| bag.get(name)).map(str::to_owned);
        let at = text(["createdDateTime", "createdTime"]);
        Ok(Self {
            comment: text(["comment", "comment"]),
            created_by_display_name: text(["createdByDisplayName", "createdBy"]),
            created_date_time: at.and_then(|at| parse_timestamp(&at).ok()),
        })
    }
}

/// What is sent.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "@odata.type")]
    kind: &'static str,
    comment: &'a str,
}

/// What comes back: all comments, the new one among them.
#[derive(Deserialize)]
struct Answer {
    #[serde(default, deserialize_with = "lenient::objects")]
    value: Vec<AlertComment>,
}

/// A call with a comment to add. It is never sent twice: the comment would be there twice.
pub(crate) fn adding(call: Call, text: &str) -> Result<Call> {
    call.with_json(&Body { kind: "microsoft.graph.security.alertComment", comment: text })
}

/// Adds a comment; all comments as they now are.
pub(crate) async fn add(endpoint: &Endpoint, call: &Call) -> Result<Vec<AlertComment>> {
    Ok(endpoint.json::<Answer>(call).await?.value)
}

pub(crate) fn normalized(comments: Vec<AlertComment>) -> Vec<Comment> {
    let said =
        |c: AlertComment| Some(Comment::new(c.comment?, c.created_by_display_name, c.created_date_time));
    comments.into_iter().filter_map(said).collect()
}
