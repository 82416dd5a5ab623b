//! How one documented call of the service is told: its method, its address, what it needs, which quota it counts for.

use pocketsoc_model::{Lane, Result};
use pocketsoc_transport::quota::{self, Quota};
use pocketsoc_transport::{Call, Decode, Endpoint, Method, PagePlan, Walk};

/// The largest page that the service gives.
pub(crate) const LARGEST_PAGE: u32 = 10_000;

/// One documented call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    method: Method,
    operation: &'static str,
    template: &'static str,
    permission: &'static str,
    quota: &'static Quota,
    /// Whether 404 is how the service says that the list is empty.
    empty_is_404: bool,
}

impl Route {
    pub(crate) const fn get(
        operation: &'static str,
        template: &'static str,
        permission: &'static str,
    ) -> Self {
        Self { method: Method::Get, operation, template, permission, quota: &quota::MDE, empty_is_404: false }
    }

    pub(crate) const fn post(
        operation: &'static str,
        template: &'static str,
        permission: &'static str,
    ) -> Self {
        Self { method: Method::Post, ..Self::get(operation, template, permission) }
    }

    pub(crate) const fn patch(
        operation: &'static str,
        template: &'static str,
        permission: &'static str,
    ) -> Self {
        Self { method: Method::Patch, ..Self::get(operation, template, permission) }
    }

    pub(crate) const fn delete(
        operation: &'static str,
        template: &'static str,
        permission: &'static str,
    ) -> Self {
        Self { method: Method::Delete, ..Self::get(operation, template, permission) }
    }

    /// With a quota of its own.
    pub(crate) const fn counted(mut self, quota: &'static Quota) -> Self {
        self.quota = quota;
        self
    }

    /// A list that is 404 when it is empty.
    pub(crate) const fn empty_is_404(mut self) -> Self {
        self.empty_is_404 = true;
        self
    }

    /// The call, its places filled.
    pub(crate) fn call(&self, ids: &[&str]) -> Result<Call> {
        let call = Call::new(self.method, self.operation, self.template, ids, self.quota)?;
        Ok(call.with_permission(self.permission))
    }

    /// A walk over what it lists, in pages by `$top` and `$skip`.
    pub(crate) fn pages<T: Decode>(&self, endpoint: &Endpoint, size: u32, filter: Option<String>) -> Walk<T> {
        self.pages_in(Lane::Feed, endpoint, size, filter)
    }

    /// The same, as urgently as this.
    pub(crate) fn pages_in<T: Decode>(
        &self,
        lane: Lane,
        endpoint: &Endpoint,
        size: u32,
        filter: Option<String>,
    ) -> Walk<T> {
        let plan = PagePlan::by_top_and_skip(size);
        let plan = if self.empty_is_404 { plan.with_nothing_as_empty() } else { plan };
        match self.call(&[]) {
            Ok(call) => {
                let call = call.with_lane(lane);
                let call = match filter {
                    Some(filter) => call.with_query("$filter", filter),
                    None => call,
                };
                endpoint.walk(call, plan)
            }
            Err(error) => Walk::failed(error),
        }
    }

    /// A walk over what it lists of one thing.
    pub(crate) fn list<T: Decode>(&self, endpoint: &Endpoint, ids: &[&str]) -> Walk<T> {
        match self.call(ids) {
            Ok(call) => endpoint.walk(call, PagePlan::by_links()),
            Err(error) => Walk::failed(error),
        }
    }
}
