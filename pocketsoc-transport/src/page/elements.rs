//! Elements of a document that is already here: one object, an array, or a list envelope.

use pocketsoc_model::{Error, ErrorKind, Position};

use super::Decode;
use super::envelope::{Broken, Envelope, Piece};
use crate::endpoint::place;

/// The elements of a document; see [`elements`].
#[derive(Debug)]
pub struct Elements {
    /// The whole, for as long as it may turn out to be one element.
    whole: Option<Vec<u8>>,
    envelope: Envelope,
    index: u64,
    /// Why it cannot be one at all.
    wrong: Option<&'static str>,
    done: bool,
}

/// Cuts a document into elements: one object, an array, or an object with the array `value`.
///
/// An element that cannot be read is an `Err` with its index, and the others follow; broken structure is the last item.
pub fn elements(document: impl Into<Vec<u8>>) -> Elements {
    let mut document = document.into();
    if document.starts_with(b"\xEF\xBB\xBF") {
        document.drain(..3);
    }
    let wrong = if document.starts_with(b"\xFF\xFE") || document.starts_with(b"\xFE\xFF") {
        Some("the document is UTF-16: save it as UTF-8")
    } else {
        document.trim_ascii().is_empty().then_some("the document is empty")
    };
    let mut envelope = Envelope::new(document.len());
    envelope.feed(&document);
    Elements { whole: Some(document), envelope, index: 0, wrong, done: false }
}

impl Elements {
    /// The next element, read as `T`.
    pub fn next_as<T: Decode>(&mut self) -> Option<Result<T, Error>> {
        if self.done {
            return None;
        }
        if let Some(wrong) = self.wrong {
            self.done = true;
            return Some(Err(failed(wrong, Position::default())));
        }
        let Broken { offset, what } = match self.envelope.next(T::decode_first) {
            Ok(Piece::Element(range, element)) => {
                self.whole = None;
                self.index += 1;
                let position = Position::default().with_index(self.index - 1);
                if self.envelope.was_replaced(&range) {
                    return Some(Err(failed(NO_TEXT, position)));
                }
                return Some(match element {
                    Some(element) => Ok(element),
                    None => T::decode(self.envelope.text(&range)).map_err(|e| unreadable(&e, position)),
                });
            }
            Ok(Piece::End) => {
                self.done = true;
                // `"value": null` is an empty list, unless it is a member of what is one element all the same.
                let whole = self.whole.take().filter(|_| self.envelope.list_was_null())?;
                return T::decode(std::str::from_utf8(&whole).ok()?).ok().map(Ok);
            }
            Ok(Piece::More | Piece::Beginning) => {
                Broken { offset: self.envelope.offset(), what: "the document ends too early" }
            }
            Err(broken) => broken,
        };
        self.done = true;
        Some(match self.whole.take() {
            // Until a list has been found, it may be one element that is no list.
            Some(whole) if !self.envelope.has_list() => {
                let position = Position::default().with_index(0);
                match std::str::from_utf8(&whole) {
                    Ok(text) => T::decode(text).map_err(|e| unreadable(&e, position)),
                    Err(_) => Err(failed(NO_TEXT, position)),
                }
            }
            _ => Err(failed(what, Position::default().with_offset(offset))),
        })
    }
}

const NO_TEXT: &str = "an element holds bytes that are no text";

fn unreadable(error: &serde_json::Error, position: Position) -> Error {
    failed(&format!("an element cannot be read ({})", place(error)), position)
}

fn failed(message: &str, position: Position) -> Error {
    Error::new(ErrorKind::Decode, "read the document").with_message(message).with_position(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Text(String);

    impl Decode for Text {
        fn decode(text: &str) -> serde_json::Result<Self> {
            serde_json::from_str::<serde_json::Value>(text).map(|value| Self(value.to_string()))
        }
        fn decode_first(_: &str) -> Option<(Self, usize)> {
            None
        }
    }

    fn read(document: &'static str) -> Vec<Result<String, String>> {
        let mut elements = elements(document);
        std::iter::from_fn(|| elements.next_as::<Text>())
            .map(|item| {
                item.map(|t| t.0).map_err(|e| e.position().map(|p| p.to_string()).unwrap_or_default())
            })
            .collect()
    }

    #[test]
    fn one_object_an_array_and_an_envelope_are_read_alike() {
        assert_eq!(read("{\"id\":1}"), [Ok("{\"id\":1}".into())]);
        assert_eq!(read("\u{feff}{\"id\":1}"), [Ok("{\"id\":1}".into())]);
        assert_eq!(read("[{\"id\":1},{\"id\":2}]").len(), 2);
        assert_eq!(read("{\"@odata.context\":\"x\",\"value\":[{\"id\":1}]}"), [Ok("{\"id\":1}".into())]);
    }

    #[test]
    fn a_bad_element_does_not_hide_the_others() {
        let items = read("[{\"id\":1},{\"id\":},{\"id\":3}]");
        assert_eq!(items[1], Err("element 1".into()));
        assert_eq!(items.len(), 3);
        assert!(items[2].is_ok());
        let large =
            Box::leak(format!("{{\"a\":[{}1],\"value\":\"x\"}}", "1,".repeat(50_000)).into_boxed_str());
        assert!(read(large)[0].is_ok(), "one object with a large member is no list");
        let value = read("{\"id\":1,\"value\":null}");
        assert!(matches!(value.as_slice(), [Ok(_)]), "one object with a null of that name is no list");
        assert_eq!(elements(b"{\"id\":\"\xFF\"}".to_vec()).next_as::<Text>().map(|e| e.is_err()), Some(true));
        let cut = read("[{\"id\":1},{\"id\"");
        assert_eq!((cut.len(), cut[0].is_ok(), cut[1].is_err()), (2, true, true));
    }
}
