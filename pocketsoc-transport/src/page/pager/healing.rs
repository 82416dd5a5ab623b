//! How a walk goes on where the service does not give what it is asked for: smaller pages, and windows of the update time in
//! place of links.

use pocketsoc_model::{Error, ErrorKind, Position, Result};

use super::{EMPTY_PAGES_OF_AN_INSTANT, Followed, Next, Page, Pager, is_further, is_rejection};
use crate::page::window::{self, Window};

impl Pager {
    /// Whether the service may give a smaller page where it refuses this one; asks for it.
    pub(super) fn ask_for_less(&mut self, error: &Error) -> bool {
        let (Some(size), Some(400)) = (self.plan.page_size, error.status()) else { return false };
        let Some(less) = self.plan.smaller.iter().copied().find(|less| *less < size) else { return false };
        tracing::info!(size, less, %error, "the page is refused, asking for a smaller one");
        self.plan.page_size = Some(less);
        self.call = self.call.clone().replacing_query("$top", less.to_string());
        if let Some(window) = self.window.take() {
            self.turn_to_window(window);
        } else {
            (self.pages, self.next) = (0, Next::Begin);
        }
        true
    }

    /// Whether it was a link of the service's own that the service does not take.
    pub(super) fn link_failed(&self, error: &Error) -> bool {
        let by_link = self.window.is_none() && (self.pages > 1 || self.plan.resume.is_some());
        // Expansions fail with 500 by themselves.
        let by_itself = error.status() == Some(500) && self.call.query("$expand").is_none();
        by_link && (by_itself || is_rejection(error)) && self.plan.update_time.is_some()
    }

    /// Goes over from the service's links to windows of the update time, from the beginning of the list: in which order
    /// it was given nobody has promised. What was given already is recognised.
    pub(super) fn go_on_by_time(&mut self, why: &str) {
        let Some(field) = self.plan.update_time else { return };
        tracing::info!(why, page = self.pages, "going on by update time");
        self.log.update(|report| report.degraded.push(window::LINKS.to_owned()));
        self.turn_to_window(Window::new(field));
    }

    pub(super) fn turn_to_window(&mut self, window: Window) {
        match self.endpoint.url_of(&window.call(&self.call)) {
            Ok(url) => {
                self.followed.is_new(url.as_str());
                (self.next, self.own_address) = (Next::Page(url), true);
            }
            Err(_) => self.end(None),
        }
        self.window = Some(window);
    }

    /// Decides what comes after a page of a window.
    pub(super) fn end_of_window(&mut self, page: &Page) -> Result<()> {
        let Some(mut window) = self.window.take() else { return Ok(()) };
        window.count(page.fresh, is_further(&page.url));
        if page.fresh > 0
            && let Some(why) = self.unsaid.take()
        {
            self.log.update(|report| report.degraded.push(why.to_owned()));
        }
        if window.is_out_of_order() {
            self.end(None);
            return Err(Error::new(ErrorKind::Decode, self.call.operation)
                .with_message(
                    "the service does not heed the order that was asked for: the rest cannot be found",
                )
                .with_position(Position::page(self.pages)));
        }
        let link = page.envelope.next_link().and_then(|link| self.endpoint.follow(link).ok());
        let last = link.is_none() && !window::may_go_on(page.index, self.plan.page_size);
        if last || window.is_past() {
            if window.once_more() {
                self.followed = Followed::default();
                self.turn_to_window(window);
            } else if last {
                self.finish();
            } else {
                window.advance();
                self.empty_pages = 0;
                self.turn_to_window(window);
            }
            return Ok(());
        }
        self.empty_pages = if page.fresh == 0 { self.empty_pages + 1 } else { 0 };
        if self.empty_pages >= EMPTY_PAGES_OF_AN_INSTANT {
            return Err(self.circle(&page.url, "its pages bring nothing new"));
        }
        // More at one instant than a page holds: by the service's link, as far as it goes.
        if let Some(url) = link.filter(|url| !window::is_too_deep(url) && self.followed.is_new(url.as_str()))
        {
            (self.next, self.window) = (Next::Page(url), Some(window));
            return Ok(());
        }
        self.beyond_the_instant(window)
    }

    /// Goes on after an instant of which the service does not give all.
    pub(super) fn beyond_the_instant(&mut self, mut window: Window) -> Result<()> {
        let error =
            Error::new(ErrorKind::Decode, self.call.operation).with_position(Position::page(self.pages));
        let Some(at) = window.pass_over() else {
            self.end(None);
            return Err(
                error.with_message("the service gives no link to more, and its elements have no update time")
            );
        };
        self.lost = true;
        self.turn_to_window(window);
        Err(error.with_message(format!(
            "more was changed at {at} than the service gives at once: the rest is lost"
        )))
    }
}
