//! The words of an alert, open to what the service adds.

use pocketsoc_model::open_enum;

use crate::native::literals;

open_enum! {
    /// How bad an alert is.
    pub enum AlertSeverity {
        /// Not said.
        Unspecified = "UnSpecified",
        /// For information.
        Informational = "Informational",
        /// Low.
        Low = "Low",
        /// Medium.
        Medium = "Medium",
        /// High.
        High = "High",
    }
}

open_enum! {
    /// Where an alert stands. `Unknown` is never written.
    pub enum AlertStatus {
        /// The service does not say.
        Unknown = "Unknown",
        /// Nobody works on it.
        New = "New",
        /// Somebody works on it.
        InProgress = "InProgress",
        /// Done.
        Resolved = "Resolved",
    }
}

open_enum! {
    /// The verdict on an alert.
    pub enum AlertClassification {
        /// None.
        Unknown = "Unknown",
        /// A real attack.
        TruePositive = "TruePositive",
        /// Real but expected.
        InformationalExpectedActivity = "InformationalExpectedActivity" | "Informational, expected activity",
        /// Nothing malicious.
        FalsePositive = "FalsePositive",
    }
}

open_enum! {
    /// The reason behind the verdict. Spelled as the "Update alert" page has it; the other pages' spellings are read.
    pub enum AlertDetermination {
        /// None.
        NotAvailable = "NotAvailable",
        /// An attack of several stages.
        MultiStagedAttack = "MultiStagedAttack",
        /// A malicious insider.
        MaliciousUserActivity = "MaliciousUserActivity",
        /// A compromised account.
        CompromisedUser = "CompromisedUser" | "CompromisedAccount",
        /// Malware.
        Malware = "Malware",
        /// Phishing.
        Phishing = "Phishing",
        /// Unwanted software.
        UnwantedSoftware = "UnwantedSoftware",
        /// A security test.
        SecurityTesting = "SecurityTesting",
        /// A line-of-business application.
        LineOfBusinessApplication = "LineOfBusinessApplication",
        /// Confirmed by who did it.
        ConfirmedActivity = "ConfirmedActivity" | "ConfirmedUserActivity",
        /// Not malicious.
        NotMalicious = "NotMalicious" | "Clean",
        /// Not enough data to tell.
        InsufficientData = "InsufficientData" | "NotEnoughDataToValidate" | "NoEnoughDataToValidate",
        /// Retired in August 2022; read only.
        Apt = "Apt",
        /// Retired in August 2022; read only.
        SecurityPersonnel = "SecurityPersonnel",
        /// Another one.
        Other = "Other",
    }
}

open_enum! {
    /// How far an automated investigation has come.
    #[allow(missing_docs)] // the words are the service's own
    pub enum InvestigationState {
        Unknown = "Unknown",
        Terminated = "Terminated",
        SuccessfullyRemediated = "SuccessfullyRemediated",
        Benign = "Benign",
        Failed = "Failed",
        PartiallyRemediated = "PartiallyRemediated",
        Running = "Running",
        PendingApproval = "PendingApproval",
        PendingResource = "PendingResource",
        PartiallyInvestigated = "PartiallyInvestigated",
        TerminatedByUser = "TerminatedByUser",
        TerminatedBySystem = "TerminatedBySystem",
        Queued = "Queued",
        InnerFailure = "InnerFailure",
        PreexistingAlert = "PreexistingAlert",
        UnsupportedOs = "UnsupportedOs",
        UnsupportedAlertType = "UnsupportedAlertType",
        SuppressedAlert = "SuppressedAlert",
    }
}

open_enum! {
    /// What a piece of evidence is.
    #[allow(missing_docs)] // the words are the service's own
    pub enum EvidenceKind {
        User = "User",
        Process = "Process",
        File = "File",
        Ip = "Ip",
        Url = "Url",
        Registry = "Registry",
        MailBox = "MailBox",
        MailMessage = "MailMessage",
        MailCluster = "MailCluster",
        SecurityGroup = "SecurityGroup",
    }
}

literals!(AlertSeverity, AlertStatus, InvestigationState);
