//! Evidence as entities: what an alert involves, and what follows from it.

use pocketsoc_model::{Detection, Entity, Resource};

use super::entities::{cloud, containers, endpoint, identity, mail, network, of_kind};
use super::gathered::{Gathered, Resources};
use crate::evidence::{Evidence, EvidenceDetail, Fields, Told};

/// Sets the entities of an alert, and what follows from them: resources, provider, device group.
pub(super) fn set_entities(detection: &mut Detection, evidence: Vec<Evidence>, unreadable: usize) {
    if unreadable > 0 {
        // The rest of the alert is worth showing; what cannot be read is in the raw one.
        detection.properties.set("unreadableEvidence", unreadable.to_string());
    }
    let (mut gathered, mut resources) = (Gathered::default(), Resources::default());
    gathered.entities.reserve(evidence.len());
    for piece in evidence {
        if let EvidenceDetail::Device(device) = &piece.detail
            && detection.machine_group.is_none()
        {
            detection.machine_group.clone_from(&device.rbac_group_name);
        }
        if let Some((provider, resource)) = resource(&piece.detail) {
            detection.provider.get_or_insert_with(|| provider.to_owned());
            resources.add(resource);
        }
        gathered.add(entity(piece));
    }
    detection.entities = gathered.entities;
    detection.resources = resources.list;
}

/// The resource of a cloud that a piece of evidence is, and the cloud.
fn resource(detail: &EvidenceDetail) -> Option<(&'static str, Resource)> {
    let (provider, id, name) = match detail {
        EvidenceDetail::AzureResource(azure) => ("Azure", &azure.resource_id, &azure.resource_name),
        EvidenceDetail::AmazonResource(amazon) => ("AWS", &amazon.amazon_resource_id, &amazon.resource_name),
        EvidenceDetail::GoogleCloudResource(google) => {
            ("GCP", &google.full_resource_name, &google.resource_name)
        }
        _ => return None,
    };
    let mut resource = Resource::new(id.clone().or_else(|| name.clone()).unwrap_or_default());
    resource.kind = Some(detail.type_name().to_owned());
    resource.name.clone_from(name);
    Some((provider, resource))
}

/// One piece of evidence.
fn entity(evidence: Evidence) -> Entity {
    let mut common = evidence.common;
    let word = |word: &str| word.to_owned();
    let verdict = common.verdict.take().map(|w| word(w.as_str()));
    let remediation = common.remediation_status.take().map(|w| word(w.as_str()));
    let roles = std::mem::take(&mut common.roles);
    let detailed_roles = std::mem::take(&mut common.detailed_roles);
    let seen_at = common.created_date_time.take();
    let mut entity = of_detail(evidence.detail, &evidence.more);
    entity.verdict = verdict;
    entity.remediation = remediation;
    entity.roles = roles.iter().map(|w| word(w.as_str())).chain(detailed_roles).collect();
    entity.seen_at = seen_at;
    let mut rest = Told::to(&mut entity.properties);
    common.tell(&mut rest);
    rest.set_raw(&evidence.more);
    entity
}

fn of_detail(detail: EvidenceDetail, more: &[(String, pocketsoc_model::RawJson)]) -> Entity {
    use EvidenceDetail as E;
    let kind = detail.type_name().to_owned();
    match detail {
        E::Device(it) => endpoint::device(*it),
        E::IotDevice(it) => endpoint::iot_device(*it),
        E::File(it) => endpoint::file(*it),
        E::FileHash(it) => endpoint::file_hash(*it),
        E::Process(it) => endpoint::process(*it),
        E::RegistryKey(it) => endpoint::registry_key(*it),
        E::RegistryValue(it) => endpoint::registry_value(*it),
        E::Malware(mut it) => of_kind(kind, [it.name.take()], *it),
        E::User(it) => identity::user(*it),
        E::GitHubUser(it) => identity::github_user(*it),
        E::ServicePrincipal(it) => identity::service_principal(*it),
        E::OauthApplication(it) => identity::oauth_application(*it),
        E::CloudApplication(it) => identity::cloud_application(*it),
        E::SecurityGroup(mut it) => {
            of_kind(kind, [it.display_name.take(), it.friendly_name.clone(), it.sid.clone()], *it)
        }
        E::HostLogonSession(mut it) => of_kind(kind, [it.session_id.take()], *it),
        E::CloudLogonSession(mut it) => of_kind(kind, [it.session_id.take()], *it),
        E::CloudLogonRequest(mut it) => of_kind(kind, [it.request_id.take()], *it),
        E::GitHubOrganization(mut it) => of_kind(kind, [it.login.take(), it.display_name.clone()], *it),
        E::GitHubRepo(mut it) => of_kind(kind, [it.base_url.take(), it.repo_id.clone()], *it),
        E::AnalyzedMessage(it) => mail::message(*it),
        E::SubmissionMail(it) => mail::submission(*it),
        E::Mailbox(it) => mail::mailbox(*it),
        E::MailboxConfiguration(mut it) => {
            of_kind(kind, [it.display_name.take(), it.configuration_id.clone()], *it)
        }
        E::MailCluster(mut it) => of_kind(kind, [it.cluster_by_value.take(), it.query.clone()], *it),
        E::TeamsMessage(mut it) => {
            of_kind(kind, [it.subject.take(), it.sender_from_address.clone(), it.message_id.clone()], *it)
        }
        E::Ip(it) => network::ip(*it),
        E::Url(it) => network::url(*it),
        E::Dns(it) => network::dns(*it),
        E::Nic(mut it) => of_kind(kind, [it.mac_address.take()], *it),
        E::NetworkConnection(it) => network::connection(kind, *it),
        E::AzureResource(it) => cloud::azure(*it),
        E::AmazonResource(it) => cloud::amazon(*it),
        E::GoogleCloudResource(it) => cloud::google(*it),
        E::Blob(it) => cloud::blob(*it),
        E::BlobContainer(it) => cloud::blob_container(*it),
        E::SasToken(mut it) => of_kind(kind, [it.signature_hash.take()], *it),
        E::Container(it) => containers::container(*it),
        E::ContainerImage(it) => containers::image(*it),
        E::ContainerRegistry(mut it) => of_kind(kind, [it.registry.take()], *it),
        E::KubernetesPod(it) => containers::pod(*it),
        E::KubernetesCluster(it) => containers::cluster(*it),
        E::KubernetesController(mut it) => of_kind(kind, [it.name.take()], *it),
        E::KubernetesNamespace(mut it) => of_kind(kind, [it.name.take()], *it),
        E::KubernetesSecret(mut it) => of_kind(kind, [it.name.take()], *it),
        E::KubernetesService(mut it) => of_kind(kind, [it.name.take()], *it),
        E::KubernetesServiceAccount(mut it) => of_kind(kind, [it.name.take()], *it),
        E::Other(_) => super::entities::unknown(kind, more),
    }
}
