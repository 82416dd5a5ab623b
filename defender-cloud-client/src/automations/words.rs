//! The words of automations, open to what the service adds.

use pocketsoc_model::open_enum;

open_enum! {
    /// What an automation looks at.
    #[allow(missing_docs)] // the words are the service's own
    pub enum AutomationEvent {
        Alerts = "Alerts",
        Assessments = "Assessments",
        AssessmentsSnapshot = "AssessmentsSnapshot",
        SubAssessments = "SubAssessments",
        SubAssessmentsSnapshot = "SubAssessmentsSnapshot",
        SecureScores = "SecureScores",
        SecureScoresSnapshot = "SecureScoresSnapshot",
        SecureScoreControls = "SecureScoreControls",
        SecureScoreControlsSnapshot = "SecureScoreControlsSnapshot",
        RegulatoryComplianceAssessment = "RegulatoryComplianceAssessment",
        RegulatoryComplianceAssessmentSnapshot = "RegulatoryComplianceAssessmentSnapshot",
        AttackPaths = "AttackPaths",
        AttackPathsSnapshot = "AttackPathsSnapshot",
    }
}

open_enum! {
    /// How a rule compares; letter case does not matter.
    #[allow(missing_docs)] // the words are the service's own
    pub enum RuleOperator {
        Equals = "Equals",
        NotEquals = "NotEquals",
        GreaterThan = "GreaterThan",
        GreaterThanOrEqualTo = "GreaterThanOrEqualTo",
        LesserThan = "LesserThan",
        LesserThanOrEqualTo = "LesserThanOrEqualTo",
        Contains = "Contains",
        StartsWith = "StartsWith",
        EndsWith = "EndsWith",
    }
}

open_enum! {
    /// What a rule compares.
    #[allow(missing_docs)] // the words are the service's own
    pub enum RuleType {
        String = "String",
        Integer = "Integer",
        Number = "Number",
        Boolean = "Boolean",
    }
}

open_enum! {
    /// What an automation does.
    #[allow(missing_docs)] // the words are the service's own
    pub enum ActionKind {
        LogicApp = "LogicApp",
        EventHub = "EventHub",
        Workspace = "Workspace",
    }
}
