//! Who has signed in.

use serde::Deserialize;

use crate::auth::claims;
use crate::lenient;

/// Who has signed in, as far as the sign-in tells. To be shown; not to be decided on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Account {
    /// The name that the user signs in with.
    #[serde(default, rename = "preferred_username", deserialize_with = "lenient::text")]
    pub user_name: Option<String>,
    /// The name that the user goes by.
    #[serde(default, rename = "name", deserialize_with = "lenient::text")]
    pub display_name: Option<String>,
    /// The user's id in the tenant.
    #[serde(default, rename = "oid", deserialize_with = "lenient::text")]
    pub object_id: Option<String>,
    /// The tenant.
    #[serde(default, rename = "tid", deserialize_with = "lenient::text")]
    pub tenant_id: Option<String>,
}

impl Account {
    /// Reads an id token.
    pub(super) fn read(token: &str) -> Option<Self> {
        claims::payload(token)
    }
}
