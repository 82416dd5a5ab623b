//! Which part of Azure: a subscription, a resource group of it, a region in which its alerts are stored.

use pocketsoc_model::id_type;

id_type! {
    /// The id of a subscription, such as `11111111-2222-4333-8444-555555555555`.
    pub struct SubscriptionId("subscription id");
}

id_type! {
    /// The name of a resource group: 1 to 90 letters, digits, `-`, `_`, `.` and brackets.
    pub struct ResourceGroup("resource group");
}

id_type! {
    /// The region in which Defender for Cloud stores alerts, such as `westeurope`: not the region of the resource.
    pub struct Location("location");
}

/// Which alerts: those of a subscription, or of a part of it.
///
/// ```
/// use defender_cloud_client::{AlertScope, ResourceGroup, SubscriptionId};
/// let shop = AlertScope::subscription(SubscriptionId::new("11111111-2222-4333-8444-555555555555")?)
///     .with_resource_group(ResourceGroup::new("shop")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct AlertScope {
    pub(crate) subscription: SubscriptionId,
    pub(crate) resource_group: Option<ResourceGroup>,
    pub(crate) location: Option<Location>,
}

impl AlertScope {
    /// A whole subscription.
    pub fn subscription(id: SubscriptionId) -> Self {
        Self { subscription: id, resource_group: None, location: None }
    }

    /// Only one of its resource groups: for credentials whose role is assigned there.
    pub fn with_resource_group(mut self, name: ResourceGroup) -> Self {
        self.resource_group = Some(name);
        self
    }

    /// Only what is stored in one region.
    pub fn with_location(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }
}
