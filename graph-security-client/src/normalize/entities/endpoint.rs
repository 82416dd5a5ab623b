//! Machines and what is on them.

use pocketsoc_model::{Device, Entity, EntityKind, File, ParentProcess, Process, RegistryValue};

use super::{first, identity, named, with_rest};
use crate::evidence::{
    DetectionStatus, DeviceEvidence, Fields as _, FileDetails, FileEvidence, FileHashAlgorithm,
    FileHashEvidence, IotDeviceEvidence, ProcessEvidence, RegistryKeyEvidence, RegistryValueEvidence, Told,
};

pub(in super::super) fn device(mut evidence: DeviceEvidence) -> Entity {
    let name = first([&evidence.device_dns_name, &evidence.host_name, &evidence.mde_device_id]);
    let mut device = Device::default();
    device.id = evidence.mde_device_id.take();
    device.dns_name = evidence.device_dns_name.take();
    device.aad_device_id = evidence.azure_ad_device_id.take();
    device.os = evidence.os_platform.take();
    device.risk = evidence.risk_score.take().map(|word| word.to_string());
    device.health = evidence.health_status.take().map(|word| word.to_string());
    device.group = evidence.rbac_group_name.take();
    // No group has the number 0.
    evidence.rbac_group_id = evidence.rbac_group_id.filter(|id| *id != 0);
    let logged_on = std::mem::take(&mut evidence.logged_on_users).into_iter();
    let logged_on = logged_on.filter_map(|user| match (user.domain_name, user.account_name) {
        (Some(domain), Some(name)) => Some(format!("{domain}\\{name}")),
        (_, name) => name,
    });
    let logged_on: Vec<_> = logged_on.collect();
    let mut entity = named(EntityKind::Device(Box::new(device)), name);
    entity.properties.reserve(16, 512);
    entity.properties.set_some("loggedOnUsers", (!logged_on.is_empty()).then(|| logged_on.join(", ")));
    with_rest(entity, evidence)
}

pub(in super::super) fn iot_device(mut evidence: IotDeviceEvidence) -> Entity {
    let mut device = Device::default();
    device.id = evidence.device_id.take();
    device.os = evidence.operating_system.take();
    let name = first([&evidence.device_name.take(), &device.id]);
    with_rest(named(EntityKind::Device(Box::new(device)), name), evidence)
}

fn found(entity: &mut Entity, status: Option<DetectionStatus>) {
    entity.detection_status = status.map(|word| word.to_string());
}

pub(in super::super) fn file(mut evidence: FileEvidence) -> Entity {
    let mut details = evidence.file_details.take().unwrap_or_default();
    let status = evidence.detection_status.take();
    let name = first([&details.file_name, &details.sha256, &details.sha1, &details.md5]);
    details.file_name = None;
    let mut file = File::default();
    file.path = details.file_path.take();
    file.sha1 = details.sha1.take();
    file.sha256 = details.sha256.take();
    file.md5 = details.md5.take();
    file.size = details.file_size.take();
    let mut entity = with_rest(named(EntityKind::File(Box::new(file)), name), details);
    found(&mut entity, status);
    with_rest(entity, evidence)
}

pub(in super::super) fn file_hash(mut evidence: FileHashEvidence) -> Entity {
    let mut file = File::default();
    let name = evidence.value.clone();
    let known = match evidence.algorithm {
        Some(FileHashAlgorithm::Md5) => Some(&mut file.md5),
        Some(FileHashAlgorithm::Sha1) => Some(&mut file.sha1),
        Some(FileHashAlgorithm::Sha256) => Some(&mut file.sha256),
        _ => None,
    };
    if let Some(known) = known {
        *known = evidence.value.take();
        evidence.algorithm = None;
    }
    with_rest(named(EntityKind::File(Box::new(file)), name), evidence)
}

pub(in super::super) fn process(mut evidence: ProcessEvidence) -> Entity {
    let parent = evidence.parent_process_image_file.take();
    let known = parent.is_some() || evidence.parent_process_id.is_some();
    let mut parent = parent.unwrap_or_default();
    let mut started_by = Process::default();
    started_by.pid = evidence.parent_process_id.take();
    started_by.started_at = evidence.parent_process_creation_date_time.take();
    let parent_name = parent.file_name.take();
    take_image(&mut started_by, &mut parent);

    let mut image = evidence.image_file.take().unwrap_or_default();
    let image_name = image.file_name.take();
    let mut process = Process::default();
    process.pid = evidence.process_id.take();
    process.command_line = evidence.process_command_line.take();
    process.started_at = evidence.process_creation_date_time.take();
    take_image(&mut process, &mut image);
    process.parent = known.then(|| Box::new(ParentProcess::new(parent_name.unwrap_or_default(), started_by)));
    let name = first([&image_name]).or_else(|| process.pid.map(|pid| pid.to_string()));

    let mut entity = named(EntityKind::Process(Box::new(process)), name);
    found(&mut entity, evidence.detection_status.take());
    entity.properties.reserve(12, 384);
    let account = evidence.user_account.take();
    let mut entity = with_rest(with_rest(entity, evidence), image);
    let mut told = Told::to(&mut entity.properties);
    told.within("parentProcess", |told| parent.tell(told));
    identity::set_account(&mut told, account);
    entity
}

fn take_image(process: &mut Process, image: &mut FileDetails) {
    process.path = image.file_path.take();
    process.sha1 = image.sha1.take();
    process.sha256 = image.sha256.take();
}

pub(in super::super) fn registry_key(evidence: RegistryKeyEvidence) -> Entity {
    let mut value = RegistryValueEvidence::default();
    (value.registry_hive, value.registry_key) = (evidence.registry_hive, evidence.registry_key);
    registry_value(value)
}

pub(in super::super) fn registry_value(mut evidence: RegistryValueEvidence) -> Entity {
    let name = first([&evidence.registry_key, &evidence.registry_value_name]);
    let mut registry = RegistryValue::default();
    registry.hive = evidence.registry_hive.take();
    registry.key = evidence.registry_key.take();
    registry.value_name = evidence.registry_value_name.take();
    registry.value_type = evidence.registry_value_type.take();
    registry.value = evidence.registry_value.take();
    with_rest(named(EntityKind::Registry(Box::new(registry)), name), evidence)
}
