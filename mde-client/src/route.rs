//! The service's own defaults for its calls: the quota that most of them share, and the largest page.

use pocketsoc_transport::Route;
use pocketsoc_transport::quota;

/// The largest page that the service gives.
pub(crate) const LARGEST_PAGE: u32 = 10_000;

/// A call that counts for the quota that most of them share: 100 a minute, 1,500 an hour.
macro_rules! shared {
    ($($name:ident),+) => {
        $(pub(crate) const fn $name(
            operation: &'static str,
            template: &'static str,
            permission: &'static str,
        ) -> Route {
            Route::$name(operation, template, permission, &quota::MDE)
        })+
    };
}
shared!(get, post, patch, delete);
