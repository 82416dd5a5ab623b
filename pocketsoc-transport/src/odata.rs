//! OData filters as values: fields with types, quoting in one place.

use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, Datelike as _, SecondsFormat, TimeDelta, Utc};
use pocketsoc_model::{DetectionQuery, Severity, Status};

/// A field that a service can filter by, with the type of its values.
///
/// ```
/// use pocketsoc_transport::odata::Field;
/// const ASSIGNED_TO: Field<str> = Field::new("assignedTo");
/// const INCIDENT: Field<i64> = Field::new("incidentId");
/// let filter = ASSIGNED_TO.eq("o'hara@contoso.example").and(INCIDENT.gt(&7));
/// assert_eq!(filter.to_string(), "assignedTo eq 'o''hara@contoso.example' and incidentId gt 7");
/// ```
#[derive(Debug)]
pub struct Field<T: ?Sized> {
    name: &'static str,
    values: PhantomData<fn(&T)>,
}

/// What a filter can compare a field with.
pub trait Literal {
    /// Writes the literal as OData has it; texts go through [`quote`].
    fn literal(&self) -> String;

    /// The least value that the service can hold and that is not below this one, as a literal; for `ge` and `lt`,
    /// which then mean the same as with the exact value.
    fn literal_up(&self) -> String {
        self.literal()
    }
}

/// A text literal: in single quotes, a single quote inside doubled.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Literal for str {
    fn literal(&self) -> String {
        quote(self)
    }
}

impl Literal for i64 {
    fn literal(&self) -> String {
        self.to_string()
    }
}

/// What services count time in.
const TICK: i64 = 100;

impl Literal for bool {
    fn literal(&self) -> String {
        self.to_string()
    }
}

impl Literal for DateTime<Utc> {
    /// Cut to whole ticks of 100 ns, in which services count; seven digits at most, without zeros that say nothing.
    fn literal(&self) -> String {
        // OData knows the years 1 to 9999.
        if self.year() < 1 {
            return "0001-01-01T00:00:00Z".to_owned();
        } else if self.year() > 9999 {
            return "9999-12-31T23:59:59Z".to_owned();
        }
        let beyond = i64::from(self.timestamp_subsec_nanos()) % TICK;
        let text = (*self - TimeDelta::nanoseconds(beyond)).to_rfc3339_opts(SecondsFormat::AutoSi, true);
        match text.split_once('.') {
            Some((seconds, fraction)) => format!("{seconds}.{}Z", fraction.trim_end_matches(['Z', '0'])),
            None => text,
        }
    }

    fn literal_up(&self) -> String {
        match i64::from(self.timestamp_subsec_nanos()) % TICK {
            0 => self.literal(),
            beyond => {
                self.checked_add_signed(TimeDelta::nanoseconds(TICK - beyond)).unwrap_or(*self).literal()
            }
        }
    }
}

/// A filter. Its `Display` is the text on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// A field against a literal.
    Compare(&'static str, Operator, String),
    /// Both, or all.
    And(Vec<Self>),
    /// Any.
    Or(Vec<Self>),
    /// Text that is sent as it is: for what the typed forms do not have. The caller quotes.
    Raw(String),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // OData's own words
pub enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

impl<T: Literal + ?Sized> Field<T> {
    /// A field by its name on the wire.
    pub const fn new(name: &'static str) -> Self {
        Self { name, values: PhantomData }
    }

    fn compare(&self, operator: Operator, value: &T) -> Filter {
        let literal = match operator {
            Operator::Ge | Operator::Lt => value.literal_up(),
            _ => value.literal(),
        };
        Filter::Compare(self.name, operator, literal)
    }

    /// Equal.
    pub fn eq(&self, value: &T) -> Filter {
        self.compare(Operator::Eq, value)
    }

    /// Not equal.
    pub fn ne(&self, value: &T) -> Filter {
        self.compare(Operator::Ne, value)
    }

    /// Greater.
    pub fn gt(&self, value: &T) -> Filter {
        self.compare(Operator::Gt, value)
    }

    /// Greater or equal.
    pub fn ge(&self, value: &T) -> Filter {
        self.compare(Operator::Ge, value)
    }

    /// Less.
    pub fn lt(&self, value: &T) -> Filter {
        self.compare(Operator::Lt, value)
    }

    /// Less or equal.
    pub fn le(&self, value: &T) -> Filter {
        self.compare(Operator::Le, value)
    }
}

/// A field that is a list of texts.
///
/// ```
/// use pocketsoc_transport::odata::ListField;
/// const TAGS: ListField = ListField::new("machineTags");
/// assert_eq!(TAGS.has("it's").to_string(), "machineTags/any(one: one eq 'it''s')");
/// ```
#[derive(Debug)]
pub struct ListField {
    name: &'static str,
}

impl ListField {
    /// A field by its name on the wire.
    pub const fn new(name: &'static str) -> Self {
        Self { name }
    }

    /// One of its texts is this one.
    #[must_use]
    pub fn has(&self, text: &str) -> Filter {
        Filter::Raw(format!("{}/any(one: one eq {})", self.name, quote(text)))
    }
}

impl Field<str> {
    /// Begins with a text.
    #[must_use]
    pub fn starts_with(&self, text: &str) -> Filter {
        Filter::Raw(format!("startswith({},{})", self.name, quote(text)))
    }
}

impl Filter {
    /// This and the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::all([self, other]).unwrap_or(Self::And(Vec::new()))
    }

    /// This or the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self::any([self, other]).unwrap_or(Self::Or(Vec::new()))
    }

    /// All of them; `None` for none.
    pub fn all(filters: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut parts = Vec::new();
        for filter in filters {
            match filter {
                Self::And(inner) => parts.extend(inner),
                other => parts.push(other),
            }
        }
        if parts.len() > 1 { Some(Self::And(parts)) } else { parts.pop() }
    }

    /// Any of them; `None` for none.
    pub fn any(filters: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut parts: Vec<Self> = filters.into_iter().collect();
        if parts.len() > 1 { Some(Self::Or(parts)) } else { parts.pop() }
    }
}

/// What a service can filter of a query, and whether that is all of it: the window by `updated`, each status by what
/// `status` has for it, and the threshold by leaving out what is milder, so that an unknown severity passes.
///
/// A status without a filter (a word that the service does not have, or that nobody knows) leaves all statuses to the
/// local filter. For the `source.rs` of a client.
pub fn of_query(
    query: &DetectionQuery,
    updated: &Field<DateTime<Utc>>,
    status: impl Fn(Status) -> Option<Filter>,
    not: impl Fn(Severity) -> Filter,
) -> (Option<Filter>, bool) {
    let window = [
        query.updated_since.map(|since| updated.ge(&since)),
        query.updated_until.map(|until| updated.lt(&until)),
    ];
    let statuses: Option<Vec<Filter>> = query.statuses.iter().map(|s| status(*s)).collect();
    let exact = statuses.is_some() && query.machine_group.is_none();
    let threshold = query.min_severity.unwrap_or_default();
    let milder = [Severity::Informational, Severity::Low, Severity::Medium, Severity::High]
        .into_iter()
        .filter(|severity| !severity.meets(threshold))
        .map(not);
    let filter =
        Filter::all(window.into_iter().flatten().chain(statuses.and_then(Filter::any)).chain(milder));
    (filter, exact)
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        })
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Self], word: &str| {
            for (n, part) in parts.iter().enumerate() {
                if n > 0 {
                    write!(f, " {word} ")?;
                }
                match part {
                    Self::Compare(..) => write!(f, "{part}")?,
                    _ => write!(f, "({part})")?,
                }
            }
            Ok(())
        };
        match self {
            Self::Compare(field, operator, literal) => write!(f, "{field} {operator} {literal}"),
            Self::And(parts) => joined(f, parts, "and"),
            Self::Or(parts) => joined(f, parts, "or"),
            Self::Raw(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPDATED: Field<DateTime<Utc>> = Field::new("lastUpdateTime");
    const TITLE: Field<str> = Field::new("title");

    #[test]
    fn quotes_cannot_be_escaped_from() {
        let filter = TITLE.eq("x' or title ne 'y");
        assert_eq!(filter.to_string(), "title eq 'x'' or title ne ''y'");
    }

    #[test]
    fn times_are_unquoted_and_keep_their_fraction() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert_eq!(
            UPDATED.ge(&at("2020-07-20T10:53:48Z")).to_string(),
            "lastUpdateTime ge 2020-07-20T10:53:48Z"
        );
        assert_eq!(
            UPDATED.lt(&at("2020-07-20T10:53:48.7657932Z")).to_string(),
            "lastUpdateTime lt 2020-07-20T10:53:48.7657932Z"
        );
    }

    #[test]
    fn finer_times_than_the_service_counts_in_keep_their_meaning() {
        let at = "2020-07-20T10:53:48.765793211Z".parse::<DateTime<Utc>>().unwrap();
        let up = "2020-07-20T10:53:48.7657933Z";
        let down = "2020-07-20T10:53:48.7657932Z";
        assert_eq!(UPDATED.ge(&at).to_string(), format!("lastUpdateTime ge {up}"));
        assert_eq!(UPDATED.lt(&at).to_string(), format!("lastUpdateTime lt {up}"));
        assert_eq!(UPDATED.gt(&at).to_string(), format!("lastUpdateTime gt {down}"));
        assert_eq!(UPDATED.le(&at).to_string(), format!("lastUpdateTime le {down}"));
        assert_eq!(
            UPDATED.ge(&DateTime::<Utc>::MIN_UTC).to_string(),
            "lastUpdateTime ge 0001-01-01T00:00:00Z"
        );
        assert_eq!(
            UPDATED.lt(&DateTime::<Utc>::MAX_UTC).to_string(),
            "lastUpdateTime lt 9999-12-31T23:59:59Z"
        );
    }

    #[test]
    fn mixed_filters_are_bracketed_so_that_precedence_cannot_bite() {
        let any = Filter::any([TITLE.eq("a"), TITLE.eq("b")]).unwrap();
        let all = Filter::all([any, TITLE.ne("c"), Filter::Raw("x eq 1 or y eq 2".into())]).unwrap();
        assert_eq!(all.to_string(), "(title eq 'a' or title eq 'b') and title ne 'c' and (x eq 1 or y eq 2)");
        assert_eq!(Filter::all([]), None);
        assert_eq!(Filter::any([TITLE.eq("a")]), Some(TITLE.eq("a")));
    }
}
