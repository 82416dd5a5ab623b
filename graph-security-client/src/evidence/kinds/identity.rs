//! Accounts, groups, applications and their sessions, as evidence.

use chrono::{DateTime, Utc};

use super::DeviceEvidence;
use crate::evidence::Part;
use crate::evidence::reading::{Integer, Object, Objects, Text, Time, Within, Word, fields};
use crate::evidence::words::ServicePrincipalType;

fields! {
    /// An account. Page: "userEvidence".
    pub struct UserEvidence {
        /// The account.
        user_account: Option<UserAccount> = "userAccount" as Object<UserAccount>,
        /// The stream that told of it.
        stream: Option<NamedStream> = "stream" as Object<NamedStream>,
    }

    /// A group. Page: "securityGroupEvidence".
    pub struct SecurityGroupEvidence {
        /// The Entra object id.
        security_group_id: Option<String> = "securityGroupId" as Text,
        /// The display name.
        display_name: Option<String> = "displayName" as Text,
        /// The friendly name.
        friendly_name: Option<String> = "friendlyName" as Text,
        /// The distinguished name in Active Directory.
        distinguished_name: Option<String> = "distinguishedName" as Text,
        /// The Windows security identifier.
        sid: Option<String> = "sid" as Text,
        /// The Active Directory object id.
        active_directory_object_guid: Option<String> = "activeDirectoryObjectGuid" as Text,
    }

    /// A service principal. Page: "servicePrincipalEvidence".
    pub struct ServicePrincipalEvidence {
        /// The Entra object id.
        service_principal_object_id: Option<String> = "servicePrincipalObjectId" as Text,
        /// The name.
        service_principal_name: Option<String> = "servicePrincipalName" as Text,
        /// What it stands for.
        service_principal_type: Option<ServicePrincipalType> = "servicePrincipalType" as Word<ServicePrincipalType>,
        /// The application's id.
        app_id: Option<String> = "appId" as Text,
        /// The tenant that owns the application.
        app_owner_tenant_id: Option<String> = "appOwnerTenantId" as Text,
        /// The tenant that it is in.
        tenant_id: Option<String> = "tenantId" as Text,
    }

    /// An application that users consent to. Page: "oauthApplicationEvidence".
    pub struct OauthApplicationEvidence {
        /// The application's id.
        app_id: Option<String> = "appId" as Text,
        /// The Entra object id.
        object_id: Option<String> = "objectId" as Text,
        /// The display name.
        display_name: Option<String> = "displayName" as Text,
        /// Who published it.
        publisher: Option<String> = "publisher" as Text,
    }

    /// A cloud application. Page: "cloudApplicationEvidence".
    pub struct CloudApplicationEvidence {
        /// The application's number.
        app_id: Option<i64> = "appId" as Integer,
        /// The display name.
        display_name: Option<String> = "displayName" as Text,
        /// The instance's number.
        instance_id: Option<i64> = "instanceId" as Integer,
        /// The instance's name.
        instance_name: Option<String> = "instanceName" as Text,
        /// The number of the software as a service.
        saas_app_id: Option<i64> = "saasAppId" as Integer,
        /// The stream that told of it.
        stream: Option<NamedStream> = "stream" as Object<NamedStream>,
    }

    /// A session on a machine. Page: "hostLogonSessionEvidence".
    pub struct HostLogonSessionEvidence {
        /// The session's id.
        session_id: Option<String> = "sessionId" as Text,
        /// Who was logged on.
        account: Option<Box<Part<UserEvidence>>> = "account" as Within<UserEvidence>,
        /// The machine.
        host: Option<Box<Part<DeviceEvidence>>> = "host" as Within<DeviceEvidence>,
        /// When it began.
        start_utc_date_time: Option<DateTime<Utc>> = "startUtcDateTime" as Time,
        /// When it ended.
        end_utc_date_time: Option<DateTime<Utc>> = "endUtcDateTime" as Time,
    }

    /// A session in the cloud. Page: "cloudLogonSessionEvidence".
    pub struct CloudLogonSessionEvidence {
        /// The session's id.
        session_id: Option<String> = "sessionId" as Text,
        /// Who was logged on.
        account: Option<Box<Part<UserEvidence>>> = "account" as Within<UserEvidence>,
        /// The browser.
        browser: Option<String> = "browser" as Text,
        /// What the browser calls itself.
        user_agent: Option<String> = "userAgent" as Text,
        /// The name of the machine.
        device_name: Option<String> = "deviceName" as Text,
        /// Its operating system.
        operating_system: Option<String> = "operatingSystem" as Text,
        /// How it was signed in.
        protocol: Option<String> = "protocol" as Text,
        /// When it began.
        start_utc_date_time: Option<DateTime<Utc>> = "startUtcDateTime" as Time,
        /// The time of the sign-in before.
        previous_logon_date_time: Option<DateTime<Utc>> = "previousLogonDateTime" as Time,
    }

    /// A sign-in to the cloud. Page: "cloudLogonRequestEvidence".
    pub struct CloudLogonRequestEvidence {
        /// The sign-in's id.
        request_id: Option<String> = "requestId" as Text,
    }

    /// An account of GitHub. Page: "gitHubUserEvidence".
    pub struct GitHubUserEvidence {
        /// The account's number.
        user_id: Option<String> = "userId" as Text,
        /// The login name.
        login: Option<String> = "login" as Text,
        /// The display name.
        name: Option<String> = "name" as Text,
        /// The mail address.
        email: Option<String> = "email" as Text,
        /// The page.
        web_url: Option<String> = "webUrl" as Text,
    }

    /// An organization on GitHub. Page: "gitHubOrganizationEvidence".
    pub struct GitHubOrganizationEvidence {
        /// The organization's number.
        org_id: Option<String> = "orgId" as Text,
        /// The login name.
        login: Option<String> = "login" as Text,
        /// The display name.
        display_name: Option<String> = "displayName" as Text,
        /// The company.
        company: Option<String> = "company" as Text,
        /// The mail address.
        email: Option<String> = "email" as Text,
        /// The page.
        web_url: Option<String> = "webUrl" as Text,
    }

    /// A repository on GitHub. Page: "gitHubRepoEvidence".
    pub struct GitHubRepoEvidence {
        /// The repository's number.
        repo_id: Option<String> = "repoId" as Text,
        /// The login name of its owner.
        login: Option<String> = "login" as Text,
        /// Its owner.
        owner: Option<String> = "owner" as Text,
        /// What the owner is.
        owner_type: Option<String> = "ownerType" as Text,
        /// The page.
        base_url: Option<String> = "baseUrl" as Text,
    }

    /// An account, wherever one is named.
    pub struct UserAccount {
        /// The account name without domain.
        account_name: Option<String> = "accountName" as Text,
        /// The domain.
        domain_name: Option<String> = "domainName" as Text,
        /// The display name; may be an empty text.
        display_name: Option<String> = "displayName" as Text,
        /// The user principal name.
        user_principal_name: Option<String> = "userPrincipalName" as Text,
        /// The Windows security identifier; may be an empty text.
        user_sid: Option<String> = "userSid" as Text,
        /// The Entra object id.
        azure_ad_user_id: Option<String> = "azureAdUserId" as Text,
        /// The Active Directory object id.
        active_directory_object_guid: Option<String> = "activeDirectoryObjectGuid" as Text,
        /// What it has accessed.
        resource_access_events: Vec<ResourceAccessEvent> = "resourceAccessEvents" as Objects<ResourceAccessEvent>,
    }

    /// An access of an account or a machine to a resource.
    pub struct ResourceAccessEvent {
        /// When.
        access_date_time: Option<DateTime<Utc>> = "accessDateTime" as Time,
        /// The account.
        account_id: Option<String> = "accountId" as Text,
        /// The address it came from.
        ip_address: Option<String> = "ipAddress" as Text,
        /// The resource.
        resource_identifier: Option<String> = "resourceIdentifier" as Text,
    }

    /// A stream of telemetry, by its name.
    pub struct NamedStream {
        /// The name.
        name: Option<String> = "name" as Text,
    }
}
