#![doc = include_str!("../README.md")]

mod attack;
mod capabilities;
mod change;
mod clock;
mod containment;
mod detection;
mod entity;
mod error;
mod ext;
mod hunting;
mod id;
mod lane;
mod memory;
mod mend;
#[cfg(feature = "ocsf")]
pub mod ocsf;
mod open;
mod permissions;
mod process_tree;
mod product;
mod properties;
mod query;
mod raw;
mod read_back;
mod severity;
mod source;
mod status;
mod stream;
mod timestamp;
mod transition;
mod verdict;

pub use attack::{Tactic, TechniqueId};
pub use capabilities::{Capabilities, Filtering, QueryFilters};
pub use change::{ChangePart, DetectionChange};
pub use clock::{Clock, ManualClock, Sleep};
pub use containment::{
    ActionId, ActionStatus, ContainmentAction, Host, HostContainment, HostId, Isolation, IsolationScope,
};
pub use detection::{Comment, Detection, IncidentRef, Link, Resource};
pub use entity::{
    Application, CloudResource, Container, Device, DomainName, Email, Entity, EntityKind, File, Ip, Mailbox,
    OtherEntity, ParentProcess, Process, RegistryValue, Url, User,
};
pub use error::{Error, ErrorKind, Position, RefusedTransition, Result, ThrottledBy};
pub use ext::DetectionSourceExt;
pub use hunting::{
    Hunt, HuntColumn, HuntColumnKind, HuntQuery, HuntRow, HuntRows, HuntValue, Timespan, flag_column,
    json_column,
};
pub use id::{__check_id, CorrelationKey, DetectionId, InvalidId, KeyBasis};
pub use lane::Lane;
pub use memory::MemorySource;
pub use mend::mended;
pub use open::{UnknownValue, UnknownWord, same_word};
pub use permissions::{Operation, Principal, RequiredPermissions};
pub use process_tree::ProcessNode;
pub use product::Product;
pub use properties::Properties;
pub use query::{DEFAULT_LANE, Detail, DetectionQuery};
pub use raw::RawJson;
pub use read_back::{USUAL_LOOKS, read_back};
pub use severity::Severity;
pub use source::DetectionSource;
pub use status::Status;
pub use stream::{DetectionStream, Reported, ResumePoint, WalkLog, WalkReport};
pub use timestamp::{InvalidTimestamp, parse_timestamp};
pub use transition::{Step, TransitionTable};
pub use verdict::{Classification, Determination, IllegalPair, check_pair};

/// What the macros of this crate need from its dependencies; not part of the API.
#[doc(hidden)]
pub mod __private {
    pub use serde;
}
