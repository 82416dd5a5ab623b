//! Messages and mailboxes, as evidence.

use chrono::{DateTime, Utc};

use super::{FileEvidence, UrlEvidence, UserAccount};
use crate::evidence::Part;
use crate::evidence::reading::{AllWithin, Flag, Integer, Object, Text, Texts, Time, Word, fields};
use crate::evidence::words::{
    MailboxConfigurationType, TeamsDeliveryAction, TeamsDeliveryLocation, TeamsDirection,
};

fields! {
    /// A message. Page: "analyzedMessageEvidence".
    pub struct AnalyzedMessageEvidence {
        /// The subject.
        subject: Option<String> = "subject" as Text,
        /// The sender of the envelope.
        p1_sender: Option<MessageSender> = "p1Sender" as Object<MessageSender>,
        /// The sender that readers see.
        p2_sender: Option<MessageSender> = "p2Sender" as Object<MessageSender>,
        /// The address it was sent from.
        sender_ip: Option<String> = "senderIp" as Text,
        /// The recipient's address.
        recipient_email_address: Option<String> = "recipientEmailAddress" as Text,
        /// The message's id in the service.
        network_message_id: Option<String> = "networkMessageId" as Text,
        /// The message's own id.
        internet_message_id: Option<String> = "internetMessageId" as Text,
        /// When it arrived.
        received_date_time: Option<DateTime<Utc>> = "receivedDateTime" as Time,
        /// How many attachments it has.
        attachments_count: Option<i64> = "attachmentsCount" as Integer,
        /// How many addresses it has.
        url_count: Option<i64> = "urlCount" as Integer,
        /// The addresses in it.
        urls: Vec<String> = "urls" as Texts,
        /// Its language.
        language: Option<String> = "language" as Text,
        /// Whether it was delivered.
        delivery_action: Option<String> = "deliveryAction" as Text,
        /// Where it was delivered to.
        delivery_location: Option<String> = "deliveryLocation" as Text,
        /// Which way it went.
        anti_spam_direction: Option<String> = "antiSpamDirection" as Text,
        /// The threats in it.
        threats: Vec<String> = "threats" as Texts,
        /// How they were found.
        threat_detection_methods: Vec<String> = "threatDetectionMethods" as Texts,
        /// The name of the automated investigation's record.
        urn: Option<String> = "urn" as Text,
    }

    /// A mailbox. Page: "mailboxEvidence".
    pub struct MailboxEvidence {
        /// The primary address.
        primary_address: Option<String> = "primaryAddress" as Text,
        /// The display name.
        display_name: Option<String> = "displayName" as Text,
        /// The user principal name.
        upn: Option<String> = "upn" as Text,
        /// Whose it is.
        user_account: Option<UserAccount> = "userAccount" as Object<UserAccount>,
    }

    /// A setting of a mailbox, such as a rule. Page: "mailboxConfigurationEvidence".
    pub struct MailboxConfigurationEvidence {
        /// Its id.
        configuration_id: Option<String> = "configurationId" as Text,
        /// What was set up.
        configuration_type: Option<MailboxConfigurationType> = "configurationType" as Word<MailboxConfigurationType>,
        /// The display name.
        display_name: Option<String> = "displayName" as Text,
        /// The Entra object id of the mailbox.
        external_directory_object_id: Option<String> = "externalDirectoryObjectId" as Text,
        /// The primary address of the mailbox.
        mailbox_primary_address: Option<String> = "mailboxPrimaryAddress" as Text,
        /// The user principal name of the mailbox.
        upn: Option<String> = "upn" as Text,
    }

    /// Messages that are alike. Page: "mailClusterEvidence".
    pub struct MailClusterEvidence {
        /// What they have in common.
        cluster_by: Option<String> = "clusterBy" as Text,
        /// The value of it.
        cluster_by_value: Option<String> = "clusterByValue" as Text,
        /// How many there are.
        email_count: Option<i64> = "emailCount" as Integer,
        /// The messages' ids in the service.
        network_message_ids: Vec<String> = "networkMessageIds" as Texts,
        /// The query that finds them.
        query: Option<String> = "query" as Text,
        /// The name of the automated investigation's record.
        urn: Option<String> = "urn" as Text,
    }

    /// A message that a user reported. Page: "submissionMailEvidence".
    pub struct SubmissionMailEvidence {
        /// The report's id.
        submission_id: Option<String> = "submissionId" as Text,
        /// When it was reported.
        submission_date_time: Option<DateTime<Utc>> = "submissionDateTime" as Time,
        /// Who reported it.
        submitter: Option<String> = "submitter" as Text,
        /// What it was reported as.
        report_type: Option<String> = "reportType" as Text,
        /// The message's id in the service.
        network_message_id: Option<String> = "networkMessageId" as Text,
        /// The subject.
        subject: Option<String> = "subject" as Text,
        /// The sender.
        sender: Option<String> = "sender" as Text,
        /// The address it was sent from.
        sender_ip: Option<String> = "senderIp" as Text,
        /// The recipient.
        recipient: Option<String> = "recipient" as Text,
    }

    /// A message in Teams. Page: "teamsMessageEvidence".
    pub struct TeamsMessageEvidence {
        /// The message's id.
        message_id: Option<String> = "messageId" as Text,
        /// The id of the message that it answers.
        parent_message_id: Option<String> = "parentMessageId" as Text,
        /// The subject.
        subject: Option<String> = "subject" as Text,
        /// The sender's address.
        sender_from_address: Option<String> = "senderFromAddress" as Text,
        /// The address it was sent from.
        sender_ip: Option<String> = "senderIP" | "senderIp" as Text,
        /// The recipients.
        recipients: Vec<String> = "recipients" as Texts,
        /// Those of them that are suspicious.
        suspicious_recipients: Vec<String> = "suspiciousRecipients" as Texts,
        /// When it arrived.
        received_date_time: Option<DateTime<Utc>> = "receivedDateTime" as Time,
        /// When it was last changed.
        last_modified_date_time: Option<DateTime<Utc>> = "lastModifiedDateTime" as Time,
        /// Which way it went.
        message_direction: Option<TeamsDirection> = "messageDirection" as Word<TeamsDirection>,
        /// Whether it was delivered.
        delivery_action: Option<TeamsDeliveryAction> = "deliveryAction" as Word<TeamsDeliveryAction>,
        /// Where it is.
        delivery_location: Option<TeamsDeliveryLocation> = "deliveryLocation" as Word<TeamsDeliveryLocation>,
        /// Whether it came from outside.
        is_external: Option<bool> = "isExternal" as Flag,
        /// Whether the tenant owns it.
        is_owned: Option<bool> = "isOwned" as Flag,
        /// The tenant that owns it.
        owning_tenant_id: Option<String> = "owningTenantId" as Text,
        /// The campaign it belongs to.
        campaign_id: Option<String> = "campaignId" as Text,
        /// The channel.
        channel_id: Option<String> = "channelId" as Text,
        /// The team.
        group_id: Option<String> = "groupId" as Text,
        /// The conversation.
        thread_id: Option<String> = "threadId" as Text,
        /// What kind of conversation.
        thread_type: Option<String> = "threadType" as Text,
        /// The application it was sent with.
        source_app_name: Option<String> = "sourceAppName" as Text,
        /// The source's id.
        source_id: Option<String> = "sourceId" as Text,
        /// The files in it.
        files: Vec<Part<FileEvidence>> = "files" as AllWithin<FileEvidence>,
        /// The addresses in it.
        urls: Vec<Part<UrlEvidence>> = "urls" as AllWithin<UrlEvidence>,
    }

    /// Who sent a message.
    pub struct MessageSender {
        /// The address.
        email_address: Option<String> = "emailAddress" as Text,
        /// The display name.
        display_name: Option<String> = "displayName" as Text,
        /// The domain.
        domain_name: Option<String> = "domainName" as Text,
    }
}
