//! Advanced hunting: answers cut into rows as their bytes arrive, and the time split where an answer would be too large.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures_util::stream;
use pocketsoc_model::{
    Error, ErrorKind, HuntColumn, HuntColumnKind, HuntQuery, HuntRow, HuntRows, Lane, Position, RawJson,
    Result, WalkLog, mended,
};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::body::Body;
use crate::call::{Call, Replay};
use crate::endpoint::Endpoint;
use crate::lenient;
use crate::page::{Digested, Envelope, Names, Piece, digest, partial};

/// What the answer is made of, in either letter case.
const ANSWER: Names = Names { list: &["Results", "results"], aside: &["Schema", "schema"] };
/// Below this the time is not split any more.
const SHORTEST: TimeDelta = TimeDelta::milliseconds(1);
/// A hunt of so many parts does not end: the service does not heed the time.
const MOST_ANSWERS: u64 = 4096;
/// How often an answer that breaks off is asked for: each run burns the tenant's run time.
const READINGS: u32 = 2;
/// So often the time is halved because a result would be too large, before some part of it is given; else the refusal
/// means something else.
const MOST_REFUSED: u32 = 12;

/// A stretch of time, the end not included.
type Window = (DateTime<Utc>, DateTime<Utc>);

impl Endpoint {
    /// Hunts: `call_of` makes the call for a query in KQL. For those who write clients.
    pub fn hunt(
        &self,
        query: &HuntQuery,
        call_of: impl Fn(&str) -> Result<Call> + Send + Sync + Unpin + 'static,
    ) -> HuntRows {
        if let Err(error) = query.check() {
            return HuntRows::failed(error);
        }
        let log = WalkLog::new();
        let hunter = Box::new(Hunter {
            endpoint: self.clone(),
            call_of,
            query: query.clone(),
            log: log.clone(),
            todo: vec![Asked { window: query.window(), readings: 0 }],
            answer: None,
            answers: 0,
            owed: HashMap::default(),
            seed: fastrand::u64(..),
            refused: 0,
            lost: false,
        });
        let rows = stream::unfold(hunter, |mut hunter| async move {
            let row = hunter.next().await?;
            Some((row, hunter))
        });
        HuntRows::new(rows, log)
    }
}

struct Hunter<F> {
    endpoint: Endpoint,
    call_of: F,
    query: HuntQuery,
    log: WalkLog,
    /// What is still to be asked, the next one last.
    todo: Vec<Asked>,
    answer: Option<Answer>,
    answers: u64,
    /// Digests of rows that were given from answers that turned out to be cut off, and will come again. They are counted:
    /// rows may be alike.
    owed: HashMap<u128, u32, BuildHasherDefault<Digested>>,
    /// Keys the digests, so that nobody can make two rows look like one.
    seed: u64,
    /// How many parts in a row were refused as too large.
    refused: u32,
    lost: bool,
}

/// A part of the hunt.
#[derive(Clone, Copy)]
struct Asked {
    /// Its time, if it has one.
    window: Option<Window>,
    /// How often it broke off.
    readings: u32,
}

/// The answer being read.
struct Answer {
    asked: Asked,
    body: Body,
    envelope: Envelope,
    /// The columns, as soon as they are known: some answers have them behind the rows.
    columns: Option<Arc<[HuntColumn]>>,
    /// How many rows have been read from it.
    rows: u64,
    /// Rows that came before the columns.
    held: VecDeque<(u128, RawJson)>,
    /// Digests of the rows that it, or an answer before it, has given.
    given: Vec<u128>,
    ended: bool,
}

/// A column as either service spells it.
#[derive(Deserialize)]
struct Column {
    #[serde(default, alias = "Name", deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(default, alias = "Type", rename = "type", deserialize_with = "lenient::text")]
    kind: Option<String>,
}

impl<F: Fn(&str) -> Result<Call>> Hunter<F> {
    async fn next(&mut self) -> Option<Result<HuntRow>> {
        loop {
            let Some(answer) = &mut self.answer else {
                let Some(asked) = self.todo.pop() else {
                    self.conclude();
                    return None;
                };
                match self.open(asked).await {
                    Ok(()) => continue,
                    Err(error) => return Some(Err(error)),
                }
            };
            if let Some(columns) = &answer.columns
                && let Some((digest, raw)) = answer.held.pop_front()
            {
                answer.given.push(digest);
                return Some(Ok(HuntRow::new(raw, Arc::clone(columns))));
            }
            if answer.ended {
                if let Some(cut_off) = self.finish() {
                    return Some(Err(cut_off));
                }
                continue;
            }
            match answer.envelope.step(whole) {
                Ok(Piece::Beginning) => answer.columns = columns(answer.envelope.aside()),
                Ok(Piece::Element(range, row)) => {
                    if let Some(row) = self.row(&range, row) {
                        return Some(row);
                    }
                }
                Ok(Piece::More) => {
                    if let Err(error) = self.read_on().await {
                        return Some(Err(error));
                    }
                }
                Ok(Piece::End) => {
                    let late = columns(answer.envelope.aside()).unwrap_or_else(|| Arc::new([]));
                    answer.columns.get_or_insert(late);
                    answer.ended = true;
                }
                Err(broken) => {
                    let message = format!("the answer is broken: {}", broken.what);
                    return Some(Err(self.lose(failed(ErrorKind::Decode, message))));
                }
            }
        }
    }

    /// Says how it went. Rows that were to come again and did not show that the result changed in between: others may have
    /// come twice, or not at all.
    fn conclude(&mut self) {
        let changed = !self.lost && self.owed.values().any(|count| *count > 0);
        let complete = !self.lost && !changed;
        self.log.update(|report| {
            report.complete = complete;
            if changed {
                report
                    .partial
                    .push("the result changed while it was read: rows may be missing or come twice".into());
            }
        });
    }

    /// Asks for a part of the hunt.
    async fn open(&mut self, asked: Asked) -> Result<()> {
        if self.answers >= MOST_ANSWERS {
            self.end();
            let message = format!("the hunt does not end: {MOST_ANSWERS} parts were asked for");
            return Err(within(failed(ErrorKind::Decode, message), asked.window));
        }
        let call = match asked.window {
            Some((from, until)) => (self.call_of)(&self.query.kql_within(from, until)),
            None => (self.call_of)(self.query.kql()),
        };
        // An analyst waits for the first answer; the rest is an export.
        let lane = if self.answers == 0 { Lane::Triage } else { Lane::Bulk };
        let call = call.inspect_err(|_| self.end())?.with_lane(lane);
        // What broke off is run once more, whatever becomes of that.
        let call = if asked.readings > 0 { call.with_replay(Replay::Never) } else { call };
        let opened = match self.endpoint.url_of(&call) {
            Ok(url) => self.endpoint.open(&call, &url, None).await,
            Err(error) => Err(error),
        };
        self.answers += 1;
        let answers = self.answers;
        self.log.update(|report| report.pages = answers);
        match opened {
            Ok(opened) => {
                let missing = partial::providers(opened.status, &opened.headers);
                if !missing.is_empty() {
                    self.lost = true;
                    self.log.update(|report| partial::note(&mut report.partial, missing));
                }
                self.refused = 0;
                let sizes = self.endpoint.connection().0.sizes;
                self.answer = Some(Answer {
                    asked,
                    body: opened.body.with_cap(sizes.page),
                    envelope: Envelope::with_names(&ANSWER, sizes.element),
                    columns: None,
                    rows: 0,
                    held: VecDeque::new(),
                    given: Vec::new(),
                    ended: false,
                });
                Ok(())
            }
            Err(error) if is_too_large(&error) => {
                self.refused += 1;
                if self.refused > MOST_REFUSED {
                    self.end();
                    return Err(within(error, asked.window)
                        .with_hint("shorter times are refused alike: ask for less"));
                }
                if let Some(halves) = asked.window.and_then(halves) {
                    tracing::debug!(%error, "the result is too large, splitting the time");
                    self.ask(halves);
                    return Ok(());
                }
                self.lost = true;
                Err(within(error, asked.window)
                    .with_hint("ask for less: fewer columns, or a time (`between`), which is split"))
            }
            Err(error) => {
                // One part may be lost alone; what is refused is refused for all.
                if !error.is_transient() || error.kind() == ErrorKind::RateLimited {
                    self.end();
                }
                self.lost = true;
                Err(within(error, asked.window))
            }
        }
    }

    fn row(&mut self, range: &std::ops::Range<usize>, length: Option<usize>) -> Option<Result<HuntRow>> {
        let answer = self.answer.as_mut()?;
        let readable = length.is_some() && !answer.envelope.was_replaced(range);
        let text = answer.envelope.text(range);
        let digest = digest(text.as_bytes(), self.seed);
        let index = answer.rows;
        answer.rows += 1;
        let owed = self.owed.get_mut(&digest).filter(|count| **count > 0);
        if let Some(count) = owed {
            *count -= 1;
            answer.given.push(digest);
            return None;
        }
        if !readable || !text.starts_with('{') || !is_readable(text) {
            answer.given.push(digest);
            self.lost = true;
            let position = Position::page(self.answers).with_index(index);
            let error = failed(ErrorKind::Decode, "a row cannot be read");
            return Some(Err(error.with_position(position)));
        }
        let raw = RawJson::new(text);
        let Some(columns) = &answer.columns else {
            answer.held.push_back((digest, raw));
            return None;
        };
        answer.given.push(digest);
        Some(Ok(HuntRow::new(raw, Arc::clone(columns))))
    }

    async fn read_on(&mut self) -> Result<()> {
        let Some(answer) = &mut self.answer else { return Ok(()) };
        let broke_off = match answer.body.chunk().await {
            Ok(Some(chunk)) => {
                answer.envelope.feed(&chunk);
                return Ok(());
            }
            Ok(None) => failed(ErrorKind::Unavailable, "the answer ended before its rows did"),
            Err(error) if error.kind() != ErrorKind::Unavailable => return Err(self.lose(error)),
            Err(error) => error,
        };
        let Some(mut answer) = self.answer.take() else { return Ok(()) };
        answer.asked.readings += 1;
        // Another run of what chooses its rows gives others.
        let other_rows = answer.rows > 0 && !self.query.is_repeatable();
        let asked_enough = answer.asked.readings >= READINGS || other_rows;
        if asked_enough || !self.endpoint.connection().0.budget.withdraw() {
            self.answer = Some(answer);
            return Err(self.lose(broke_off));
        }
        tracing::debug!(error = %broke_off, "the answer broke off, asking again");
        let asked = answer.asked;
        self.owe(answer.given);
        self.todo.push(asked);
        Ok(())
    }

    /// Decides what follows an answer that was read to its end. A result that the service cut off is asked for in parts.
    fn finish(&mut self) -> Option<Error> {
        let answer = self.answer.take()?;
        if answer.rows < self.query.row_limit() as u64 {
            return None;
        }
        if let Some(halves) = answer.asked.window.and_then(halves) {
            tracing::debug!(rows = answer.rows, "the result was cut off, splitting the time");
            self.owe(answer.given);
            self.ask(halves);
            return None;
        }
        self.lost = true;
        let rows = answer.rows;
        self.log
            .update(|report| report.partial.push(format!("the service cut the result off at {rows} rows")));
        let window = answer.asked.window?;
        let error = failed(ErrorKind::InvalidRequest, format!("more than {rows} rows within a millisecond"));
        Some(within(error, Some(window)).with_hint("ask for less: the time cannot be split any further"))
    }

    /// Rows that were given and will come again.
    fn owe(&mut self, given: impl IntoIterator<Item = u128>) {
        for digest in given {
            *self.owed.entry(digest).or_default() += 1;
        }
        self.owed.retain(|_, count| *count > 0);
    }

    fn ask(&mut self, (first, second): (Window, Window)) {
        self.todo.extend([second, first].map(|window| Asked { window: Some(window), readings: 0 }));
    }

    /// The rest of the present answer is lost; the other parts are still asked for.
    fn lose(&mut self, error: Error) -> Error {
        self.lost = true;
        let Some(answer) = &mut self.answer else { return error };
        let position =
            Position::page(self.answers).with_index(answer.rows).with_offset(answer.envelope.offset());
        let asked = answer.asked;
        // What came before it is still given; that the answer was cut off does not matter any more.
        answer.columns.get_or_insert_with(|| Arc::new([]));
        (answer.rows, answer.ended) = (0, true);
        within(error.with_position(position), asked.window)
    }

    fn end(&mut self) {
        self.lost = true;
        self.todo.clear();
    }
}

/// Finds the end of a row that has arrived whole.
fn whole(text: &str) -> Option<(usize, usize)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    Some((values.byte_offset(), values.byte_offset()))
}

fn columns(schema: Option<&str>) -> Option<Arc<[HuntColumn]>> {
    let columns: Vec<Column> = serde_json::from_str(schema?).ok()?;
    // A column without a kind is typed by its JSON.
    let kind = |kind: Option<String>| HuntColumnKind::from(kind.unwrap_or_default().as_str());
    let column = |column: Column| Some(HuntColumn::new(column.name?, kind(column.kind)));
    Some(columns.into_iter().filter_map(column).collect())
}

/// The two halves of a stretch of time that can still be split.
fn halves((from, until): Window) -> Option<(Window, Window)> {
    let middle = from + (until - from) / 2;
    (until - from >= SHORTEST).then_some(((from, middle), (middle, until)))
}

/// Whether a row that a strict reader may stumble over can be read: texts cut in the middle of a character, and depth.
fn is_readable(text: &str) -> bool {
    let odd = text.contains("\\ud") || text.contains("\\uD") || text.matches(['{', '[']).count() > 100;
    let object =
        |text: &str| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok();
    !odd || object(text) || mended(text).is_some_and(|text| object(&text))
}

/// Whether the service refuses because the result would be too large. It says so in words only, which a query that cannot
/// be read may have as names.
fn is_too_large(error: &Error) -> bool {
    let text = error.message().to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    error.status() == Some(400)
        && text.contains("result")
        && says(&["size", " mb", "too large", "too big"])
        && says(&["exceed", "limit", "large", "maximum", "too big"])
        && !says(&["resolve", "parse", "syntax", "semantic", "unknown"])
}

fn failed(kind: ErrorKind, message: impl AsRef<str>) -> Error {
    Error::new(kind, "hunt").with_message(message)
}

fn within(error: Error, window: Option<Window>) -> Error {
    let Some((from, until)) = window else { return error };
    let at = |moment: DateTime<Utc>| moment.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let message = format!("{} (between {} and {})", error.message(), at(from), at(until));
    error.with_message(message)
}
