//! The form of a token request, wiped when dropped.

use bytes::Bytes;
use url::form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

use crate::Secret;

/// Room for a usual form with an assertion in it.
const USUAL: usize = 8 * 1024;

/// The fields of a token request. Its own buffers are wiped; the copies that the HTTP and TLS libraries make are out of
/// reach.
pub(crate) struct Form(Zeroizing<String>);

impl Form {
    pub(crate) fn new(client_id: &str) -> Self {
        Self(Zeroizing::new(String::with_capacity(USUAL))).with("client_id", client_id)
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        // At most three bytes for each; growing in place would leave a copy behind.
        let needed = self.0.len() + name.len() + 2 + value.len() * 3;
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(String::with_capacity(needed.next_power_of_two()));
            larger.push_str(&self.0);
            self.0 = larger;
        }
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        for piece in byte_serialize(value.as_bytes()) {
            self.0.push_str(piece);
        }
        self
    }

    /// The same form once more.
    pub(crate) fn copy(&self) -> Self {
        let mut copy = Zeroizing::new(String::with_capacity(self.0.capacity()));
        copy.push_str(&self.0);
        Self(copy)
    }

    pub(crate) fn with_secret(self, name: &str, secret: &Secret) -> Self {
        self.with(name, secret.expose())
    }

    /// The body to send. It is wiped when the last reference to it goes.
    pub(crate) fn bytes(&self) -> Bytes {
        Bytes::from_owner(Zeroizing::new(self.0.as_bytes().to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded_and_long_ones_fit() {
        let long = "ä&=+ %".repeat(5000);
        let form = Form::new("c").with("a", "x y&z=1").with("long", &long);
        let body = form.bytes();
        let text = std::str::from_utf8(&body).unwrap();
        assert!(text.starts_with("client_id=c&a=x+y%26z%3D1&long="), "{}", &text[..60]);
        let fields: Vec<_> = url::form_urlencoded::parse(&body).collect();
        assert_eq!((fields.len(), fields[2].1.as_ref()), (3, long.as_str()));
    }
}
