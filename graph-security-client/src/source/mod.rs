//! Graph security as two sources of detections: alerts and incidents.

mod alerts;
mod change;
mod incidents;

pub use alerts::GraphAlertDetections;
pub use incidents::GraphIncidentDetections;
