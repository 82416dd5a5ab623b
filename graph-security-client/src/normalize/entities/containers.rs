//! Containers and what they run in.

use pocketsoc_model::{Container, Entity, EntityKind};

use super::{cloud, first, named, with_rest};
use crate::evidence::{
    ContainerEvidence, ContainerImageEvidence, EvidenceDetail, KubernetesClusterEvidence,
    KubernetesNamespaceEvidence, KubernetesPodEvidence, Part,
};

/// Where a pod runs: namespace and cluster.
fn place(container: &mut Container, namespace: Option<&Part<KubernetesNamespaceEvidence>>) {
    let Some(namespace) = namespace.map(|part| &part.detail) else { return };
    container.namespace.clone_from(&namespace.name);
    container.cluster = namespace.cluster.as_ref().and_then(|cluster| cluster.detail.name.clone());
}

pub(in super::super) fn container(mut evidence: ContainerEvidence) -> Entity {
    let mut container = Container::default();
    container.id = evidence.container_id.take();
    container.image = evidence.image.as_ref().and_then(|image| image.detail.image_id.clone());
    if let Some(pod) = &evidence.pod {
        container.pod.clone_from(&pod.detail.name);
        place(&mut container, pod.detail.namespace.as_deref());
    }
    let name = first([&evidence.name.take(), &container.id]);
    with_rest(named(EntityKind::Container(Box::new(container)), name), evidence)
}

pub(in super::super) fn image(mut evidence: ContainerImageEvidence) -> Entity {
    let mut container = Container::default();
    container.image = evidence.image_id.take();
    let name = first([&container.image]);
    with_rest(named(EntityKind::Container(Box::new(container)), name), evidence)
}

pub(in super::super) fn pod(mut evidence: KubernetesPodEvidence) -> Entity {
    let mut container = Container::default();
    container.pod = evidence.name.take();
    place(&mut container, evidence.namespace.as_deref());
    let name = first([&container.pod]);
    with_rest(named(EntityKind::Container(Box::new(container)), name), evidence)
}

/// By the resource in a cloud that it is, where that is told.
pub(in super::super) fn cluster(mut evidence: KubernetesClusterEvidence) -> Entity {
    let id = evidence.cloud_resource.as_ref().and_then(|resource| match &resource.detail {
        EvidenceDetail::AzureResource(azure) => azure.resource_id.clone(),
        EvidenceDetail::AmazonResource(amazon) => amazon.amazon_resource_id.clone(),
        EvidenceDetail::GoogleCloudResource(google) => google.full_resource_name.clone(),
        _ => None,
    });
    with_rest(cloud::resource(id, Some("kubernetesCluster".into()), evidence.name.take()), evidence)
}
