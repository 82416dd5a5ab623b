//! Resources of clouds.

use pocketsoc_model::{CloudResource, Entity, EntityKind};

use super::{named, with_rest};
use crate::evidence::{
    AmazonResourceEvidence, AzureResourceEvidence, BlobContainerEvidence, BlobEvidence,
    GoogleCloudResourceEvidence,
};

pub(in super::super) fn resource(id: Option<String>, kind: Option<String>, name: Option<String>) -> Entity {
    let name = name.filter(|name| !name.is_empty()).or_else(|| id.clone());
    let mut resource = CloudResource::default();
    (resource.id, resource.kind) = (id, kind);
    named(EntityKind::CloudResource(resource), name)
}

pub(in super::super) fn azure(evidence: AzureResourceEvidence) -> Entity {
    resource(evidence.resource_id, evidence.resource_type, evidence.resource_name)
}

pub(in super::super) fn amazon(mut evidence: AmazonResourceEvidence) -> Entity {
    let (id, kind) = (evidence.amazon_resource_id.take(), evidence.resource_type.take());
    with_rest(resource(id, kind, evidence.resource_name.take()), evidence)
}

pub(in super::super) fn google(mut evidence: GoogleCloudResourceEvidence) -> Entity {
    let (id, kind) = (evidence.full_resource_name.take(), evidence.resource_type.take());
    with_rest(resource(id, kind, evidence.resource_name.take()), evidence)
}

pub(in super::super) fn blob(mut evidence: BlobEvidence) -> Entity {
    let (id, name) = (evidence.url.take(), evidence.name.take());
    with_rest(resource(id, Some("blob".into()), name), evidence)
}

pub(in super::super) fn blob_container(mut evidence: BlobContainerEvidence) -> Entity {
    let (id, name) = (evidence.url.take(), evidence.name.take());
    with_rest(resource(id, Some("blobContainer".into()), name), evidence)
}
