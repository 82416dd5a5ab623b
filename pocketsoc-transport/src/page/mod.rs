//! Lists: pages cut into elements as their bytes arrive, walked link by link.

mod combine;
mod elements;
mod envelope;
mod memory;
mod pager;
pub(crate) mod partial;
mod sizes;
mod walk;
mod window;

pub use elements::{Elements, elements};
pub(crate) use envelope::{Envelope, Names, Piece};
pub(crate) use memory::{Digested, digest};
pub(crate) use sizes::PageSizes;
pub use walk::Walk;

use pocketsoc_model::{RawJson, ResumePoint};
use serde::de::DeserializeOwned;

/// An element of a list: decoded alone, from its own bytes.
pub trait Decode: Sized + Send + 'static {
    /// Reads one element.
    ///
    /// # Errors
    /// When the text is not an element of this kind.
    fn decode(text: &str) -> serde_json::Result<Self>;

    /// Reads the element that a text begins with, and says how long it is; `None` when there is no whole one.
    fn decode_first(text: &str) -> Option<(Self, usize)>;
}

/// A native type that keeps the bytes it was read from.
pub trait KeepRaw: DeserializeOwned + Send + 'static {
    /// Takes the bytes.
    fn keep_raw(&mut self, raw: RawJson);
}

impl<T: KeepRaw> Decode for T {
    fn decode(text: &str) -> serde_json::Result<Self> {
        let mut element: Self = serde_json::from_str(text).or_else(|error| {
            let mended = pocketsoc_model::mended(text).ok_or(error)?;
            serde_json::from_str(&mended)
        })?;
        element.keep_raw(RawJson::new(text.trim_ascii()));
        Ok(element)
    }

    fn decode_first(text: &str) -> Option<(Self, usize)> {
        let mut elements = serde_json::Deserializer::from_str(text).into_iter::<Self>();
        let mut element = elements.next()?.ok()?;
        let length = elements.byte_offset();
        element.keep_raw(RawJson::new(&text[..length]));
        Some((element, length))
    }
}

/// How a list is paged.
///
/// A list walked by `$skip` shifts when something leaves it while it is read; what stood at the border of two pages can
/// then be passed over. Filter by what does not change during the walk where that matters.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PagePlan {
    /// How many elements to ask for a page, as `$top`.
    pub page_size: Option<u32>,
    /// Whether a full page without a next link is followed by asking for the rest with `$skip`.
    pub skip: bool,
    /// Whether the following page is asked for while one is read, where its link is known early.
    pub look_ahead: bool,
    /// Where to begin, when an earlier walk ended early.
    pub resume: Option<ResumePoint>,
    /// Whether the service answers 404 where the list is empty.
    pub nothing_is_empty: bool,
    /// Smaller pages to ask for, one after the other, where the service refuses the first one as it is asked for.
    pub smaller: &'static [u32],
    /// The update time, by which the list can be filtered and ordered: the way on where the service's own links fail.
    pub update_time: Option<&'static str>,
}

impl PagePlan {
    /// Follows next links only.
    pub fn by_links() -> Self {
        Self {
            page_size: None,
            skip: false,
            look_ahead: true,
            resume: None,
            nothing_is_empty: false,
            smaller: &[],
            update_time: None,
        }
    }

    /// Asks for pages of this size, and for the rest with `$skip` where the service gives no next link.
    pub fn by_top_and_skip(page_size: u32) -> Self {
        Self { page_size: Some(page_size), skip: true, ..Self::by_links() }
    }

    /// Asks for pages of this size.
    #[must_use]
    pub fn with_page_size(mut self, size: u32) -> Self {
        self.page_size = Some(size);
        self
    }

    /// Asks for a page only when the one before has been read; for walks that may end early.
    #[must_use]
    pub fn without_look_ahead(mut self) -> Self {
        self.look_ahead = false;
        self
    }

    /// Takes the service's own 404 for an empty list; one that a web server or a gateway gives stays an error.
    #[must_use]
    pub fn with_nothing_as_empty(mut self) -> Self {
        self.nothing_is_empty = true;
        self
    }

    /// Asks for smaller pages where the service refuses those of the first size; what it takes is remembered for the
    /// connection.
    #[must_use]
    pub fn with_smaller_pages(mut self, sizes: &'static [u32]) -> Self {
        self.smaller = sizes;
        self
    }

    /// Goes on by the update time where the service's own links fail: it rejects one, gives none behind a full page, or
    /// has one pass over so much by number that it is known to stop. The report says so.
    #[must_use]
    pub fn with_update_time(mut self, field: &'static str) -> Self {
        self.update_time = Some(field);
        self
    }

    /// Begins where an earlier walk ended.
    #[must_use]
    pub fn with_resume(mut self, resume: Option<ResumePoint>) -> Self {
        self.resume = resume;
        self
    }
}
