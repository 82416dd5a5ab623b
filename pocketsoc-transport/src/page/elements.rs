//! Elements of a document that is already here: one object, an array, or a list envelope.

use bytes::Bytes;
use pocketsoc_model::{Error, ErrorKind, Position};

use super::Decode;
use super::envelope::{Broken, Envelope, NO_LIST, Piece};

/// The elements of a document; see [`elements`].
#[derive(Debug)]
pub struct Elements {
    /// The whole, for as long as it may turn out to be one element.
    whole: Option<Bytes>,
    envelope: Envelope,
    index: u64,
    done: bool,
}

/// Cuts a document into elements: one object, an array, or an object with the array `value`.
///
/// An element that cannot be read is an `Err` with its index, and the others follow; broken structure is the last item.
pub fn elements(document: impl Into<Bytes>) -> Elements {
    let document = document.into();
    let mut envelope = Envelope::new(document.len());
    envelope.feed(document.clone());
    Elements { whole: Some(document), envelope, index: 0, done: false }
}

impl Elements {
    /// The next element, read as `T`.
    pub fn next_as<T: Decode>(&mut self) -> Option<Result<T, Error>> {
        let index = self.index;
        let failed = |message: String, position: Position| {
            Error::new(ErrorKind::Decode, "read the document").with_message(message).with_position(position)
        };
        let bytes = match self.next_bytes()? {
            Ok(bytes) => bytes,
            Err(Broken { offset, what }) => {
                return Some(Err(failed(what.to_owned(), Position::default().with_offset(offset))));
            }
        };
        let position = Position::default().with_index(index);
        let element = match std::str::from_utf8(&bytes) {
            Ok(text) => {
                T::decode(text).map_err(|e| failed(format!("an element cannot be read: {e}"), position))
            }
            Err(e) => Err(failed(format!("an element is not UTF-8: {e}"), position)),
        };
        Some(element)
    }

    fn next_bytes(&mut self) -> Option<Result<Bytes, Broken>> {
        if self.done {
            return None;
        }
        match self.envelope.next() {
            Ok(Piece::Element(bytes)) => {
                self.whole = None;
                self.index += 1;
                Some(Ok(bytes))
            }
            Ok(Piece::End) => {
                self.done = true;
                None
            }
            Ok(Piece::More) => {
                self.done = true;
                Some(Err(Broken { offset: self.envelope.offset(), what: "the document ends too early" }))
            }
            Err(broken) => {
                self.done = true;
                match self.whole.take() {
                    Some(whole) if broken.what == NO_LIST => Some(Ok(whole)),
                    _ => Some(Err(broken)),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Text(String);

    impl Decode for Text {
        fn decode(text: &str) -> serde_json::Result<Self> {
            serde_json::from_str::<serde_json::Value>(text).map(|value| Self(value.to_string()))
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
        assert_eq!(read("[{\"id\":1},{\"id\":2}]").len(), 2);
        assert_eq!(read("{\"@odata.context\":\"x\",\"value\":[{\"id\":1}]}"), [Ok("{\"id\":1}".into())]);
    }

    #[test]
    fn a_bad_element_does_not_hide_the_others() {
        let items = read("[{\"id\":1},{\"id\":},{\"id\":3}]");
        assert_eq!(items[1], Err("element 1".into()));
        assert_eq!(items.len(), 3);
        assert!(items[2].is_ok());
        let cut = read("[{\"id\":1},{\"id\"");
        assert_eq!((cut.len(), cut[0].is_ok(), cut[1].is_err()), (2, true, true));
    }
}
