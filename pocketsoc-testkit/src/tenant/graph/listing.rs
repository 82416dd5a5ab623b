//! What a list asks for: filter, order, page; and how the service answers in pages.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::{GraphTroubles, View, refusal, wants_every_word, wrong};
use crate::filter::{Filter, Value};
use crate::message::{Reply, Request};
use crate::tenant::{Tenant, origin};

/// A list of the service.
pub(super) struct List {
    pub(super) filterable: &'static [&'static str],
    pub(super) largest: usize,
    /// Whether more than the largest page is refused, or just not given.
    pub(super) strict: bool,
    pub(super) expandable: Option<&'static str>,
}

/// What a request asks of a list.
pub(super) struct Asked {
    filter: Option<Filter>,
    ascending: bool,
    top: usize,
    skip: usize,
    /// Ordered by the last update, not by when it began.
    by_update: bool,
    troubles: GraphTroubles,
    pub(super) view: View,
}

impl List {
    pub(super) fn asked(&self, tenant: &Tenant, request: &Request) -> Result<Asked, Reply> {
        let troubles = tenant.lock().graph_troubles;
        let known = ["$filter", "$top", "$skip", "$skiptoken", "$count", "$orderby", "$expand"];
        if let Some(name) = request.options().find(|n| n.starts_with('$') && !known.contains(&n.as_str())) {
            return Err(wrong(&format!("The query option '{name}' is not supported.")));
        }
        let number = |name: &str| match request.option(name) {
            None => Ok(None),
            Some(text) => text
                .trim_start_matches("skip~")
                .parse::<usize>()
                .map(Some)
                .map_err(|_| wrong(&format!("Invalid value '{text}' for {name} query option."))),
        };
        let top = number("$top")?.unwrap_or(self.largest.min(100));
        let refused = troubles.largest_page.is_some_and(|largest| top > largest);
        if refused || (top > self.largest && self.strict) {
            // The service names neither a code nor a reason.
            let body = json!({"error": {"code": "", "message": "", "details": []}});
            return Err(Reply::json(400, body.to_string()));
        }
        let expand = match (request.option("$expand"), self.expandable) {
            (None, _) => false,
            (Some(asked), Some(known)) if asked == known => true,
            (Some(asked), _) => return Err(wrong(&format!("Could not find a property named '{asked}'."))),
        };
        let ascending = match request.option("$orderby").as_deref() {
            None | Some("lastUpdateDateTime desc" | "createdDateTime desc") => false,
            Some("lastUpdateDateTime asc" | "lastUpdateDateTime" | "createdDateTime asc") => true,
            Some(_) => return Err(wrong("The query specified in the URI is not valid. $orderby")),
        };
        let filter = request.option("$filter").map(|text| self.filter(&text)).transpose()?;
        let skip = number("$skip")?.or(number("$skiptoken")?).unwrap_or(0);
        if skip > 0 && troubles.links_die_at.is_some_and(|most| skip >= most) {
            return Err(refusal(400, "BadRequest", "Skip token is null or not allowed."));
        }
        Ok(Asked {
            filter,
            ascending,
            top: top.clamp(1, self.largest),
            skip,
            by_update: request.option("$orderby").is_some_and(|order| order.starts_with("lastUpdate")),
            troubles,
            view: View { expand, every_word: wants_every_word(request), past: false },
        })
    }

    fn filter(&self, text: &str) -> Result<Filter, Reply> {
        let filter = Filter::parse(text)
            .map_err(|why| refusal(400, "BadRequest", &format!("Invalid filter clause: {why}.")))?;
        match filter.fields().into_iter().find(|name| !self.filterable.contains(name)) {
            None => Ok(filter),
            Some(name) => Err(wrong(&format!("Invalid filter property: '{name}'."))),
        }
    }
}

impl Asked {
    pub(super) fn passes(&self, field: &dyn Fn(&str) -> Value) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.matches(field))
    }

    /// A page of what fits, newest first unless asked otherwise.
    pub(super) fn page<T>(
        &self,
        tenant: &Tenant,
        request: &Request,
        mut fitting: Vec<T>,
        updated: impl Fn(&T) -> DateTime<Utc>,
        render: impl Fn(&T) -> String,
    ) -> Reply {
        if self.by_update {
            fitting.sort_by_key(|one| std::cmp::Reverse(updated(one)));
        }
        if self.ascending {
            fitting.reverse();
        }
        let page: Vec<String> =
            fitting.iter().skip(self.skip).take(self.top.min(tenant.page_cap())).map(render).collect();
        let path = request.path.trim_start_matches("/v1.0/");
        let mut body = format!("{{\"@odata.context\":\"https://graph.microsoft.com/v1.0/$metadata#{path}\"");
        if request.option("$count").as_deref() == Some("true") {
            let _ = write!(body, ",\"@odata.count\":{}", fitting.len());
        }
        let next = self.skip + page.len();
        let silent = self.troubles.silent || self.troubles.stalls_at.is_some_and(|most| next >= most);
        if next < fitting.len() && !silent {
            let _ = write!(body, ",\"@odata.nextLink\":{}", json!(link(request, next, self.troubles.skips)));
        }
        let _ = write!(body, ",\"value\":[{}]}}", page.join(","));
        Reply::json(200, body)
    }
}

/// The link to more: the same options, further on.
fn link(request: &Request, skip: usize, by_number: bool) -> String {
    let mut link = format!("{}{}?", origin(request, "graph.microsoft.com"), request.path);
    for name in ["$filter", "$top", "$orderby", "$expand", "$count"] {
        if let Some(value) = request.option(name) {
            let _ = write!(link, "{name}={}&", utf8_percent_encode(&value, NON_ALPHANUMERIC));
        }
    }
    let _ = if by_number { write!(link, "$skip={skip}") } else { write!(link, "$skiptoken=skip~{skip}") };
    link
}
