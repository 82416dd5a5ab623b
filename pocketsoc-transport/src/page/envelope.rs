//! Cuts the body of a list into elements as its bytes arrive, without building a tree.
//!
//! An element that has arrived whole is read right away, which finds its end as well; only one that straddles chunks
//! is scanned for its end first.

use std::collections::VecDeque;
use std::ops::Range;

/// Names under which services give the next page.
const NEXT_LINKS: [&str; 3] = ["@odata.nextLink", "nextLink", "odata.nextLink"];
/// Largest member beside the elements that is kept; none that matters comes near.
const LARGEST_MEMBER: usize = 64 * 1024;

/// Under which names an envelope holds what matters.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Names {
    /// The list of elements.
    pub(crate) list: &'static [&'static str],
    /// A member to be kept whole, for whoever reads the elements.
    pub(crate) aside: &'static [&'static str],
}

/// A list as OData has it.
const ODATA: Names = Names { list: &["value"], aside: &[] };

/// What the next bytes hold.
#[derive(Debug)]
pub(crate) enum Piece<T> {
    /// The list begins: what stood before it is known.
    Beginning,
    /// One element: where it stands in [`Envelope::text`], and what it was read as, if it could be.
    Element(Range<usize>, Option<T>),
    /// Nothing whole: more bytes are needed.
    More,
    /// The list has been read to its end.
    End,
}

/// The structure of the list is broken here; nothing behind it can be cut.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// The byte within the page.
    pub(crate) offset: u64,
    pub(crate) what: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the outer bracket.
    Start,
    /// In the outer object, before a name or its end.
    Name,
    /// Behind a name.
    Colon,
    /// Before a member's value.
    Value,
    /// Behind a member's value.
    AfterValue,
    /// In the array of elements, before an element or its end.
    Element,
    /// Behind an element.
    AfterElement,
    /// Behind the outer bracket.
    Done,
}

/// How far a value that began at `Envelope::at` has been scanned for its end.
#[derive(Debug, Clone, Copy, Default)]
struct Scan {
    length: usize,
    depth: u64,
    in_string: bool,
}

/// Cuts one page.
#[derive(Debug)]
pub(crate) struct Envelope {
    names: &'static Names,
    place: Place,
    /// The page is a bare array: no object around it.
    bare: bool,
    found_list: bool,
    null_list: bool,
    name: String,
    next_link: Option<String>,
    /// The member that is kept whole.
    aside: Option<String>,
    /// What has arrived and is not yet cut.
    text: String,
    /// Where in `text` the cutting is.
    at: usize,
    /// How many bytes of the page came before `text`.
    before: u64,
    scan: Option<Scan>,
    /// The bytes of a character whose rest has not arrived.
    tail: Vec<u8>,
    /// Where bytes that are no text were replaced, in bytes of the page.
    replaced: VecDeque<u64>,
    element_limit: usize,
}

impl Envelope {
    /// One as OData has it.
    pub(crate) fn new(element_limit: usize) -> Self {
        Self::with_names(&ODATA, element_limit)
    }

    pub(crate) fn with_names(names: &'static Names, element_limit: usize) -> Self {
        Self {
            names,
            place: Place::Start,
            bare: false,
            found_list: false,
            null_list: false,
            name: String::new(),
            next_link: None,
            aside: None,
            text: String::new(),
            at: 0,
            before: 0,
            scan: None,
            tail: Vec::new(),
            replaced: VecDeque::new(),
            element_limit,
        }
    }

    /// Takes the next bytes.
    pub(crate) fn feed(&mut self, chunk: &[u8]) {
        self.text.drain(..self.at);
        self.before += self.at as u64;
        self.at = 0;
        while self.replaced.front().is_some_and(|at| *at < self.before) {
            self.replaced.pop_front();
        }
        let joined;
        let mut rest = chunk;
        if !self.tail.is_empty() {
            joined = [std::mem::take(&mut self.tail).as_slice(), chunk].concat();
            rest = &joined;
        }
        loop {
            let error = match std::str::from_utf8(rest) {
                Ok(text) => return self.text.push_str(text),
                Err(error) => error,
            };
            let (valid, after) = rest.split_at(error.valid_up_to());
            self.text.push_str(&String::from_utf8_lossy(valid));
            let Some(length) = error.error_len() else {
                self.tail = after.to_vec();
                return;
            };
            self.replaced.push_back(self.before + self.text.len() as u64);
            self.text.push(char::REPLACEMENT_CHARACTER);
            rest = &after[length..];
        }
    }

    /// The byte of the page that the cutting is at.
    pub(crate) fn offset(&self) -> u64 {
        self.before + self.at as u64
    }

    /// Whether the elements have been reached.
    pub(crate) fn has_list(&self) -> bool {
        self.found_list
    }

    /// Whether the list was given as null.
    pub(crate) fn list_was_null(&self) -> bool {
        self.null_list
    }

    /// The link to the next page, as soon as it has been read.
    pub(crate) fn next_link(&self) -> Option<&str> {
        self.next_link.as_deref()
    }

    /// The member that is kept whole, as soon as it has been read.
    pub(crate) fn aside(&self) -> Option<&str> {
        self.aside.as_deref()
    }

    /// The text of an element, until more is fed.
    pub(crate) fn text(&self, element: &Range<usize>) -> &str {
        self.text.get(element.clone()).unwrap_or_default()
    }

    /// Whether bytes of this element were no text.
    pub(crate) fn was_replaced(&mut self, element: &Range<usize>) -> bool {
        let (start, end) = (self.before + element.start as u64, self.before + element.end as u64);
        while self.replaced.front().is_some_and(|at| *at < start) {
            self.replaced.pop_front();
        }
        self.replaced.front().is_some_and(|at| *at < end)
    }

    /// The next piece. `read` reads an element from the beginning of a text, and says how long it is; `None` when
    /// there is no whole one.
    pub(crate) fn next<T>(
        &mut self,
        mut read: impl FnMut(&str) -> Option<(T, usize)>,
    ) -> Result<Piece<T>, Broken> {
        loop {
            match self.step(&mut read)? {
                Piece::Beginning => {}
                piece => return Ok(piece),
            }
        }
    }

    /// The next piece, the beginning of the list among them.
    pub(crate) fn step<T>(
        &mut self,
        mut read: impl FnMut(&str) -> Option<(T, usize)>,
    ) -> Result<Piece<T>, Broken> {
        loop {
            if self.scan.is_none() {
                self.skip_space();
            }
            let Some(&byte) = self.text.as_bytes().get(self.at) else {
                return Ok(if self.place == Place::Done { Piece::End } else { Piece::More });
            };
            match (self.place, byte) {
                (Place::Start, b'{') | (Place::AfterValue, b',') => self.go(Place::Name),
                (Place::Start, b'[') => {
                    (self.bare, self.found_list) = (true, true);
                    self.go(Place::Element);
                    return Ok(Piece::Beginning);
                }
                (Place::Start, _) if self.offset() == 0 && self.text.starts_with('\u{feff}') => self.at += 3,
                (Place::Name | Place::AfterValue, b'}') => {
                    if !self.found_list {
                        return self.broken("there is no list of elements in it");
                    }
                    self.go(Place::Done);
                }
                (Place::Name, _) => match self.value(LARGEST_MEMBER)? {
                    None => return Ok(Piece::More),
                    Some(name) => match serde_json::from_str(self.text(&name)) {
                        Ok(name) => (self.name, self.place) = (name, Place::Colon),
                        Err(_) => return self.broken("a name was expected"),
                    },
                },
                (Place::Colon, b':') => self.go(Place::Value),
                (Place::Value, b'[') if self.names.list.contains(&self.name.as_str()) && !self.found_list => {
                    self.found_list = true;
                    self.go(Place::Element);
                    return Ok(Piece::Beginning);
                }
                (Place::Value, _) => match self.value(LARGEST_MEMBER)? {
                    None => return Ok(Piece::More),
                    Some(value) => self.member(&value),
                },
                (Place::Element | Place::AfterElement, b']') => {
                    self.go(if self.bare { Place::Done } else { Place::AfterValue });
                }
                (Place::AfterElement, b',') => self.go(Place::Element),
                (Place::Element, b',') => return self.broken("an element was expected"),
                (Place::Element, _) => return self.element(&mut read),
                (Place::Done, _) => return self.broken("there is something behind the list"),
                (Place::Start, _) => return self.broken("the answer is no JSON list"),
                (Place::Colon, _) => return self.broken("`:` was expected"),
                (Place::AfterValue, _) => return self.broken("`,` or `}` was expected"),
                (Place::AfterElement, _) => return self.broken("`,` or `]` was expected"),
            }
        }
    }

    /// The element that begins here, if it is here to its end.
    fn element<T>(&mut self, read: &mut impl FnMut(&str) -> Option<(T, usize)>) -> Result<Piece<T>, Broken> {
        if self.scan.is_none()
            && let Some((element, length)) = read(&self.text[self.at..])
            && length <= self.element_limit
        {
            let range = self.at..self.at + length;
            self.at = range.end;
            self.place = Place::AfterElement;
            return Ok(Piece::Element(range, Some(element)));
        }
        let Some(range) = self.value(self.element_limit)? else { return Ok(Piece::More) };
        self.place = Place::AfterElement;
        // One that straddled chunks is whole now; one that cannot be read will not be read this time either.
        let element =
            read(&self.text[range.clone()]).filter(|(_, length)| *length == range.len()).map(|(e, _)| e);
        Ok(Piece::Element(range, element))
    }

    /// Notes the value of a member beside the elements.
    fn member(&mut self, value: &Range<usize>) {
        self.null_list |= self.names.list.contains(&self.name.as_str()) && self.text(value) == "null";
        self.found_list |= self.null_list;
        if NEXT_LINKS.contains(&self.name.as_str()) {
            let link = serde_json::from_str::<Option<String>>(self.text(value));
            self.next_link = link.ok().flatten().filter(|link| !link.is_empty());
        }
        if self.names.aside.contains(&self.name.as_str()) {
            self.aside = Some(self.text(value).to_owned());
        }
        self.place = Place::AfterValue;
    }

    fn go(&mut self, place: Place) {
        self.at += 1;
        self.place = place;
    }

    fn skip_space(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t')).count();
    }

    fn broken<T>(&self, what: &'static str) -> Result<T, Broken> {
        Err(Broken { offset: self.offset(), what })
    }

    /// The JSON value that begins here; `None` when its end has not arrived.
    fn value(&mut self, limit: usize) -> Result<Option<Range<usize>>, Broken> {
        let mut scan = self.scan.take().unwrap_or_default();
        let value = &self.text.as_bytes()[self.at..];
        let end = match value.first() {
            Some(b'{') => scan.end_of_container(value, b'{', b'}'),
            Some(b'[') => scan.end_of_container(value, b'[', b']'),
            Some(b'"') => scan.end_of_string(value),
            Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => scan.end_of_scalar(value),
            _ => return self.broken("a value was expected"),
        };
        let length = end.unwrap_or(value.len());
        if length > limit {
            return self.broken("one value is larger than the limit for it");
        }
        if end.is_none() {
            scan.length = length;
            self.scan = Some(scan);
            return Ok(None);
        }
        let range = self.at..self.at + length;
        self.at = range.end;
        Ok(Some(range))
    }
}

impl Scan {
    /// Behind the number or word, if something that is none of it is here.
    fn end_of_scalar(&self, value: &[u8]) -> Option<usize> {
        let ends = |b: &u8| matches!(b, b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t');
        value[self.length..].iter().position(ends).map(|hit| self.length + hit)
    }

    /// Behind the closing quote of the string, if it is here.
    fn end_of_string(&mut self, value: &[u8]) -> Option<usize> {
        for hit in memchr::memchr_iter(b'"', &value[self.length..]) {
            let at = self.length + hit;
            if !self.in_string {
                self.in_string = true;
            } else if !is_escaped(value, at) {
                return Some(at + 1);
            }
        }
        None
    }

    /// Behind the bracket that closes the object or array, if it is here.
    ///
    /// Only brackets of the outermost kind are counted, so that one pass over the bytes stops at few of them; whether
    /// the inner ones match is the decoder's business.
    fn end_of_container(&mut self, value: &[u8], open: u8, close: u8) -> Option<usize> {
        for hit in memchr::memchr3_iter(b'"', open, close, &value[self.length..]) {
            let at = self.length + hit;
            let byte = value[at];
            if byte == b'"' {
                self.in_string = !self.in_string || is_escaped(value, at);
            } else if self.in_string {
            } else if byte == open {
                self.depth += 1;
            } else {
                self.depth -= 1;
                if self.depth == 0 {
                    return Some(at + 1);
                }
            }
        }
        None
    }
}

/// Whether the byte at `at` is escaped: an odd number of backslashes stands before it.
fn is_escaped(value: &[u8], at: usize) -> bool {
    value[..at].iter().rev().take_while(|b| **b == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads whatever JSON value a text begins with.
    fn whole(text: &str) -> Option<(String, usize)> {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
        values.next()?.ok()?;
        // A number at the very end may go on in the next chunk.
        (text.len() > values.byte_offset())
            .then(|| (text[..values.byte_offset()].to_owned(), values.byte_offset()))
    }

    /// Cuts `body`, arriving in chunks of these sizes (the last repeats); by reading and by scanning.
    fn cut(body: &[u8], sizes: &[usize]) -> (Vec<String>, Option<String>, Result<bool, Broken>) {
        let read = cut_by(body, sizes, true);
        assert_eq!(read, cut_by(body, sizes, false));
        read
    }

    fn cut_by(
        body: &[u8],
        sizes: &[usize],
        early: bool,
    ) -> (Vec<String>, Option<String>, Result<bool, Broken>) {
        let mut envelope = Envelope::new(1 << 20);
        let mut elements = Vec::new();
        let (mut rest, mut sizes) =
            (body, sizes.iter().copied().chain(std::iter::repeat(*sizes.last().unwrap())));
        loop {
            match envelope.next(|text| early.then(|| whole(text)).flatten()) {
                Ok(Piece::Element(range, read)) => {
                    assert!(read.is_none_or(|text: String| text == envelope.text(&range)));
                    elements.push(envelope.text(&range).to_owned());
                }
                Ok(Piece::More) if rest.is_empty() => return (elements, None, Ok(false)),
                Ok(Piece::More) => {
                    let (now, later) = rest.split_at(sizes.next().unwrap().clamp(1, rest.len()));
                    envelope.feed(now);
                    rest = later;
                }
                Ok(Piece::Beginning) => unreachable!("`next` passes over it"),
                Ok(Piece::End) => return (elements, envelope.next_link().map(str::to_owned), Ok(true)),
                Err(broken) => return (elements, None, Err(broken)),
            }
        }
    }

    #[test]
    fn elements_come_out_byte_for_byte_however_the_body_arrives() {
        let body = br#" { "@odata.context" : "x[{\"", "n":-1.5e3, "o":{"value":[1]}, "value" : [ {"a":"}\\\\\""} ,{"b": [1,{"c":"]"}]},7,"s\\",null,[{"d":{}}]
            ] , "@odata.nextLink": "https:\/\/h\/p?\u0024skip=1" } "#;
        let expected =
            [r#"{"a":"}\\\\\""}"#, r#"{"b": [1,{"c":"]"}]}"#, "7", r#""s\\""#, "null", r#"[{"d":{}}]"#];
        for size in 1..body.len() {
            let (elements, next, end) = cut(body, &[size]);
            assert_eq!(elements, expected, "in chunks of {size}");
            assert_eq!(next.as_deref(), Some("https://h/p?$skip=1"), "in chunks of {size}");
            assert_eq!(end, Ok(true));
        }
    }

    #[test]
    fn a_bare_array_an_empty_list_and_a_null_one_are_lists() {
        assert_eq!(cut(b"[{\"id\":1}]", &[3]).0, ["{\"id\":1}"]);
        assert_eq!(cut(b"\xEF\xBB\xBF{\"value\":[]}", &[1]).2, Ok(true));
        assert_eq!(cut(b"{\"value\":null}", &[1]).2, Ok(true));
    }

    #[test]
    fn a_body_that_ends_early_is_never_taken_for_the_end() {
        let body = br#"{"value":[{"a":1},{"b":"x"}],"nextLink":"/n"}"#;
        for length in 0..body.len() {
            assert_eq!(cut(&body[..length], &[5]).2, Ok(false), "after {length} bytes");
        }
    }

    #[test]
    fn broken_structure_says_where() {
        for (body, offset) in [
            (&b"<html>"[..], 0),
            (b"{\"a\":1}", 6),
            (b"{\"value\":[{} {}]}", 13),
            (b"{\"value\":[{},,{}]}", 13),
            (b"{\"value\":[x]}", 10),
            (b"{\"value\":[]]", 11),
            (b"{\"value\":[]} trailing", 13),
            (b"{value:[]}", 1),
            (b"\"text\"", 0),
            (b"5", 0),
        ] {
            let broken = cut(body, &[64]).2.unwrap_err();
            assert_eq!(broken.offset, offset, "{}: {}", String::from_utf8_lossy(body), broken.what);
        }
    }

    #[test]
    fn bytes_that_are_no_text_spoil_only_their_element() {
        let body = b"{\"value\":[{\"a\":\"\xC3\xA9\"},{\"a\":\"\xFF\"},{\"a\":\"\xE2\x82\xAC\"}]}";
        for size in [1, 2, 3, 64] {
            let mut envelope = Envelope::new(100);
            let mut spoilt = Vec::new();
            for chunk in body.chunks(size) {
                envelope.feed(chunk);
                while let Ok(Piece::Element(range, _)) = envelope.next(|_| None::<((), usize)>) {
                    spoilt.push((envelope.text(&range).to_owned(), envelope.was_replaced(&range)));
                }
            }
            let expected =
                [("{\"a\":\"é\"}", false), ("{\"a\":\"\u{fffd}\"}", true), ("{\"a\":\"€\"}", false)];
            assert_eq!(spoilt, expected.map(|(text, bad)| (text.to_owned(), bad)), "in chunks of {size}");
        }
    }

    #[test]
    fn an_unbalanced_element_spoils_only_itself() {
        let (elements, _, end) = cut(br#"{"value":[{"a":[1},{"b":2}]}"#, &[7]);
        assert_eq!((elements, end), (vec![r#"{"a":[1}"#.to_owned(), r#"{"b":2}"#.to_owned()], Ok(true)));
    }

    #[test]
    fn an_endless_element_is_cut_off_at_the_limit() {
        let mut envelope = Envelope::new(1000);
        envelope.feed(b"{\"value\":[{\"a\":\"");
        let broken = (0..).find_map(|_| {
            let step = envelope.next(whole);
            envelope.feed(b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
            step.err()
        });
        assert!(broken.unwrap().what.contains("larger"));
        assert!(envelope.text.len() <= 1100);
    }

    #[test]
    fn a22_depth_costs_no_stack() {
        let deep = format!("{{\"value\":[{}{}]}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(cut(deep.as_bytes(), &[1000]).0.len(), 1);
        let deep = format!("{{\"value\":[{}1{}]}}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
        assert_eq!(cut(deep.as_bytes(), &[1000]).0.len(), 1);
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<i64>().prop_map(Into::into),
            "[\\PC\"\\\\{}\\[\\]\n]{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                proptest::collection::vec(("[a-z\"\\\\{]{0,6}", inner), 0..5)
                    .prop_map(|entries| entries.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_cuts_where_a_full_parser_does(elements in proptest::collection::vec(json(), 0..8), sizes in proptest::collection::vec(1_usize..64, 1..20), pretty in any::<bool>()) {
            let page = serde_json::json!({"@odata.context": "c", "value": elements, "z": {"value": [1]}});
            let body = if pretty { serde_json::to_string_pretty(&page) } else { serde_json::to_string(&page) }.unwrap();
            let (found, _, end) = cut(body.as_bytes(), &sizes);
            let found: Vec<serde_json::Value> = found.iter().map(|e| serde_json::from_str(e).unwrap()).collect();
            prop_assert_eq!(found, elements);
            prop_assert_eq!(end, Ok(true));
        }

        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200), sizes in proptest::collection::vec(1_usize..30, 1..5)) {
            let mut envelope = Envelope::new(100);
            for chunk in body.chunks(sizes[0]) {
                envelope.feed(chunk);
                while let Ok(Piece::Element(..)) = envelope.next(whole) {}
            }
        }
    }
}
