//! The words of alerts, incidents and evidence. All are open: what this version does not know is kept.

use pocketsoc_model::open_enum;
use pocketsoc_transport::odata::{Literal, quote};

open_enum! {
    /// Where an alert stands.
    pub enum AlertStatus {
        /// Not said.
        Unknown = "unknown",
        /// Nobody has looked at it.
        New = "new",
        /// It is being handled.
        InProgress = "inProgress",
        /// It has been handled.
        Resolved = "resolved",
    }
}

open_enum! {
    /// Where an incident stands.
    pub enum IncidentStatus {
        /// Nobody has looked at it.
        Active = "active",
        /// It is being handled.
        InProgress = "inProgress",
        /// It has been handled.
        Resolved = "resolved",
        /// It was merged into another one; set by the service only.
        Redirected = "redirected",
        /// The customer is to act; set by Microsoft's experts only.
        AwaitingAction = "awaitingAction",
    }
}

open_enum! {
    /// How bad an alert or incident is.
    pub enum AlertSeverity {
        /// Not said.
        Unknown = "unknown",
        /// For information.
        Informational = "informational",
        /// Low.
        Low = "low",
        /// Medium.
        Medium = "medium",
        /// High.
        High = "high",
    }
}

open_enum! {
    /// The verdict.
    pub enum AlertClassification {
        /// None.
        Unknown = "unknown",
        /// Nothing malicious happened.
        FalsePositive = "falsePositive",
        /// A real attack.
        TruePositive = "truePositive",
        /// Real but expected.
        InformationalExpectedActivity = "informationalExpectedActivity" | "benignPositive",
    }
}

open_enum! {
    /// The reason behind the verdict. The documentation's prose has other spellings of some; they are read as well.
    #[allow(missing_docs)] // the words are the documentation
    pub enum AlertDetermination {
        Unknown = "unknown",
        /// Retired; still read.
        Apt = "apt",
        Malware = "malware",
        /// Retired; still read.
        SecurityPersonnel = "securityPersonnel",
        SecurityTesting = "securityTesting",
        UnwantedSoftware = "unwantedSoftware",
        Other = "other",
        MultiStagedAttack = "multiStagedAttack",
        CompromisedAccount = "compromisedAccount" | "compromisedUser",
        Phishing = "phishing",
        MaliciousUserActivity = "maliciousUserActivity",
        NotMalicious = "notMalicious" | "clean",
        NotEnoughDataToValidate = "notEnoughDataToValidate" | "insufficientData",
        ConfirmedActivity = "confirmedActivity" | "confirmedUserActivity",
        LineOfBusinessApplication = "lineOfBusinessApplication",
    }
}

open_enum! {
    /// The service that an alert comes from.
    #[allow(missing_docs)] // product names
    pub enum ServiceSource {
        Unknown = "unknown",
        MicrosoftDefenderForEndpoint = "microsoftDefenderForEndpoint",
        MicrosoftDefenderForIdentity = "microsoftDefenderForIdentity",
        MicrosoftDefenderForCloudApps = "microsoftDefenderForCloudApps",
        MicrosoftDefenderForOffice365 = "microsoftDefenderForOffice365",
        Microsoft365Defender = "microsoft365Defender",
        AzureAdIdentityProtection = "azureAdIdentityProtection",
        MicrosoftAppGovernance = "microsoftAppGovernance",
        DataLossPrevention = "dataLossPrevention",
        MicrosoftDefenderForCloud = "microsoftDefenderForCloud",
        MicrosoftSentinel = "microsoftSentinel",
        MicrosoftInsiderRiskManagement = "microsoftInsiderRiskManagement",
        MicrosoftThreatIntelligence = "microsoftThreatIntelligence",
    }
}

open_enum! {
    /// What detected it: the schema's `detectionSource`.
    #[allow(missing_docs)] // product names
    pub enum DetectionOrigin {
        Unknown = "unknown",
        MicrosoftDefenderForEndpoint = "microsoftDefenderForEndpoint",
        Antivirus = "antivirus",
        SmartScreen = "smartScreen",
        CustomTi = "customTi",
        MicrosoftDefenderForOffice365 = "microsoftDefenderForOffice365",
        AutomatedInvestigation = "automatedInvestigation",
        MicrosoftThreatExperts = "microsoftThreatExperts",
        CustomDetection = "customDetection",
        MicrosoftDefenderForIdentity = "microsoftDefenderForIdentity",
        CloudAppSecurity = "cloudAppSecurity",
        Microsoft365Defender = "microsoft365Defender",
        AzureAdIdentityProtection = "azureAdIdentityProtection",
        Manual = "manual",
        MicrosoftDataLossPrevention = "microsoftDataLossPrevention",
        AppGovernancePolicy = "appGovernancePolicy",
        AppGovernanceDetection = "appGovernanceDetection",
        MicrosoftDefenderForCloud = "microsoftDefenderForCloud",
        MicrosoftDefenderForIoT = "microsoftDefenderForIoT",
        MicrosoftDefenderForServers = "microsoftDefenderForServers",
        MicrosoftDefenderForStorage = "microsoftDefenderForStorage",
        MicrosoftDefenderForDns = "microsoftDefenderForDNS",
        MicrosoftDefenderForDatabases = "microsoftDefenderForDatabases",
        MicrosoftDefenderForContainers = "microsoftDefenderForContainers",
        MicrosoftDefenderForNetwork = "microsoftDefenderForNetwork",
        MicrosoftDefenderForAppService = "microsoftDefenderForAppService",
        MicrosoftDefenderForKeyVault = "microsoftDefenderForKeyVault",
        MicrosoftDefenderForResourceManager = "microsoftDefenderForResourceManager",
        MicrosoftDefenderForApiManagement = "microsoftDefenderForApiManagement",
        MicrosoftSentinel = "microsoftSentinel",
        NrtAlerts = "nrtAlerts",
        ScheduledAlerts = "scheduledAlerts",
        MicrosoftDefenderThreatIntelligenceAnalytics = "microsoftDefenderThreatIntelligenceAnalytics",
        BuiltInMl = "builtInMl",
        MicrosoftInsiderRiskManagement = "microsoftInsiderRiskManagement",
        MicrosoftThreatIntelligence = "microsoftThreatIntelligence",
        MicrosoftDefenderForAiServices = "microsoftDefenderForAIServices",
        SecurityCopilot = "securityCopilot",
    }
}

open_enum! {
    /// How far the automated investigation has come.
    #[allow(missing_docs)] // the words are the documentation
    pub enum InvestigationState {
        Unknown = "unknown",
        Terminated = "terminated",
        SuccessfullyRemediated = "successfullyRemediated",
        Benign = "benign",
        Failed = "failed",
        PartiallyRemediated = "partiallyRemediated",
        Running = "running",
        PendingApproval = "pendingApproval",
        PendingResource = "pendingResource",
        Queued = "queued",
        InnerFailure = "innerFailure",
        PreexistingAlert = "preexistingAlert",
        UnsupportedOs = "unsupportedOs",
        UnsupportedAlertType = "unsupportedAlertType",
        SuppressedAlert = "suppressedAlert",
        PartiallyInvestigated = "partiallyInvestigated",
        TerminatedByUser = "terminatedByUser",
        TerminatedBySystem = "terminatedBySystem",
    }
}

open_enum! {
    /// What has been done about a piece of evidence.
    #[allow(missing_docs)] // the words are the documentation
    pub enum RemediationStatus {
        None = "none",
        Remediated = "remediated",
        Prevented = "prevented",
        Blocked = "blocked",
        NotFound = "notFound",
        Active = "active",
        PendingApproval = "pendingApproval",
        Declined = "declined",
        Unremediated = "unremediated",
        Running = "running",
        PartiallyRemediated = "partiallyRemediated",
    }
}

open_enum! {
    /// The automated investigation's verdict on a piece of evidence.
    #[allow(missing_docs)] // the words are the documentation
    pub enum EvidenceVerdict {
        Unknown = "unknown",
        Suspicious = "suspicious",
        Malicious = "malicious",
        NoThreatsFound = "noThreatsFound" | "clean",
    }
}

open_enum! {
    /// The part that a piece of evidence has in the attack.
    #[allow(missing_docs)] // the words are the documentation
    pub enum EvidenceRole {
        Unknown = "unknown",
        Contextual = "contextual",
        Scanned = "scanned",
        Source = "source",
        Destination = "destination",
        Created = "created",
        Added = "added",
        Compromised = "compromised",
        Edited = "edited",
        Attacked = "attacked",
        Attacker = "attacker",
        CommandAndControl = "commandAndControl",
        Loaded = "loaded",
        Suspicious = "suspicious",
        PolicyViolator = "policyViolator",
    }
}

/// Words in filters stand in quotes.
macro_rules! quoted {
    ($($name:ident),+) => {
        $(impl Literal for $name {
            fn literal(&self) -> String {
                quote(self.as_str())
            }
        })+
    };
}
quoted!(AlertStatus, IncidentStatus, AlertSeverity, AlertClassification, AlertDetermination, ServiceSource);
