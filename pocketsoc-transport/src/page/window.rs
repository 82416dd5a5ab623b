//! How a list goes on where its links do not: windows of the update time, oldest first.
//!
//! Every window begins at the latest time that the one before has shown, that instant included: what shares it is asked
//! for again, and recognised. Nothing is passed over, however the list shifts, and nothing is skipped by number.

use std::fmt;

use chrono::{DateTime, Utc};
use pocketsoc_model::parse_timestamp;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use url::Url;

use crate::call::Call;
use crate::lenient::Name;
use crate::odata::Literal as _;

/// What is asked for again when the service fails to give it by links.
pub(super) const LINKS: &str = "the service's own links: the list went on by update time";

/// Sizes of pages at which services are known to stop without saying that there is more.
const CAPS: [u64; 3] = [50, 100, 1000];

/// The most elements that a link may pass over by number: beyond, services refuse or just stop.
const DEEPEST_SKIP: u64 = 500;

/// The present window of a walk by time.
#[derive(Debug)]
pub(super) struct Window {
    field: &'static str,
    /// Where it begins; `None` for the beginning of the list.
    from: Option<DateTime<Utc>>,
    /// The latest time seen in it.
    latest: Option<DateTime<Utc>>,
    /// The time of the element before, on the same page.
    last: Option<DateTime<Utc>>,
    /// An element was older than the one before, or than the window.
    out_of_order: bool,
    /// Whether links were followed in it: its elements may have shifted meanwhile.
    by_link: bool,
    /// What it gave that nobody had seen.
    fresh: u64,
}

impl Window {
    pub(super) fn new(field: &'static str) -> Self {
        Self { field, from: None, latest: None, last: None, out_of_order: false, by_link: false, fresh: 0 }
    }

    /// A walk by time that is taken up again at an address of its own.
    pub(super) fn resumed(field: &'static str, url: &Url) -> Option<Self> {
        let order = order(field);
        let ordered = url.query_pairs().any(|(name, value)| name == "$orderby" && value == order);
        ordered.then(|| Self::new(field))
    }

    /// The call of the window: what was asked for, from its beginning on, oldest first.
    pub(super) fn call(&self, call: &Call) -> Call {
        let own = call.query("$filter");
        let from = self.from.map(|from| format!("{} ge {}", self.field, from.literal()));
        let filter = match (own, from) {
            (Some(own), Some(from)) => Some(format!("({own}) and {from}")),
            (own, from) => own.map(str::to_owned).or(from),
        };
        let call = call.clone().replacing_query("$orderby", order(self.field));
        match filter {
            Some(filter) => call.replacing_query("$filter", filter),
            None => call,
        }
    }

    /// Notes the time of an element.
    pub(super) fn see(&mut self, element: &str) {
        let time = time_of(element, self.field);
        if time.is_some() {
            self.out_of_order |= time < self.last || time < self.from;
            self.last = time;
        }
        self.latest = self.latest.max(time);
    }

    /// Whether the service gives its elements in another order than the one asked for: what is later than the latest seen
    /// is then not all that is left.
    pub(super) fn is_out_of_order(&self) -> bool {
        self.out_of_order
    }

    /// Whether it is known where it begins.
    pub(super) fn has_begun(&self) -> bool {
        self.from.is_some()
    }

    /// Notes a page of it, and whether a link led there.
    pub(super) fn count(&mut self, fresh: u64, by_link: bool) {
        self.fresh += fresh;
        self.by_link |= by_link;
        self.last = None;
    }

    /// Whether it has to be read once more: what leaves an instant while it is read by links makes what stands behind it
    /// move up, past the border of two pages.
    pub(super) fn once_more(&mut self) -> bool {
        let again = self.by_link && self.fresh > 0;
        if again {
            (self.by_link, self.fresh) = (false, 0);
        }
        again
    }

    /// Whether it has shown something later than the instant at which it begins.
    pub(super) fn is_past(&self) -> bool {
        self.latest > self.from
    }

    /// Goes on to the next window.
    pub(super) fn advance(&mut self) {
        (self.from, self.by_link, self.fresh) = (self.latest, false, 0);
    }

    /// Passes over the rest of one instant, of which there is more than the service gives.
    pub(super) fn pass_over(&mut self) -> Option<DateTime<Utc>> {
        let at = self.from?;
        (self.by_link, self.fresh) = (false, 0);
        // The next tick that services count in.
        self.from = Some(at + chrono::TimeDelta::nanoseconds(100));
        Some(at)
    }
}

fn order(field: &str) -> String {
    format!("{field} asc")
}

/// Whether a page without a link to more may have more behind it: it is full, or as large as pages are cut off at.
pub(super) fn may_go_on(elements: u64, page_size: Option<u32>) -> bool {
    elements > 0 && (page_size.is_some_and(|size| elements >= u64::from(size)) || CAPS.contains(&elements))
}

/// Whether a link passes over so many elements that the service cannot be trusted to.
pub(super) fn is_too_deep(link: &Url) -> bool {
    super::pager::skipped(link) > DEEPEST_SKIP
}

/// The time that an element has in a field.
fn time_of(element: &str, field: &'static str) -> Option<DateTime<Utc>> {
    struct Time(&'static str);
    impl<'de> DeserializeSeed<'de> for Time {
        type Value = Option<DateTime<Utc>>;
        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
            deserializer.deserialize_map(self)
        }
    }
    impl<'de> Visitor<'de> for Time {
        type Value = Option<DateTime<Utc>>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an element")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut time = None;
            while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
                if name == self.0 {
                    time = map
                        .next_value::<Option<Name<'de>>>()?
                        .and_then(|Name(text)| parse_timestamp(&text).ok());
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(time)
        }
    }
    Time(field).deserialize(&mut serde_json::Deserializer::from_str(element)).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Method, quota};

    const FIELD: &str = "lastUpdateDateTime";

    fn element(time: &str) -> String {
        format!(r#"{{"id":"a","nested":{{"{FIELD}":"2030-01-01T00:00:00Z"}},"{FIELD}":"{time}"}}"#)
    }

    #[test]
    fn a_window_begins_at_the_latest_time_of_the_one_before_that_instant_included() {
        let call = Call::fixed(Method::Get, "list", "/list", &quota::GRAPH_SECURITY);
        let filtered = call.clone().with_query("$filter", "a eq 1 or b eq 2").with_query("$top", "50");
        let mut window = Window::new(FIELD);
        assert_eq!(window.call(&call).query("$filter"), None);
        for time in ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.1Z", "2026-01-02T00:00:00.1234567Z"] {
            window.see(&element(time));
        }
        window.see("{\"id\":\"timeless\"}");
        assert!(window.is_past());
        window.advance();
        let next = window.call(&filtered);
        let from = "lastUpdateDateTime ge 2026-01-02T00:00:00.1234567Z";
        assert_eq!(next.query("$filter"), Some(format!("(a eq 1 or b eq 2) and {from}").as_str()));
        assert_eq!(next.query("$orderby"), Some("lastUpdateDateTime asc"));
        assert_eq!(next.query("$top"), Some("50"));
        window.see(&element("2026-01-02T00:00:00.1234567Z"));
        assert!(!window.is_past(), "all at one instant");
        assert!(!window.is_out_of_order());
        assert!(window.pass_over().is_some());
        assert!(window.call(&call).query("$filter").unwrap().ends_with(".1234568Z"));
    }

    #[test]
    fn an_order_that_is_not_heeded_is_noticed() {
        let mut window = Window::new(FIELD);
        for time in ["2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"] {
            window.see(&element(time));
        }
        assert!(window.is_out_of_order(), "newest first");
        let mut window = Window::new(FIELD);
        window.see(&element("2026-01-02T00:00:00Z"));
        window.count(1, false);
        window.advance();
        window.see(&element("2026-01-01T00:00:00Z"));
        assert!(window.is_out_of_order(), "older than the window");
    }

    #[test]
    fn a_page_that_is_cut_off_is_not_taken_for_the_last() {
        assert!(may_go_on(500, Some(500)) && may_go_on(1000, Some(1500)) && may_go_on(50, None));
        assert!(!may_go_on(0, Some(0)) && !may_go_on(49, Some(50)));
        let link = |query: &str| is_too_deep(&Url::parse(&format!("https://x.example/a?{query}")).unwrap());
        assert!(link("$skip=501") && !link("$skip=500") && !link("$skiptoken=99999"));
    }
}
