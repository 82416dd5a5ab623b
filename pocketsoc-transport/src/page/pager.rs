//! Walks from page to page: reads on where one breaks off, goes on past what is bad, never in circles.

mod healing;
mod opening;

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use futures_util::FutureExt as _;
use pocketsoc_model::{Error, ErrorKind, Position, Result, ResumePoint, WalkLog};
use url::Url;

use opening::Opening;

use super::envelope::{Envelope, Piece};
use super::memory::{Followed, Remembered, digest};
use super::window::{self, Window};
use super::{Decode, PagePlan, partial};
use crate::attempts::Opened;
use crate::call::Call;
use crate::endpoint::{Endpoint, place};

/// So many pages without a new element in a row are no list any more.
const EMPTY_PAGES: u32 = 50;
/// The same for pages of one instant, which may all have been given before the links failed.
const EMPTY_PAGES_OF_AN_INSTANT: u32 = 1000;
/// So many turns other tasks get, that a request may go out: through the attempt, the pool and the connection.
const TURNS: usize = 8;

pub(super) struct Pager {
    endpoint: Endpoint,
    call: Call,
    plan: PagePlan,
    log: WalkLog,
    next: Next,
    page: Option<Page>,
    /// Pages begun, the present one included.
    pages: u64,
    /// Elements received in all, those before a resumed walk included: what `$skip` counts.
    received: u64,
    /// Elements received since `$top` was last asked for: a service that counts next links into it may hold more.
    since_top: u64,
    /// Something could not be delivered: the walk is not complete any more.
    lost: bool,
    empty_pages: u32,
    followed: Followed,
    remembered: Remembered,
    /// Since the service's own links have failed.
    window: Option<Window>,
    /// What the service said to the first size of pages.
    refused: Option<Error>,
    /// The next address is built here, not a link of the service's.
    own_address: bool,
    /// What is done without, to be said once it has brought something.
    unsaid: Option<&'static str>,
    /// Keys the digests, so that nobody can make two alerts look like one.
    seed: u64,
}

/// What comes after the present page.
enum Next {
    Begin,
    Page(Url),
    /// Asked for already.
    Ahead(Box<Ahead>),
    Nothing,
}

impl Next {
    /// The page at an address, which may be on its way already.
    fn to(url: Url, ahead: Option<Box<Ahead>>) -> Self {
        match ahead {
            Some(ahead) if ahead.url == url => Self::Ahead(ahead),
            _ => Self::Page(url),
        }
    }
}

/// The page being read.
struct Page {
    url: Url,
    body: crate::body::Body,
    envelope: Envelope,
    /// Elements read from it, in this reading.
    index: u64,
    /// Elements of it that nobody had seen.
    fresh: u64,
    /// Digests of what it has given, in this reading.
    given: Vec<u128>,
    /// Digests of what earlier readings have given and this one has not met yet.
    owed: HashMap<u128, u32>,
    readings: u32,
    deadline: Duration,
    /// No byte of it has come yet, in any reading.
    untouched: bool,
    ahead: Option<Box<Ahead>>,
}

/// The following page, asked for while this one is read.
struct Ahead {
    url: Url,
    opening: Opening,
}

impl Pager {
    pub(super) fn new(endpoint: Endpoint, call: Call, mut plan: PagePlan, log: WalkLog) -> Self {
        let learnt = endpoint.connection().0.page_sizes.largest(call.template);
        plan.page_size = plan.page_size.map(|size| size.min(learnt.unwrap_or(size)));
        let call = match plan.page_size {
            Some(size) => call.replacing_query("$top", size.to_string()),
            None => call,
        };
        Self {
            endpoint,
            call,
            plan,
            log,
            next: Next::Begin,
            page: None,
            pages: 0,
            received: 0,
            since_top: 0,
            lost: false,
            empty_pages: 0,
            followed: Followed::default(),
            remembered: Remembered::default(),
            window: None,
            refused: None,
            own_address: false,
            unsaid: None,
            seed: fastrand::u64(..),
        }
    }

    /// The next element or failure; `None` at the end.
    pub(super) async fn next<T: Decode>(&mut self) -> Option<Result<T>> {
        loop {
            let Some(page) = &mut self.page else {
                match std::mem::replace(&mut self.next, Next::Nothing) {
                    Next::Nothing => return None,
                    next => match self.turn_to(next).await {
                        Ok(()) => continue,
                        Err(error) => return Some(Err(error)),
                    },
                }
            };
            match page.envelope.step(T::decode_first) {
                Ok(Piece::Beginning) => self.let_ahead().await,
                Ok(Piece::Element(range, element)) => {
                    if let Some(item) = self.element(&range, element) {
                        return Some(item);
                    }
                }
                Ok(Piece::More) => {
                    if let Err(error) = self.read_on().await {
                        return Some(Err(error));
                    }
                }
                Ok(Piece::End) => {
                    if let Err(error) = self.end_of_page() {
                        return Some(Err(error));
                    }
                }
                Err(broken) => {
                    let message = format!("the list is broken: {}", broken.what);
                    let error =
                        self.lose(Error::new(ErrorKind::Decode, self.call.operation).with_message(message));
                    return Some(Err(error));
                }
            }
        }
    }

    /// Opens a page.
    async fn turn_to(&mut self, next: Next) -> Result<()> {
        let begins = matches!(next, Next::Begin) && self.plan.resume.is_none();
        let is_own = std::mem::take(&mut self.own_address) || begins;
        let url = match (&next, &self.plan.resume) {
            (Next::Page(url), _) => Ok(url.clone()),
            (Next::Ahead(ahead), _) => Ok(ahead.url.clone()),
            (_, Some(point)) => self.endpoint.follow(point.as_str()),
            (_, None) => self.endpoint.url_of(&self.call),
        };
        let url = url.inspect_err(|_| self.end(None))?;
        if self.pages == 0 {
            self.received = skipped(&url);
            self.followed.is_new(url.as_str());
            self.window = self.plan.update_time.and_then(|field| Window::resumed(field, &url));
        }
        self.pages += 1;
        let opened = match next {
            Next::Ahead(ahead) => ahead.opening.opened(self.call.operation).await,
            _ => Opening::of(&self.endpoint, &self.call, &url, None).opened(self.call.operation).await,
        };
        match opened {
            Ok(opened) => {
                if self.refused.take().is_some()
                    && let Some(size) = self.plan.page_size
                {
                    self.endpoint.connection().0.page_sizes.learn(self.call.template, size);
                    self.log.update(|report| report.degraded.push(format!("pages of more than {size}")));
                }
                self.begin(url, opened);
                Ok(())
            }
            Err(error) if is_own && self.ask_for_less(&error) => {
                self.refused.get_or_insert(error);
                Ok(())
            }
            Err(error) if self.link_failed(&error) => {
                self.go_on_by_time(&error.to_string());
                Ok(())
            }
            // A link within one instant of a window.
            Err(error) if is_rejection(&error) && is_further(&url) && self.window.is_some() => {
                match self.window.take() {
                    Some(window) if window.has_begun() => self.beyond_the_instant(window),
                    // Taken up again in the middle: where its instant lies is not known.
                    _ => {
                        self.go_on_by_time(&error.to_string());
                        Ok(())
                    }
                }
            }
            // Nothing is there: the list is complete.
            Err(error) if self.pages == 1 && self.plan.nothing_is_empty && is_nothing(&error) => {
                self.finish();
                Ok(())
            }
            Err(error) => {
                self.end(Some(&url));
                // What was refused first says more than the same of a smaller page; another failure is another matter.
                let first = self.refused.take().filter(|first| first.status() == error.status());
                let error = first.unwrap_or(error);
                // Of a list that could not even be begun, the page says nothing.
                Err(if self.pages > 1 { error.with_position(Position::page(self.pages)) } else { error })
            }
        }
    }

    fn begin(&mut self, url: Url, opened: Opened) {
        let sizes = self.endpoint.connection().0.sizes;
        let failed = partial::providers(opened.status, &opened.headers);
        if !failed.is_empty() {
            tracing::warn!(providers = failed.join("; "), "the answer is partial");
            self.lost = true;
            self.log.update(|report| {
                partial::note(&mut report.partial, failed);
            });
        }
        let pages = self.pages;
        self.log.update(|report| report.pages = pages);
        self.page = Some(Page {
            url,
            body: opened.body.with_cap(sizes.page),
            envelope: Envelope::new(sizes.element),
            index: 0,
            fresh: 0,
            given: Vec::new(),
            owed: HashMap::new(),
            readings: 1,
            deadline: opened.deadline,
            untouched: true,
            ahead: None,
        });
    }

    /// Gives an element, unless an earlier reading or page has given it.
    fn element<T: Decode>(&mut self, range: &Range<usize>, element: Option<T>) -> Option<Result<T>> {
        let page = self.page.as_mut()?;
        let index = page.index;
        page.index += 1;
        let text = page.envelope.text(range);
        if let Some(window) = &mut self.window {
            window.see(text);
        }
        let digest = digest(text.as_bytes(), self.seed);
        page.given.push(digest);
        if let Some(count) = page.owed.get_mut(&digest).filter(|count| **count > 0) {
            *count -= 1;
            return None;
        }
        if !self.remembered.is_new(digest) {
            return None;
        }
        page.fresh += 1;
        let reason = if page.envelope.was_replaced(range) {
            "it holds bytes that are no text".to_owned()
        } else {
            match element.map_or_else(|| T::decode(page.envelope.text(range)), Ok) {
                Ok(element) => return Some(Ok(element)),
                Err(error) => place(&error),
            }
        };
        self.lost = true;
        let position = Position::page(self.pages).with_index(index);
        Some(Err(Error::new(ErrorKind::Decode, self.call.operation)
            .with_message(format!("an element cannot be read ({reason})"))
            .with_position(position)))
    }

    /// Lets the request for the following page out before this page is worked on: on a runtime with one thread nothing
    /// else would.
    async fn let_ahead(&mut self) {
        if self.look_ahead() {
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Reads more of the page; where it breaks off, asks for it again.
    async fn read_on(&mut self) -> Result<()> {
        self.let_ahead().await;
        let Some(page) = &mut self.page else { return Ok(()) };
        let broke_off = match page.body.chunk().await {
            Ok(Some(chunk)) => {
                page.untouched = false;
                page.envelope.feed(&chunk);
                return Ok(());
            }
            Ok(None) => Error::new(ErrorKind::Unavailable, self.call.operation)
                .with_message("the answer ended before the list did"),
            // Only what broke off is asked for again: a page that is too large stays so, and a stall has cost its time.
            Err(error) if error.kind() != ErrorKind::Unavailable => return Err(self.lose(error)),
            Err(error) => error,
        };
        self.read_again(broke_off).await
    }

    /// Asks for the present page again, by the same link; what it has given already is recognised.
    async fn read_again(&mut self, broke_off: Error) -> Result<()> {
        let Some(page) = &mut self.page else { return Ok(()) };
        let shared = &self.endpoint.connection().0;
        // Until a first byte has come, all readings share one deadline.
        let until = page.untouched.then_some(page.deadline);
        let wait = shared.policy.backoff(page.readings, &shared.jitter);
        let in_time = until.is_none_or(|until| shared.clock.monotonic() + wait < until);
        if page.readings >= shared.policy.attempts || !in_time || !shared.budget.withdraw() {
            return Err(self.lose(broke_off));
        }
        tracing::debug!(page = self.pages, error = %broke_off, "the page broke off, reading it again");
        shared.clock.sleep(wait).await;
        let opened =
            match Opening::of(&self.endpoint, &self.call, &page.url, until).opened(self.call.operation).await
            {
                Ok(opened) => opened,
                Err(error) => return Err(self.lose(error)),
            };
        for digest in page.given.drain(..) {
            *page.owed.entry(digest).or_default() += 1;
        }
        page.body = opened.body.with_cap(shared.sizes.page);
        page.envelope = Envelope::new(shared.sizes.element);
        page.index = 0;
        page.readings += 1;
        Ok(())
    }

    /// Asks for the following page while this one is read, where its link is known early. At most one page; none is
    /// begun while nobody polls. Says whether it has just been asked for.
    fn look_ahead(&mut self) -> bool {
        let Some(page) = &mut self.page else { return false };
        // Where a window goes on is known at its end only.
        if page.ahead.is_some() || !self.plan.look_ahead || self.window.is_some() {
            return false;
        }
        let Some(url) = page.envelope.next_link().and_then(|link| self.endpoint.follow(link).ok()) else {
            return false;
        };
        if url == page.url || (self.plan.update_time.is_some() && window::is_too_deep(&url)) {
            return false;
        }
        let opening = Opening::of(&self.endpoint, &self.call, &url, None);
        page.ahead = Some(Box::new(Ahead { url, opening }));
        true
    }

    /// Decides what comes after a page that was read to its end.
    fn end_of_page(&mut self) -> Result<()> {
        let Some(mut page) = self.page.take() else { return Ok(()) };
        // Lets the connection be used again; what is not there yet is not waited for.
        let _ = page.body.chunk().now_or_never();
        self.count(&page);
        if self.window.is_some() {
            return self.end_of_window(&page);
        }
        self.empty_pages = if page.fresh == 0 { self.empty_pages + 1 } else { 0 };
        if self.empty_pages >= EMPTY_PAGES {
            return Err(self.circle(&page.url, &format!("{EMPTY_PAGES} pages in a row brought nothing new")));
        }
        let full = self.plan.page_size.is_some_and(|size| self.since_top >= u64::from(size));
        let url = match page.envelope.next_link() {
            Some(link) => match self.endpoint.follow(link) {
                Ok(url) if self.plan.update_time.is_some() && window::is_too_deep(&url) => {
                    self.go_on_by_time("its link passes over too much by number");
                    return Ok(());
                }
                Ok(url) => url,
                Err(error) => {
                    self.end(Some(&page.url));
                    return Err(error
                        .with_operation(self.call.operation)
                        .with_position(Position::page(self.pages)));
                }
            },
            None if self.plan.skip && full && page.index > 0 => {
                if page.fresh == 0 {
                    return Err(self.circle(&page.url, "a page brought nothing new"));
                }
                self.since_top = 0;
                self.endpoint
                    .url_of(&self.call.clone().replacing_query("$skip", self.received.to_string()))?
            }
            None if self.plan.update_time.is_some() && window::may_go_on(page.index, self.plan.page_size) => {
                // Perhaps it is the last one: said once something has come of it.
                self.unsaid = Some(window::LINKS);
                tracing::info!(page = self.pages, "a full page has no link to more: looking by update time");
                if let Some(field) = self.plan.update_time {
                    self.turn_to_window(Window::new(field));
                }
                return Ok(());
            }
            None => {
                self.finish();
                return Ok(());
            }
        };
        if !self.followed.is_new(url.as_str()) {
            return Err(self.circle(&page.url, "a next link leads back to a page already read"));
        }
        self.next = Next::to(url, page.ahead);
        Ok(())
    }

    /// Everything has been read.
    fn finish(&mut self) {
        let complete = !self.lost;
        self.log.update(|report| report.complete = complete);
    }

    /// The rest of the present page is lost. The walk goes on by a next link that was read already.
    fn lose(&mut self, error: Error) -> Error {
        self.lost = true;
        let Some(page) = self.page.take() else { return error };
        let position = Position::page(self.pages).with_index(page.index).with_offset(page.envelope.offset());
        let error = error.with_position(position);
        match page.envelope.next_link().and_then(|link| self.endpoint.follow(link).ok()) {
            Some(url) if self.followed.is_new(url.as_str()) => {
                self.count(&page);
                self.next = Next::to(url, page.ahead);
            }
            _ => self.end(Some(&page.url)),
        }
        error
    }

    /// Counts what a page brought.
    fn count(&mut self, page: &Page) {
        self.received += page.index;
        self.since_top += page.index;
    }

    fn circle(&mut self, at: &Url, what: &str) -> Error {
        self.end(Some(at));
        Error::new(ErrorKind::Decode, self.call.operation)
            .with_message(format!("the list does not end: {what}"))
            .with_position(Position::page(self.pages))
    }

    /// The walk ends here, not complete.
    fn end(&mut self, resume: Option<&Url>) {
        self.page = None;
        self.next = Next::Nothing;
        self.lost = true;
        let point = resume.map(|url| ResumePoint::new(url[url::Position::BeforePath..].to_owned()));
        self.log.update(|report| report.resume = point);
    }
}

/// Whether the service itself says that there is nothing.
fn is_nothing(error: &Error) -> bool {
    error.status() == Some(404) && error.code().is_some()
}

/// Whether the service refuses an address as such, rather than who asks or when.
fn is_rejection(error: &Error) -> bool {
    matches!(error.status(), Some(400 | 404 | 410))
}

/// Whether an address leads to a further page of what was asked for.
fn is_further(url: &Url) -> bool {
    url.query_pairs().any(|(name, _)| name == "$skiptoken" || name == "$skip")
}

/// What an address skips already: a resumed walk counts on from there.
pub(super) fn skipped(url: &Url) -> u64 {
    url.query_pairs().find(|(name, _)| name == "$skip").and_then(|(_, n)| n.parse().ok()).unwrap_or_default()
}
