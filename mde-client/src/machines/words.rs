//! The words of a machine, open to what the service adds.

use pocketsoc_model::open_enum;

use crate::native::literals;

open_enum! {
    /// How well a machine's sensor reports.
    #[allow(missing_docs)] // the words are the service's own
    pub enum HealthStatus {
        Active = "Active",
        Inactive = "Inactive",
        ImpairedCommunication = "ImpairedCommunication",
        NoSensorData = "NoSensorData",
        NoSensorDataImpairedCommunication = "NoSensorDataImpairedCommunication",
        Unknown = "Unknown",
    }
}

open_enum! {
    /// Whether a machine is onboarded.
    #[allow(missing_docs)] // the words are the service's own
    pub enum OnboardingStatus {
        Onboarded = "Onboarded",
        CanBeOnboarded = "CanBeOnboarded",
        Unsupported = "Unsupported",
        InsufficientInfo = "InsufficientInfo",
    }
}

open_enum! {
    /// How much what happens on a machine puts at risk.
    #[allow(missing_docs)] // the words are the service's own
    pub enum RiskScore {
        None = "None",
        Informational = "Informational",
        Low = "Low",
        Medium = "Medium",
        High = "High",
    }
}

open_enum! {
    /// How exposed a machine is by its weaknesses.
    #[allow(missing_docs)] // the words are the service's own
    pub enum ExposureLevel {
        None = "None",
        Low = "Low",
        Medium = "Medium",
        High = "High",
    }
}

open_enum! {
    /// How much a machine matters.
    #[allow(missing_docs)] // the words are the service's own
    pub enum DeviceValue {
        Low = "Low",
        Normal = "Normal",
        High = "High",
    }
}

literals!(HealthStatus, OnboardingStatus, RiskScore, ExposureLevel, DeviceValue);
