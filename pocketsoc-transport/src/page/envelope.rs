//! Cuts the body of a list into elements as its bytes arrive, without building a tree.
//!
//! An element that lies within one chunk is a slice of it; only one that straddles chunks is copied.

use bytes::Bytes;

/// Names under which services give the next page.
const NEXT_LINKS: [&str; 3] = ["@odata.nextLink", "nextLink", "odata.nextLink"];
/// Largest member beside the elements that is kept; none that matters comes near.
const LARGEST_MEMBER: usize = 64 * 1024;

/// What is said of an object that is no list.
pub(super) const NO_LIST: &str = "there is no list of elements in it";

/// What the next bytes hold.
#[derive(Debug)]
pub(super) enum Piece {
    /// One element.
    Element(Bytes),
    /// Nothing whole: more bytes are needed.
    More,
    /// The list has been read to its end.
    End,
}

/// The structure of the list is broken here; nothing behind it can be cut.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// The byte within the page.
    pub(super) offset: u64,
    pub(super) what: &'static str,
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

/// How far into a JSON value the scan is.
#[derive(Debug, Clone, Copy, Default)]
struct Nesting {
    depth: u64,
    in_string: bool,
    escaped: bool,
}

/// Cuts one page.
#[derive(Debug)]
pub(super) struct Envelope {
    place: Place,
    /// The page is a bare array: no object around it.
    bare: bool,
    found_list: bool,
    name: String,
    next_link: Option<String>,
    chunk: Bytes,
    /// Where in `chunk` the scan is.
    at: usize,
    /// How many bytes of the page came before `chunk`.
    before: u64,
    /// The beginning of a value that straddles chunks.
    carry: Vec<u8>,
    nesting: Nesting,
    element_limit: usize,
}

impl Envelope {
    pub(super) fn new(element_limit: usize) -> Self {
        Self {
            place: Place::Start,
            bare: false,
            found_list: false,
            name: String::new(),
            next_link: None,
            chunk: Bytes::new(),
            at: 0,
            before: 0,
            carry: Vec::new(),
            nesting: Nesting::default(),
            element_limit,
        }
    }

    /// Takes the next bytes; all earlier ones must have been cut.
    pub(super) fn feed(&mut self, chunk: Bytes) {
        self.before += self.chunk.len() as u64;
        self.chunk = chunk;
        self.at = 0;
    }

    /// The byte of the page that the scan is at.
    pub(super) fn offset(&self) -> u64 {
        self.before + self.at as u64
    }

    /// The link to the next page, as soon as it has been read.
    pub(super) fn next_link(&self) -> Option<&str> {
        self.next_link.as_deref()
    }

    /// The next piece.
    pub(super) fn next(&mut self) -> Result<Piece, Broken> {
        loop {
            // In the middle of a value, white space belongs to it.
            if self.carry.is_empty() {
                self.skip_space();
            }
            let Some(&here) = self.chunk.get(self.at) else {
                return Ok(if self.place == Place::Done { Piece::End } else { Piece::More });
            };
            // What is being read is told by its first byte, which may have come with an earlier chunk.
            let byte = self.carry.first().copied().unwrap_or(here);
            match (self.place, byte) {
                (Place::Start, b'{') | (Place::AfterValue, b',') => self.go(Place::Name),
                (Place::Start, b'[') => {
                    (self.bare, self.found_list) = (true, true);
                    self.go(Place::Element);
                }
                (Place::Start, 0xEF | 0xBB | 0xBF) if self.offset() < 3 => self.at += 1,
                (Place::Name | Place::AfterValue, b'}') => {
                    if !self.found_list {
                        return self.broken(NO_LIST);
                    }
                    self.go(Place::Done);
                }
                (Place::Name, _) => match self.value(LARGEST_MEMBER)? {
                    None => return Ok(Piece::More),
                    Some(name) => match serde_json::from_slice(&name) {
                        Ok(name) => (self.name, self.place) = (name, Place::Colon),
                        Err(_) => return self.broken("a name was expected"),
                    },
                },
                (Place::Colon, b':') => self.go(Place::Value),
                (Place::Value, b'[') if self.name == "value" && !self.found_list => {
                    self.found_list = true;
                    self.go(Place::Element);
                }
                (Place::Value, _) => match self.value(LARGEST_MEMBER)? {
                    None => return Ok(Piece::More),
                    Some(value) => {
                        self.found_list |= self.name == "value" && *value == *b"null";
                        if NEXT_LINKS.contains(&self.name.as_str()) {
                            self.next_link = serde_json::from_slice::<Option<String>>(&value)
                                .ok()
                                .flatten()
                                .filter(|l| !l.is_empty());
                        }
                        self.place = Place::AfterValue;
                    }
                },
                (Place::Element | Place::AfterElement, b']') => {
                    self.go(if self.bare { Place::Done } else { Place::AfterValue });
                }
                (Place::AfterElement, b',') => self.go(Place::Element),
                (Place::Element, b',') => return self.broken("an element was expected"),
                (Place::Element, _) => match self.value(self.element_limit)? {
                    None => return Ok(Piece::More),
                    Some(element) => {
                        self.place = Place::AfterElement;
                        return Ok(Piece::Element(element));
                    }
                },
                (Place::Done, _) => return self.broken("there is something behind the list"),
                (Place::Start, _) => return self.broken("the answer is no JSON list"),
                (Place::Colon, _) => return self.broken("`:` was expected"),
                (Place::AfterValue, _) => return self.broken("`,` or `}` was expected"),
                (Place::AfterElement, _) => return self.broken("`,` or `]` was expected"),
            }
        }
    }

    fn go(&mut self, place: Place) {
        self.at += 1;
        self.place = place;
    }

    fn skip_space(&mut self) {
        let rest = self.chunk.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t')).count();
    }

    fn broken<T>(&self, what: &'static str) -> Result<T, Broken> {
        Err(Broken { offset: self.offset(), what })
    }

    /// The JSON value that begins here or began in an earlier chunk; `None` when it does not end in this one.
    fn value(&mut self, limit: usize) -> Result<Option<Bytes>, Broken> {
        let first = self.carry.first().or_else(|| self.chunk.get(self.at)).copied();
        let rest = self.chunk.slice(self.at..);
        let end = match first {
            Some(b'{') => end_of_container(&rest, b'{', b'}', &mut self.nesting),
            Some(b'[') => end_of_container(&rest, b'[', b']', &mut self.nesting),
            Some(b'"') => end_of_string(&rest, &mut self.nesting),
            Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                rest.iter().position(|b| matches!(b, b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t'))
            }
            _ => return self.broken("a value was expected"),
        };
        let taken = end.unwrap_or(rest.len());
        if self.carry.len() + taken > limit {
            return self.broken("one value is larger than the limit for it");
        }
        self.at += taken;
        if end.is_none() {
            self.carry.extend_from_slice(&rest);
            return Ok(None);
        }
        self.nesting = Nesting::default();
        if self.carry.is_empty() {
            return Ok(Some(rest.slice(..taken)));
        }
        self.carry.extend_from_slice(&rest[..taken]);
        Ok(Some(std::mem::take(&mut self.carry).into()))
    }
}

/// Behind the closing quote of the string that begins (or began) here, if it is here.
fn end_of_string(bytes: &[u8], nesting: &mut Nesting) -> Option<usize> {
    for hit in memchr::memchr_iter(b'"', bytes) {
        if !nesting.in_string {
            nesting.in_string = true;
        } else if !is_escaped(bytes, hit, nesting.escaped) {
            return Some(hit + 1);
        }
    }
    nesting.escaped = nesting.in_string && is_escaped(bytes, bytes.len(), nesting.escaped);
    None
}

/// Behind the bracket that closes the object or array that begins (or began) here, if it is here.
///
/// Only brackets of the outermost kind are counted, so that one pass over the bytes stops at few of them; whether
/// the inner ones match is the decoder's business.
fn end_of_container(bytes: &[u8], open: u8, close: u8, nesting: &mut Nesting) -> Option<usize> {
    for hit in memchr::memchr3_iter(b'"', open, close, bytes) {
        let byte = bytes[hit];
        if byte == b'"' {
            nesting.in_string = !nesting.in_string || is_escaped(bytes, hit, nesting.escaped);
        } else if nesting.in_string {
        } else if byte == open {
            nesting.depth += 1;
        } else {
            nesting.depth -= 1;
            if nesting.depth == 0 {
                return Some(hit + 1);
            }
        }
    }
    nesting.escaped = nesting.in_string && is_escaped(bytes, bytes.len(), nesting.escaped);
    None
}

/// Whether the byte at `at` is escaped: an odd number of backslashes stands before it, `carried` over from the chunk
/// before included.
fn is_escaped(bytes: &[u8], at: usize, carried: bool) -> bool {
    let run = bytes[..at].iter().rev().take_while(|b| **b == b'\\').count();
    (run % 2 == 1) != (run == at && carried)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Cuts `body`, arriving in chunks of these sizes (the last repeats).
    fn cut(body: &[u8], sizes: &[usize]) -> (Vec<String>, Option<String>, Result<bool, Broken>) {
        let mut envelope = Envelope::new(1 << 20);
        let mut elements = Vec::new();
        let (mut rest, mut sizes) =
            (body, sizes.iter().copied().chain(std::iter::repeat(*sizes.last().unwrap())));
        loop {
            match envelope.next() {
                Ok(Piece::Element(bytes)) => elements.push(String::from_utf8(bytes.to_vec()).unwrap()),
                Ok(Piece::More) if rest.is_empty() => return (elements, None, Ok(false)),
                Ok(Piece::More) => {
                    let (now, later) = rest.split_at(sizes.next().unwrap().clamp(1, rest.len()));
                    envelope.feed(Bytes::copy_from_slice(now));
                    rest = later;
                }
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
    fn an_unbalanced_element_spoils_only_itself() {
        let (elements, _, end) = cut(br#"{"value":[{"a":[1},{"b":2}]}"#, &[7]);
        assert_eq!((elements, end), (vec![r#"{"a":[1}"#.to_owned(), r#"{"b":2}"#.to_owned()], Ok(true)));
    }

    #[test]
    fn an_endless_element_is_cut_off_at_the_limit() {
        let mut envelope = Envelope::new(1000);
        envelope.feed(Bytes::from_static(b"{\"value\":[{\"a\":\""));
        let broken = (0..).find_map(|_| {
            let step = envelope.next();
            envelope.feed(Bytes::from_static(b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
            step.err()
        });
        assert!(broken.unwrap().what.contains("larger"));
        assert!(envelope.carry.len() <= 1000);
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
                envelope.feed(Bytes::copy_from_slice(chunk));
                while let Ok(Piece::Element(_)) = envelope.next() {}
            }
        }
    }
}
