//! The quotas that the vendor publishes, as data.

use super::{Bucket, Quota, Rule, Whose, Window};

/// Declares quotas, one a line.
macro_rules! quotas {
    ($($(#[$doc:meta])* $name:ident = $key:literal per $whose:ident: $rule:expr;)+) => {
        $($(#[$doc])* pub static $name: Quota = Quota { key: $key, whose: Whose::$whose, rule: $rule };)+

        /// Every quota of this file.
        pub static ALL: &[&Quota] = &[$(&$name),+];
    };
}

quotas! {
    /// Defender for Endpoint, unless the endpoint has its own: 100 a minute, 1,500 an hour. Published per API and
    /// tenant; counted together here, which can only be slower than allowed.
    MDE = "mde" per Application: Rule::Windows(&[Window::per_minute(100), Window::per_hour(1500)]);
    /// Defender for Endpoint, advanced hunting: 45 a minute, 1,500 an hour, per tenant; run time is limited as well.
    MDE_HUNTING = "mde.hunting" per Tenant: Rule::Windows(&[Window::per_minute(45).whole(), Window::per_hour(1500).whole()]);
    /// Defender for Endpoint, batch update of alerts: 10 a minute, 500 an hour.
    MDE_ALERT_BATCH = "mde.alerts.batch" per Application: Rule::Windows(&[Window::per_minute(10), Window::per_hour(500)]);
    /// Defender for Endpoint, create an alert by reference: 15 a minute.
    MDE_ALERT_CREATE = "mde.alerts.create" per Application: Rule::Windows(&[Window::per_minute(15)]);
    /// Defender for Endpoint, vulnerabilities of a machine: 50 a minute, 1,500 an hour.
    MDE_VULNERABILITIES = "mde.vulnerabilities" per Application: Rule::Windows(&[Window::per_minute(50), Window::per_hour(1500)]);
    /// Defender for Endpoint, start an investigation: 50 an hour.
    MDE_INVESTIGATE = "mde.investigate" per Application: Rule::Windows(&[Window::per_hour(50)]);
    /// Defender for Endpoint, link to an investigation package: 2 a minute, 120 an hour.
    MDE_PACKAGE_URI = "mde.package_uri" per Application: Rule::Windows(&[Window::per_minute(2), Window::per_hour(120)]);
    /// Defender for Endpoint, live response: 10 a minute.
    MDE_LIVE_RESPONSE = "mde.live_response" per Application: Rule::Windows(&[Window::per_minute(10)]);
    /// Defender for Endpoint, import of indicators: 30 a minute.
    MDE_INDICATOR_IMPORT = "mde.indicators.import" per Application: Rule::Windows(&[Window::per_minute(30)]);
    /// Defender for Endpoint, batch delete of indicators: 30 a minute, 1,500 an hour.
    MDE_INDICATOR_DELETE = "mde.indicators.delete" per Application: Rule::Windows(&[Window::per_minute(30), Window::per_hour(1500)]);
    /// Defender XDR incidents: 50 a minute, 1,500 an hour.
    XDR_INCIDENTS = "xdr.incidents" per Application: Rule::Windows(&[Window::per_minute(50), Window::per_hour(1500)]);
    /// Graph security: 150 a minute. Published for alerts; assumed for incidents.
    GRAPH_SECURITY = "graph.security" per Application: Rule::Windows(&[Window::per_minute(150)]);
    /// Graph advanced hunting: 45 a minute per tenant, more for large ones; run time is limited as well.
    GRAPH_HUNTING = "graph.hunting" per Tenant: Rule::Windows(&[Window::per_minute(45).whole()]);
    /// Azure Resource Manager, reads: a bucket of 250 that refills at 25 a second.
    ARM_READ = "arm.read" per Application: Rule::Bucket(Bucket { capacity: 250, per_second: 25 });
    /// Azure Resource Manager, writes: a bucket of 200 that refills at 10 a second.
    ARM_WRITE = "arm.write" per Application: Rule::Bucket(Bucket { capacity: 200, per_second: 10 });
    /// Azure Resource Manager, deletions: a bucket of 200 that refills at 10 a second.
    ARM_DELETE = "arm.delete" per Application: Rule::Bucket(Bucket { capacity: 200, per_second: 10 });
}
