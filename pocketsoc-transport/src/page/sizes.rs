//! How large a page each list of a connection may be, as its service has shown.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The largest page that each route takes, where a larger one was refused.
#[derive(Debug, Default)]
pub(crate) struct PageSizes(Mutex<HashMap<&'static str, u32>>);

impl PageSizes {
    pub(crate) fn largest(&self, route: &'static str) -> Option<u32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(route).copied()
    }

    pub(crate) fn learn(&self, route: &'static str, size: u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(route, size);
    }
}
