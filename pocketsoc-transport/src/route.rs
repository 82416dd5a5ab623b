//! How one documented call of a service is told: its method, its address, what it needs, which quota it counts for.

use pocketsoc_model::{Lane, Result};

use crate::call::{Call, Method};
use crate::endpoint::Endpoint;
use crate::page::{Decode, PagePlan, Walk};
use crate::quota::Quota;

/// One documented call, as a constant. For those who write clients.
///
/// ```
/// use pocketsoc_transport::{Route, quota};
/// const GET: Route = Route::get("get the alert", "/api/alerts/{id}", "Alert.Read.All", &quota::MDE);
/// assert_eq!(GET.call(&["da1/x"])?.target(), "/api/alerts/da1%2Fx");
/// # Ok::<(), pocketsoc_transport::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Route {
    method: Method,
    operation: &'static str,
    template: &'static str,
    permission: &'static str,
    quota: &'static Quota,
    query: Option<(&'static str, &'static str)>,
    empty_is_404: bool,
}

/// The constructors, one a method.
macro_rules! methods {
    ($($(#[$meta:meta])* $name:ident = $method:ident;)+) => {
        $($(#[$meta])*
        pub const fn $name(
            operation: &'static str,
            template: &'static str,
            permission: &'static str,
            quota: &'static Quota,
        ) -> Self {
            let method = Method::$method;
            Self { method, operation, template, permission, quota, query: None, empty_is_404: false }
        })+
    };
}

impl Route {
    methods! {
        /// A call by GET: what it does, its address with `{…}` for ids, the permission that it needs, its quota.
        get = Get;
        /// A call by POST.
        post = Post;
        /// A call by PUT.
        put = Put;
        /// A call by PATCH.
        patch = Patch;
        /// A call by DELETE.
        delete = Delete;
    }

    /// With a quota of its own.
    #[must_use]
    pub const fn counted(mut self, quota: &'static Quota) -> Self {
        self.quota = quota;
        self
    }

    /// With a query option that each call has, such as the version of the service.
    #[must_use]
    pub const fn with_query(mut self, name: &'static str, value: &'static str) -> Self {
        self.query = Some((name, value));
        self
    }

    /// A list that is 404 when it is empty.
    #[must_use]
    pub const fn empty_is_404(mut self) -> Self {
        self.empty_is_404 = true;
        self
    }

    /// The call, its places filled.
    ///
    /// # Errors
    /// As [`Call::new`].
    pub fn call(&self, ids: &[&str]) -> Result<Call> {
        let call = Call::new(self.method, self.operation, self.template, ids, self.quota)?;
        let call = match self.query {
            Some((name, value)) => call.with_query(name, value),
            None => call,
        };
        Ok(call.with_permission(self.permission))
    }

    /// A walk over what it lists, in pages of a size by `$top` and `$skip`.
    pub fn pages<T: Decode>(
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

    /// A walk over what it lists of one thing, by the links that the service gives.
    pub fn list<T: Decode>(&self, endpoint: &Endpoint, ids: &[&str]) -> Walk<T> {
        match self.call(ids) {
            Ok(call) => endpoint.walk(call, PagePlan::by_links()),
            Err(error) => Walk::failed(error),
        }
    }
}
