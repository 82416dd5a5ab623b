//! One budget for all that asks a service as the same application in the same tenant.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use pocketsoc_model::Clock;

use super::{Flow, Limiter, Quota, Whose};

/// What is left of the quotas of every application in every tenant. Clones share it.
///
/// A service counts per application and tenant, not per connection: connections that were built with the same `Quotas` and
/// sign in as the same application share one budget, connections of others are not touched. A process that has several
/// connections should have one of these; a connection that was given none has one of its own.
///
/// ```
/// use pocketsoc_transport::{Cloud, Connection, Credential, Quotas, Secret};
/// let quotas = Quotas::new();
/// for tenant in ["contoso.example", "fabrikam.example"] {
///     let credential = Credential::client_secret(tenant, "client id", Secret::new("…"));
///     let connection = Connection::builder(credential, Cloud::Public).quotas(&quotas);
/// }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Quotas(Arc<Mutex<Limiters>>);

#[derive(Debug, Default)]
struct Limiters {
    all: HashMap<(Arc<str>, &'static str), Arc<Limiter>>,
    /// How many connections nobody knows the application of.
    nameless: u64,
    flows: u64,
}

/// Whom a service counts the calls of a connection for.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    application: Arc<str>,
    tenant: Arc<str>,
}

impl Quotas {
    /// Nothing is used yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The account of an application in a tenant; where neither is known, one that nobody else has.
    pub(crate) fn account(&self, cloud: &str, known: Option<(&str, &str)>) -> Account {
        let Some((tenant, application)) = known else {
            let mut limiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            limiters.nameless += 1;
            let name: Arc<str> = format!("connection {}", limiters.nameless).into();
            return Account { application: Arc::clone(&name), tenant: name };
        };
        let tenant = format!("{cloud}/{}", tenant.to_ascii_lowercase());
        let application = format!("{tenant}/{}", application.to_ascii_lowercase());
        Account { application: application.into(), tenant: tenant.into() }
    }

    /// A number that nobody else has.
    pub(crate) fn flow(&self) -> Flow {
        let mut limiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        limiters.flows += 1;
        Flow(limiters.flows)
    }

    /// What limits the calls that an account makes of a quota.
    pub(crate) fn limiter(
        &self,
        account: &Account,
        quota: &'static Quota,
        clock: &Arc<dyn Clock>,
    ) -> Arc<Limiter> {
        let whose = match quota.whose {
            Whose::Application => &account.application,
            Whose::Tenant => &account.tenant,
        };
        let mut limiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Limiter::new(quota.rule, Arc::clone(clock)));
        Arc::clone(limiters.all.entry((Arc::clone(whose), quota.key)).or_insert_with(new))
    }
}
