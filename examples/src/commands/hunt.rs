//! `soc hunt`: a question in KQL, rows as they come.

use pocketsoc_model::{Error, ErrorKind, HuntQuery, HuntRow, HuntRows};

use crate::args::{Common, HuntArgs, Via};
use crate::failure::{Failure, Outcome, note};
use crate::output::{Output, Rows};
use crate::session::{Hunter, Session};

/// Rows that are printed together.
const BATCH: usize = 100;

pub(crate) async fn run(common: &Common, args: HuntArgs) -> Result<Outcome, Failure> {
    let session = Session::open(common).await?;
    let now = session.clock.now();
    let mut query = HuntQuery::new(args.kql.as_str());
    if let Some(since) = args.since {
        query = query.between(since.seen_from(now), args.until.map_or(now, |until| until.seen_from(now)));
    }
    query.check().map_err(|error| Failure::plain(&error).into_usage())?;
    let mut candidates = candidates(&session, args.via)?.into_iter().peekable();
    let mut output = Output::new(common);
    while let Some(hunter) = candidates.next() {
        let mut rows = hunter.hunt.hunt(&query);
        let first = rows.next().await;
        match (&first, candidates.peek()) {
            (Some(Err(error)), Some(next)) if next.via != hunter.via && is_closed(error) => {
                note(&format!("profile \"{}\": {error}; hunting through \"{}\"", hunter.name, next.name));
            }
            _ => {
                return print(&mut output, hunter, first, rows).await.map(|outcome| session.outcome(outcome));
            }
        }
    }
    // Only profiles whose user could not be signed in are left.
    Ok(session.outcome(Outcome::WithFailures))
}

/// Whether another service may be open where this one is not.
fn is_closed(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported | ErrorKind::NotFound)
}

/// The profiles to hunt in, the one to try first in front: one of each service, unless one is named.
fn candidates(session: &Session, via: Option<Via>) -> Result<Vec<&Hunter>, Failure> {
    let mut found: Vec<&Hunter> =
        session.hunters.iter().filter(|hunter| via.is_none_or(|via| via == hunter.via)).collect();
    found.sort_by_key(|hunter| hunter.via);
    if found.is_empty() && session.refused.is_empty() {
        return Err(Failure::usage(
            "no profile can be hunted in: one of Graph security or Defender for Endpoint is needed",
        ));
    }
    if let Some(twice) = found.windows(2).find(|pair| pair[0].via == pair[1].via) {
        let names = [twice[0].name.as_str(), twice[1].name.as_str()].join(" and ");
        return Err(Failure::usage(format!("several profiles can be hunted in, {names} among them"))
            .with_hint("name one with --profile"));
    }
    Ok(found)
}

/// Prints rows as they come.
async fn print(
    output: &mut Output,
    hunter: &Hunter,
    first: Option<Result<HuntRow, Error>>,
    mut rows: HuntRows,
) -> Result<Outcome, Failure> {
    let (mut batch, mut failed) = (Vec::new(), false);
    let mut next = first;
    while let Some(row) = next {
        match row {
            Ok(row) => batch.push(row),
            Err(error) => {
                failed = true;
                let failure = Failure::of(&hunter.name, &error);
                let slow = error.kind() == ErrorKind::Timeout;
                let hint = "a query may run for 200 s: give it more with --timeout";
                if slow { failure.with_hint(hint) } else { failure }.report();
            }
        }
        if batch.len() >= if output.is_table() { BATCH } else { 1 } {
            output.rows(&Table(&batch))?;
            batch.clear();
        }
        next = rows.next().await;
    }
    output.rows(&Table(&batch))?;
    let report = rows.report();
    for partial in &report.partial {
        Failure::operation(format!("profile \"{}\": hunt: {partial}", hunter.name))
            .with_hint("with --since, the time is split and all rows come")
            .report();
    }
    Ok(if report.complete && !failed { Outcome::Complete } else { Outcome::WithFailures })
}

struct Table<'a>(&'a [HuntRow]);

impl Rows for Table<'_> {
    type Row = HuntRow;

    fn rows(&self) -> &[HuntRow] {
        self.0
    }

    fn columns(&self) -> Vec<&str> {
        self.0.first().map_or_else(Vec::new, names)
    }

    fn cells(&self, row: &HuntRow) -> Vec<String> {
        let cell = |name: &str| match row.text(name) {
            Some(text) => text.to_owned(),
            None => row.get(name).map(|value| value.to_string()).unwrap_or_default(),
        };
        self.columns().into_iter().map(cell).collect()
    }
}

/// The columns by the schema; of an answer without one, those of the row.
fn names(row: &HuntRow) -> Vec<&str> {
    if row.columns().is_empty() {
        row.names().collect()
    } else {
        row.columns().iter().map(|c| c.name.as_str()).collect()
    }
}
