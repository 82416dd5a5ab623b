//! The objects of the schema, as far as detections fill them.

#![allow(missing_docs)] // every name is the schema's own, and explained there

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{Comment, CorrelationKey, DetectionId, Determination, Entity, Link, Properties, Status};

/// Declares objects: what is absent or empty is not written.
macro_rules! objects {
    ($($(#[$meta:meta])* $name:ident {
        $($required:ident: $required_type:ty,)*
        $(; $($optional:ident: $optional_type:ty,)*)?
        $(; ; $($list:ident: $list_type:ty,)*)?
    })+) => {
        $($(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default, Serialize)]
        #[non_exhaustive]
        pub struct $name {
            $(pub $required: $required_type,)*
            $($(#[serde(skip_serializing_if = "Option::is_none")]
            pub $optional: Option<$optional_type>,)*)?
            $($(#[serde(skip_serializing_if = "Vec::is_empty")]
            pub $list: Vec<$list_type>,)*)?
        })+
    };
}

objects! {
    /// A Detection Finding. Times are milliseconds since 1970, UTC.
    DetectionFinding {
        activity_id: u8,
        activity_name: String,
        category_uid: u8,
        category_name: &'static str,
        class_uid: u16,
        class_name: &'static str,
        type_uid: u32,
        type_name: String,
        time: i64,
        severity_id: u8,
        severity: String,
        status_id: u8,
        status: String,
        message: String,
        is_alert: bool,
        metadata: Metadata,
        finding_info: FindingInfo,
        unmapped: Unmapped,
        ;
        start_time: i64,
        end_time: i64,
        comment: String,
        device: Device,
        assignee: User,
        verdict_id: u8,
        verdict: &'static str,
        cloud: Cloud,
        raw_data: String,
        ; ;
        evidences: Evidence,
        resources: ResourceDetails,
        observables: Observable,
    }

    Metadata {
        version: &'static str,
        product: ProductInfo,
        ;
        tenant_uid: String,
        original_time: String,
        ; ;
        profiles: &'static str,
        labels: String,
    }

    /// The object `product`.
    ProductInfo {
        name: String,
        uid: String,
        vendor_name: String,
        ;
    }

    FindingInfo {
        uid: String,
        title: String,
        ;
        desc: String,
        created_time: i64,
        modified_time: i64,
        first_seen_time: i64,
        last_seen_time: i64,
        src_url: String,
        analytic: Analytic,
        ; ;
        types: String,
        attacks: Attack,
        data_sources: String,
        related_events: RelatedEvent,
    }

    Analytic {
        uid: String,
        type_id: u8,
        ;
    }

    /// A tactic or a technique: the source does not say which belongs to which.
    Attack {
        ;
        tactic: WellKnown,
        technique: WellKnown,
        sub_technique: WellKnown,
    }

    /// A tactic, technique or sub-technique of ATT&CK.
    WellKnown {
        uid: String,
        ;
        name: String,
    }

    RelatedEvent {
        uid: String,
        ;
        r#type: String,
    }

    /// The object `evidences`: typed where the schema has a type, and whole in `data`.
    Evidence {
        ;
        name: String,
        data: Entity,
        device: Device,
        user: User,
        file: File,
        process: Process,
        src_endpoint: NetworkEndpoint,
        dst_endpoint: NetworkEndpoint,
        url: Url,
        query: DnsQuery,
        email: Email,
        container: Container,
        ; ;
        resources: ResourceDetails,
    }

    Device {
        type_id: u8,
        ;
        name: String,
        hostname: String,
        uid: String,
        os: Os,
        ; ;
        groups: Group,
    }

    Os {
        name: String,
        type_id: u16,
        ;
    }

    Group {
        name: String,
        ;
    }

    User {
        ;
        name: String,
        uid: String,
        uid_alt: String,
        domain: String,
        email_addr: String,
        full_name: String,
    }

    File {
        name: String,
        type_id: u8,
        ;
        path: String,
        size: i64,
        ; ;
        hashes: Fingerprint,
    }

    Fingerprint {
        algorithm_id: u8,
        algorithm: &'static str,
        value: String,
        ;
    }

    Process {
        pid: i64,
        ;
        name: String,
        cmd_line: String,
        created_time: i64,
        file: File,
        parent_process: Box<Self>,
    }

    NetworkEndpoint {
        ip: String,
        ;
    }

    Url {
        url_string: String,
        ;
        hostname: String,
    }

    DnsQuery {
        hostname: String,
        ;
    }

    Email {
        ;
        from: String,
        subject: String,
        message_uid: String,
        ; ;
        to: String,
    }

    Container {
        ;
        name: String,
        uid: String,
        image: Image,
    }

    Image {
        uid: String,
        ;
    }

    ResourceDetails {
        ;
        uid: String,
        name: String,
        r#type: String,
    }

    Cloud {
        provider: String,
        ;
        account: Account,
    }

    Account {
        uid: String,
        type_id: u8,
        ;
    }

    /// Something to search for; `name` is the path of the attribute that holds it.
    Observable {
        name: &'static str,
        type_id: u8,
        value: String,
        ;
    }

    /// What the schema has no place for, under the detection's names.
    Unmapped {
        ;
        profile: String,
        native_status: String,
        native_severity: String,
        merged_into: DetectionId,
        determination: Determination,
        resolved_at: DateTime<Utc>,
        machine_group: String,
        properties: Properties,
        ; ;
        correlation_keys: CorrelationKey,
        comments: Comment,
        links: Link,
        allowed_statuses: Status,
    }
}
