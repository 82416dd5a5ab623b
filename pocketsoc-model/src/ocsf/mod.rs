//! Detections as OCSF: Detection Finding, class 2004, of schema version 1.5.0.
//!
//! What a detection says goes where the schema has a place for it; what has none is under
//! [`unmapped`](DetectionFinding::unmapped), and every entity stands whole in the `data` of its evidence: nothing is
//! lost on the way. The names in here are the schema's own, as are the numbers.

mod evidence;
mod finding;
mod objects;

use std::fmt;

pub use objects::{
    Account, Analytic, Attack, Cloud, Container, DetectionFinding, Device, DnsQuery, Email, Evidence, File,
    FindingInfo, Fingerprint, Group, Image, Metadata, NetworkEndpoint, Observable, Os, Process, ProductInfo,
    RelatedEvent, ResourceDetails, Unmapped, Url, User, WellKnown,
};

use crate::Detection;

/// The version of the schema.
pub const VERSION: &str = "1.5.0";

/// What happened to the finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Activity {
    /// It is there: `activity_id` 1.
    Create,
    /// It has changed: `activity_id` 2.
    Update,
    /// It has been closed: `activity_id` 3.
    Close,
}

impl Activity {
    /// The schema's number.
    pub fn id(self) -> u8 {
        match self {
            Self::Create => 1,
            Self::Update => 2,
            Self::Close => 3,
        }
    }
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "Create",
            Self::Update => "Update",
            Self::Close => "Close",
        })
    }
}

impl Detection {
    /// The detection as an OCSF Detection Finding.
    ///
    /// `time` is when the detection was raised (or, where the source does not say, the first time it names), in
    /// milliseconds since 1970. The source's own object is left out; [`DetectionFinding::with_raw_data`] adds it.
    ///
    /// ```
    /// use pocketsoc_model::ocsf::Activity;
    /// use pocketsoc_model::{Detection, DetectionId, Product, Severity};
    /// let mut detection = Detection::new(DetectionId::new("da1")?, Product::DEFENDER_ENDPOINT, "Odd process");
    /// detection.severity = Severity::High;
    /// let finding = detection.to_ocsf(Activity::Create);
    /// assert_eq!((finding.class_uid, finding.type_uid, finding.severity_id), (2004, 200_401, 4));
    /// # Ok::<(), pocketsoc_model::InvalidId>(())
    /// ```
    pub fn to_ocsf(&self, activity: Activity) -> DetectionFinding {
        finding::of(self, activity)
    }
}
