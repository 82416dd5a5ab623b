//! The id of an alert: an Azure resource id, and the places in it.

use pocketsoc_model::{Error, ErrorKind, Result, id_type};

use crate::scope::{AlertScope, Location, ResourceGroup};

id_type! {
    /// The full resource id of an alert, `/subscriptions/…/providers/Microsoft.Security/locations/…/alerts/…`. Compares
    /// exactly; the service ignores case.
    pub struct AlertId("alert id");
}

/// The places of an alert's id.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    pub(crate) subscription: &'a str,
    pub(crate) resource_group: Option<&'a str>,
    pub(crate) location: &'a str,
    pub(crate) name: &'a str,
}

impl AlertId {
    /// The alert's own name: the last part of the id.
    pub fn name(&self) -> &str {
        self.as_str().rsplit('/').next().unwrap_or_default()
    }

    /// The region in which the alert is stored, where this is a full id.
    pub fn location(&self) -> Option<&str> {
        Place::read(self.as_str()).map(|place| place.location)
    }

    /// The subscription, where this is a full id.
    pub fn subscription(&self) -> Option<&str> {
        Place::read(self.as_str()).map(|place| place.subscription)
    }

    /// The resource group, where this is a full id that has one: alerts of a subscription as such have none.
    pub fn resource_group(&self) -> Option<&str> {
        Place::read(self.as_str())?.resource_group
    }

    pub(crate) fn place(&self, operation: &'static str) -> Result<Place<'_>> {
        Place::read(self.as_str()).ok_or_else(|| {
            Error::new(ErrorKind::InvalidRequest, operation)
                .with_message("this is not the resource id of an alert")
                .with_hint("it has the form /subscriptions/…/resourceGroups/…/providers/Microsoft.Security/locations/…/alerts/…; the resource group may be missing")
        })
    }
}

impl<'a> Place<'a> {
    fn read(id: &'a str) -> Option<Self> {
        let segments: Vec<&str> = id.strip_prefix('/')?.split('/').collect();
        let (subscriptions, subscription, resource_group, rest) = match segments.as_slice() {
            [s, subscription, groups, group, rest @ ..] if groups.eq_ignore_ascii_case("resourceGroups") => {
                (s, subscription, Some(*group), rest)
            }
            [s, subscription, rest @ ..] => (s, subscription, None, rest),
            _ => return None,
        };
        let [providers, provider, locations, location, alerts, name] = rest else { return None };
        let fixed = [
            (*subscriptions, "subscriptions"),
            (providers, "providers"),
            (provider, "Microsoft.Security"),
            (locations, "locations"),
            (alerts, "alerts"),
        ];
        let is_alert = fixed.iter().all(|(found, expected)| found.eq_ignore_ascii_case(expected));
        is_alert.then_some(Self { subscription, resource_group, location, name })
    }

    pub(super) fn template(&self) -> &'static str {
        if self.resource_group.is_some() {
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/locations/{location}/alerts/{alert}"
        } else {
            "/subscriptions/{subscription}/providers/Microsoft.Security/locations/{location}/alerts/{alert}"
        }
    }

    pub(super) fn action_template(&self) -> &'static str {
        if self.resource_group.is_some() {
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/locations/{location}/alerts/{alert}/{action}"
        } else {
            "/subscriptions/{subscription}/providers/Microsoft.Security/locations/{location}/alerts/{alert}/{action}"
        }
    }

    /// What fills the templates.
    pub(super) fn ids(&self) -> Vec<&'a str> {
        [Some(self.subscription), self.resource_group, Some(self.location), Some(self.name)]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Whether the alert lies within a scope.
    pub(crate) fn is_within(&self, scope: &AlertScope) -> bool {
        let same = |own: Option<&str>, asked: Option<&str>| {
            asked.is_none_or(|asked| own.is_some_and(|own| own.eq_ignore_ascii_case(asked)))
        };
        same(Some(self.subscription), Some(scope.subscription.as_str()))
            && same(self.resource_group, scope.resource_group.as_ref().map(ResourceGroup::as_str))
            && same(Some(self.location), scope.location.as_ref().map(Location::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_where_its_alert_is() {
        let id = |text: &str| AlertId::new(text).unwrap();
        let in_group = id(
            "/SUBSCRIPTIONS/s/RESOURCEGROUPS/g/providers/microsoft.security/LOCATIONS/WestEurope/alerts/n",
        );
        assert_eq!(
            (in_group.subscription(), in_group.resource_group(), in_group.location(), in_group.name()),
            (Some("s"), Some("g"), Some("WestEurope"), "n")
        );
        let bare = id("2517_n");
        assert_eq!((bare.subscription(), bare.location(), bare.name()), (None, None, "2517_n"));
    }

    #[test]
    fn what_is_no_alert_is_refused_with_advice() {
        for bad in [
            "2517000000000000000_x",
            "/subscriptions/s",
            "/subscriptions/s/providers/Microsoft.Security/alerts/n",
            "/subscriptions/s/providers/Microsoft.Compute/locations/l/alerts/n",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Security/locations/l/alerts/n/dismiss",
            "subscriptions/s/providers/Microsoft.Security/locations/l/alerts/n",
        ] {
            let id = AlertId::new(bad).unwrap();
            let error = id.place("get the alert").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{bad}");
            assert!(error.hint().unwrap().contains("/subscriptions/"));
        }
    }
}
