//! The push: alerts that Defender for Cloud sends through a Logic App the moment they fire.

mod casing;
mod event;
mod receiver;

pub use event::{OtherEvent, PushEvent, PushedAlert, normalize_push};
pub use receiver::{PushRequest, Received, Receiver, Refusal};
