//! Many alerts or incidents in few requests: one outcome each, in their order.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::{self, Stream, StreamExt as _};
use pocketsoc_model::{Error, ErrorKind, Result, USUAL_LOOKS};
use pocketsoc_transport::{Call, Decode, Endpoint};

/// So many are asked for at once.
const AT_ONCE: usize = 20;

/// What became of one of many.
#[derive(Debug)]
#[non_exhaustive]
pub struct OneOfMany<I, T> {
    /// Its id.
    pub id: I,
    /// It; or why not.
    pub outcome: Result<T>,
}

/// Many of a kind, in the order of their ids, twenty a request; `next()` until `None`.
#[must_use = "nothing is done before it is polled"]
pub struct Many<I, T>(Pin<Box<dyn Stream<Item = OneOfMany<I, T>> + Send>>);

impl<I, T> Many<I, T> {
    /// What became of the next one.
    pub async fn next(&mut self) -> Option<OneOfMany<I, T>> {
        self.0.next().await
    }

    /// What became of all of them.
    pub async fn finish(self) -> Vec<OneOfMany<I, T>> {
        self.0.collect().await
    }
}

impl<I, T> Stream for Many<I, T> {
    type Item = OneOfMany<I, T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl<I, T> fmt::Debug for Many<I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Many").finish_non_exhaustive()
    }
}

/// How one of a kind is asked for, or changed.
pub(crate) type CallOf<I> = Box<dyn Fn(&I) -> Result<Call> + Send + Sync>;

/// Whether a change shows in what is seen; or why it never will.
pub(crate) type Shows<T> = Box<dyn Fn(&T) -> Result<bool> + Send + Sync>;

/// What a change of many is: how each is written and read, and whether the change shows.
pub(crate) struct Change<I, T> {
    pub(crate) operation: &'static str,
    pub(crate) write: CallOf<I>,
    pub(crate) get: CallOf<I>,
    pub(crate) shows: Shows<T>,
}

/// Gets many.
pub(crate) fn get<I, T>(
    endpoint: Endpoint,
    operation: &'static str,
    ids: impl IntoIterator<Item = I, IntoIter: Send + 'static>,
    get: CallOf<I>,
) -> Many<I, T>
where
    I: Send + Sync + 'static,
    T: Decode,
{
    let get = std::sync::Arc::new(get);
    in_portions(ids, move |ids: Vec<I>| {
        let (endpoint, get) = (endpoint.clone(), std::sync::Arc::clone(&get));
        async move {
            let outcomes = ask(&endpoint, operation, &ids, &**get).await;
            ids.into_iter().zip(outcomes).map(|(id, outcome)| OneOfMany { id, outcome }).collect()
        }
    })
}

/// Changes many, and looks whether it is so.
pub(crate) fn update<I, T>(
    endpoint: Endpoint,
    ids: impl IntoIterator<Item = I, IntoIter: Send + 'static>,
    change: Change<I, T>,
) -> Many<I, T>
where
    I: Clone + Send + Sync + 'static,
    T: Decode + Sync,
{
    let change = std::sync::Arc::new(change);
    in_portions(ids, move |ids| {
        let (endpoint, change) = (endpoint.clone(), std::sync::Arc::clone(&change));
        async move { update_few(&endpoint, ids, &change).await }
    })
}

fn in_portions<I, T, F>(
    ids: impl IntoIterator<Item = I, IntoIter: Send + 'static>,
    work: impl FnMut(Vec<I>) -> F + Send + 'static,
) -> Many<I, T>
where
    I: Send + 'static,
    T: Send + 'static,
    F: Future<Output = Vec<OneOfMany<I, T>>> + Send + 'static,
{
    Many(Box::pin(stream::iter(ids).chunks(AT_ONCE).then(work).flat_map(stream::iter)))
}

/// Makes a call for each.
async fn ask<I: Sync, T: Decode>(
    endpoint: &Endpoint,
    operation: &'static str,
    ids: &[I],
    call: &(dyn Fn(&I) -> Result<Call> + Send + Sync),
) -> Vec<Result<T>> {
    let calls: Vec<Result<Call>> = ids.iter().map(call).collect();
    let sent: Vec<Call> = calls.iter().flatten().cloned().collect();
    let mut answers =
        if sent.is_empty() { Vec::new() } else { endpoint.batch(operation, &sent).await }.into_iter();
    let read = |call: Result<Call>| {
        let call = call?;
        let answer = answers.next().unwrap_or_else(|| Err(Error::new(ErrorKind::Decode, operation)))?;
        endpoint.read(&call, &answer)
    };
    calls.into_iter().map(read).collect()
}

async fn update_few<I, T>(endpoint: &Endpoint, ids: Vec<I>, change: &Change<I, T>) -> Vec<OneOfMany<I, T>>
where
    I: Clone + Send + Sync,
    T: Decode + Sync,
{
    let answers = ask(endpoint, change.operation, &ids, &*change.write).await;
    let mut all: Vec<OneOfMany<I, T>> =
        ids.into_iter().zip(answers).map(|(id, outcome)| OneOfMany { id, outcome }).collect();
    // Of what may have been carried out nobody knows, unless it shows.
    let doubts: Vec<Option<Error>> =
        all.iter().map(|one| one.outcome.as_ref().err().filter(|error| in_doubt(error)).cloned()).collect();
    // The answer may be older than the change: what does not show is looked at again.
    for wait in USUAL_LOOKS {
        let mut open: Vec<&mut OneOfMany<I, T>> = all.iter_mut().filter(|one| one.is_open(change)).collect();
        if open.is_empty() {
            break;
        }
        endpoint.connection().clock().sleep(*wait).await;
        let ids: Vec<I> = open.iter().map(|one| one.id.clone()).collect();
        let seen = ask(endpoint, change.operation, &ids, &*change.get).await;
        for (one, seen) in open.iter_mut().zip(seen) {
            // The change was accepted, or may have been, whatever cannot be seen of it.
            one.outcome = seen.map_err(Error::with_outcome_unknown);
        }
    }
    for (one, doubt) in all.iter_mut().zip(doubts) {
        let wrong = one.outcome.as_ref().map(|seen| (change.shows)(seen));
        if let Ok(wrong) = wrong
            && let Some(error) =
                wrong.map_or_else(Some, |shows| (!shows).then(|| not_applied(change.operation)))
        {
            one.outcome = Err(doubt.unwrap_or(error));
        }
    }
    all
}

fn in_doubt(error: &Error) -> bool {
    error.kind() == ErrorKind::OutcomeUnknown
}

impl<I, T> OneOfMany<I, T> {
    /// Whether another look may show the change.
    fn is_open(&self, change: &Change<I, T>) -> bool {
        match &self.outcome {
            Ok(seen) => matches!((change.shows)(seen), Ok(false)),
            Err(error) => in_doubt(error),
        }
    }
}

fn not_applied(operation: &'static str) -> Error {
    Error::new(ErrorKind::NotApplied, operation)
        .with_message("the service answered success, and nothing has changed")
}

/// Whether what was asked for, if anything, is there.
pub(crate) fn fits<T: PartialEq>(asked: Option<&T>, seen: Option<&T>) -> bool {
    asked.is_none_or(|asked| seen == Some(asked))
}

/// Whether the owner is the one asked for; nobody is nobody, or an empty name.
pub(crate) fn is_owner(asked: Option<&Option<String>>, seen: Option<&str>) -> bool {
    let seen = seen.unwrap_or_default();
    asked.is_none_or(|asked| asked.as_deref().unwrap_or_default().eq_ignore_ascii_case(seen))
}
