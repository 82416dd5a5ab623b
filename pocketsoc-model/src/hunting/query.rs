//! What is hunted for, over which time.

use std::fmt;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::{Error, ErrorKind, Result};

/// The services' published limit of rows in one answer.
const MOST_ROWS: usize = 100_000;
/// Operators that give other rows each time they run: their answers over parts of the time do not add up.
const ARBITRARY: [&str; 5] = ["take", "limit", "sample", "sample-distinct", "render"];
/// Functions that give another value each time.
const RANDOM: [&str; 5] = ["rand(", "new_guid(", "take_any(", "any(", "anyif("];

/// A hunt: a query in KQL, and the time it is about.
///
/// ```
/// use pocketsoc_model::HuntQuery;
/// # let (from, until) = (chrono::Utc::now() - chrono::TimeDelta::days(7), chrono::Utc::now());
/// let query = HuntQuery::new("DeviceProcessEvents | where FileName =~ 'mimikatz.exe'").between(from, until);
/// # query.check()?;
/// # Ok::<(), pocketsoc_model::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct HuntQuery {
    kql: String,
    window: Option<(DateTime<Utc>, DateTime<Utc>)>,
    timespan: Option<Timespan>,
    row_limit: usize,
}

/// The data that a query may look at, counted by when it arrived. [`Display`](fmt::Display) is the wire's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Timespan {
    /// From a moment until now.
    Since(DateTime<Utc>),
    /// So long back from now.
    Last(TimeDelta),
    /// From a moment until another.
    Between(DateTime<Utc>, DateTime<Utc>),
    /// So long back from a moment.
    Before(TimeDelta, DateTime<Utc>),
    /// So long on from a moment.
    After(DateTime<Utc>, TimeDelta),
}

impl HuntQuery {
    /// The query, as it is. A result that the service cuts off at its limit of rows is reported as not complete.
    pub fn new(kql: impl Into<String>) -> Self {
        Self { kql: kql.into(), window: None, timespan: None, row_limit: MOST_ROWS }
    }

    /// Only rows whose `Timestamp` is in this time, to the microsecond and without its end; and where the result is larger than the service
    /// gives at once, the time is split until all rows have come, each exactly once as long as the data stays the same (`report()` says
    /// otherwise). Their order is kept within a part of the time only.
    ///
    /// The query's rows must have the column `Timestamp`: the filter is put behind it. Operators whose rows are another
    /// choice each time (`take`, `sample`) cannot be split and are refused.
    pub fn between(mut self, from: DateTime<Utc>, until: DateTime<Utc>) -> Self {
        self.window = Some((from, until));
        self
    }

    /// Only this data, for all tables of the query. Defender for Endpoint's own endpoint cannot be told and refuses.
    pub fn over(mut self, timespan: Timespan) -> Self {
        self.timespan = Some(timespan);
        self
    }

    /// How many rows the service gives at once, where that is not the published 100,000.
    pub fn with_row_limit(mut self, rows: usize) -> Self {
        self.row_limit = rows.max(1);
        self
    }

    /// The query in KQL.
    pub fn kql(&self) -> &str {
        &self.kql
    }

    /// The time of its rows, where it may be split.
    pub fn window(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        self.window
    }

    /// The data it may look at, unless all.
    pub fn timespan(&self) -> Option<Timespan> {
        self.timespan
    }

    /// How many rows an answer has at most.
    pub fn row_limit(&self) -> usize {
        self.row_limit
    }

    /// Whether it can be sent.
    ///
    /// # Errors
    /// `InvalidRequest` for an empty query, a time that ends before it begins, and a query that cannot be split.
    pub fn check(&self) -> Result<()> {
        let refuse = |message: String, hint: &'static str| {
            Err(Error::new(ErrorKind::InvalidRequest, "hunt").with_message(message).with_hint(hint))
        };
        if self.kql.trim().is_empty() {
            return refuse("the query is empty".into(), "give a query in KQL, such as DeviceInfo");
        }
        let Some((from, until)) = self.window else { return Ok(()) };
        if from >= until {
            return refuse("the time ends before it begins".into(), "give the earlier moment first");
        }
        match self.arbitrary() {
            Some(word) => refuse(
                format!("`{word}` gives other rows each time it runs, so the time cannot be split"),
                "leave the operator out, or the time",
            ),
            None => Ok(()),
        }
    }

    /// Whether it gives the same rows each time it runs, as long as the data is the same: it has no operator (`take`) or
    /// function (`rand()`) that chooses.
    pub fn is_repeatable(&self) -> bool {
        self.arbitrary().is_none()
    }

    /// What in it chooses at random.
    fn arbitrary(&self) -> Option<String> {
        let code = code(&self.kql);
        let operator = operators(&code).find(|word| ARBITRARY.contains(&word.as_str()));
        operator.or_else(|| {
            let called = |name: &&&str| {
                code.match_indices(**name).any(|(at, _)| {
                    !code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
                })
            };
            RANDOM.iter().find(called).map(|name| format!("{name})"))
        })
    }

    /// The query for a part of its time, the end not included.
    pub fn kql_within(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> String {
        let query = self.kql.trim_end().trim_end_matches(';');
        // A line of its own: the query may end in a comment.
        format!(
            "{query}\n| where Timestamp >= datetime({}) and Timestamp < datetime({})",
            from.to_rfc3339_opts(SecondsFormat::Micros, true),
            until.to_rfc3339_opts(SecondsFormat::Micros, true)
        )
    }
}

/// A query without its texts and comments.
fn code(kql: &str) -> String {
    let mut code = String::with_capacity(kql.len());
    let mut rest = kql.chars().peekable();
    let mut verbatim = false;
    while let Some(c) = rest.next() {
        match c {
            '/' if rest.peek() == Some(&'/') => {
                rest.by_ref().find(|c| *c == '\n');
            }
            '\'' | '"' => {
                while let Some(inner) = rest.next() {
                    if inner == '\\' && !verbatim {
                        rest.next();
                    } else if inner == c {
                        break;
                    }
                }
            }
            _ => code.push(c),
        }
        verbatim = c == '@';
    }
    code
}

/// The words behind the pipes of a query's code.
fn operators(code: &str) -> impl Iterator<Item = String> {
    let word = |part: &str| -> String {
        part.trim_start().chars().take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
    };
    code.split('|').skip(1).map(word).collect::<Vec<_>>().into_iter()
}

impl fmt::Display for Timespan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |moment: &DateTime<Utc>| moment.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let long = |duration: &TimeDelta| match duration.num_seconds() {
            seconds if seconds % 86_400 == 0 => format!("P{}D", seconds / 86_400),
            seconds => format!("PT{seconds}S"),
        };
        match self {
            Self::Since(from) => f.write_str(&at(from)),
            Self::Last(duration) => f.write_str(&long(duration)),
            Self::Between(from, until) => write!(f, "{}/{}", at(from), at(until)),
            Self::Before(duration, until) => write!(f, "{}/{}", long(duration), at(until)),
            Self::After(from, duration) => write!(f, "{}/{}", at(from), long(duration)),
        }
    }
}

impl fmt::Debug for HuntQuery {
    /// Without the query itself: it names users and machines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HuntQuery")
            .field("length", &self.kql.len())
            .field("window", &self.window)
            .field("timespan", &self.timespan)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_query_that_cannot_be_split_is_refused_with_the_word() {
        let (from, until) = (at("2026-09-01T00:00:00Z"), at("2026-09-02T00:00:00Z"));
        for bad in ["DeviceInfo | take 5", "T | where x == 1 |limit 3", "T\n| sample 4 // all"] {
            let error = HuntQuery::new(bad).between(from, until).check().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{bad}");
            HuntQuery::new(bad).check().unwrap();
        }
        for bad in
            ["T | extend n = rand()", "T | summarize any(FileName) by DeviceId", "T | extend id = new_guid()"]
        {
            let error = HuntQuery::new(bad).between(from, until).check().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{bad}");
            assert!(!HuntQuery::new(bad).is_repeatable());
        }
        assert!(HuntQuery::new("T | where A has_any('x', 'rand()') | extend b = my_rand(1)").is_repeatable());
        for good in [
            "T | where Name == '| take 5'",
            "T // | take 5",
            "T | where A == \"x\\\" | take 5\" | project Timestamp",
            "T | where P == @'c:\\' | extend take = 1",
            "T | top 5 by Timestamp",
        ] {
            HuntQuery::new(good).between(from, until).check().unwrap_or_else(|e| panic!("{good}: {e}"));
        }
        assert!(HuntQuery::new(" ").check().is_err());
        assert!(HuntQuery::new("T").between(until, from).check().is_err());
    }

    #[test]
    fn the_time_is_put_behind_the_query() {
        let query = HuntQuery::new("DeviceInfo // all of them\n;\n");
        assert_eq!(
            query.kql_within(at("2026-09-01T00:00:00Z"), at("2026-09-01T00:00:00.5Z")),
            "DeviceInfo // all of them\n\n| where Timestamp >= datetime(2026-09-01T00:00:00.000000Z) \
             and Timestamp < datetime(2026-09-01T00:00:00.500000Z)"
        );
    }

    #[test]
    fn timespans_have_the_documented_forms() {
        let (from, until) = (at("2026-09-01T00:00:00Z"), at("2026-09-02T00:00:00.25Z"));
        for (timespan, text) in [
            (Timespan::Since(from), "2026-09-01T00:00:00Z"),
            (Timespan::Last(TimeDelta::days(90)), "P90D"),
            (Timespan::Last(TimeDelta::minutes(90)), "PT5400S"),
            (Timespan::Between(from, until), "2026-09-01T00:00:00Z/2026-09-02T00:00:00.250Z"),
            (Timespan::Before(TimeDelta::days(1), from), "P1D/2026-09-01T00:00:00Z"),
            (Timespan::After(from, TimeDelta::hours(1)), "2026-09-01T00:00:00Z/PT3600S"),
        ] {
            assert_eq!(timespan.to_string(), text);
        }
    }

    #[test]
    fn debug_keeps_the_query_to_itself() {
        assert!(!format!("{:?}", HuntQuery::new("T | where User == 'kim'")).contains("kim"));
    }
}
