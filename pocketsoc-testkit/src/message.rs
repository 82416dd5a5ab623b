//! One HTTP request and its answer, as the tenant sees them.

use bytes::Bytes;
use percent_encoding::percent_decode_str;

/// A request that the tenant received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method, such as `GET`.
    pub method: String,
    /// The path as sent.
    pub path: String,
    /// The query as sent, without the question mark.
    pub query: String,
    /// Header names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Request {
    /// Takes an HTTP request apart.
    pub fn from_http(request: http::Request<Bytes>) -> Self {
        let (head, body) = request.into_parts();
        let headers = head
            .headers
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        Self {
            method: head.method.as_str().to_owned(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers,
            body,
        }
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// A query option, decoded.
    pub fn option(&self, name: &str) -> Option<String> {
        form(&self.query).find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// The names of the query options, decoded.
    pub fn options(&self) -> impl Iterator<Item = String> + '_ {
        form(&self.query).map(|(name, _)| name)
    }

    /// A field of a form body, decoded.
    pub fn field(&self, name: &str) -> Option<String> {
        form(std::str::from_utf8(&self.body).ok()?).find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// The body as JSON.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The path's segments, decoded.
    pub(crate) fn segments(&self) -> Vec<String> {
        let decode = |s: &str| percent_decode_str(s).decode_utf8_lossy().into_owned();
        self.path.split('/').filter(|s| !s.is_empty()).map(decode).collect()
    }
}

fn form(text: &str) -> impl Iterator<Item = (String, String)> {
    let decode = |s: &str| percent_decode_str(&s.replace('+', " ")).decode_utf8_lossy().into_owned();
    text.split('&').filter(|pair| !pair.is_empty()).map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

/// What the tenant answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// An answer with a JSON body.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        let kind = "application/json; odata.metadata=minimal; odata.streaming=true; charset=utf-8";
        Self { status, headers: vec![("content-type".into(), kind.into())], body: body.into() }
    }

    /// An answer without body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// With one more header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}
