//! The form of a token request, wiped when dropped.

use bytes::Bytes;
use url::form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

use crate::Secret;

/// Room for a usual form with an assertion in it.
const USUAL: usize = 8 * 1024;

/// What is shorter is found in plain words by chance.
const TELLING: usize = 8;

/// The fields of a token request. Its own buffers are wiped; the copies that the HTTP and TLS libraries make are out of
/// reach.
pub(crate) struct Form {
    text: Zeroizing<String>,
    secrets: Vec<Secret>,
    serves_once: bool,
}

impl Form {
    pub(crate) fn new(client_id: &str) -> Self {
        let text = Zeroizing::new(String::with_capacity(USUAL));
        Self { text, secrets: Vec::new(), serves_once: false }.with("client_id", client_id)
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        // At most three bytes for each; growing in place would leave a copy behind.
        let needed = self.text.len() + name.len() + 2 + value.len() * 3;
        if needed > self.text.capacity() {
            let mut larger = Zeroizing::new(String::with_capacity(needed.next_power_of_two()));
            larger.push_str(&self.text);
            self.text = larger;
        }
        if !self.text.is_empty() {
            self.text.push('&');
        }
        self.text.push_str(name);
        self.text.push('=');
        for piece in byte_serialize(value.as_bytes()) {
            self.text.push_str(piece);
        }
        self
    }

    /// The same form once more.
    pub(crate) fn copy(&self) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(self.text.capacity()));
        text.push_str(&self.text);
        Self { text, secrets: self.secrets.clone(), serves_once: self.serves_once }
    }

    pub(crate) fn with_secret(mut self, name: &str, secret: &Secret) -> Self {
        self.secrets.push(secret.clone());
        self.with(name, secret.expose())
    }

    /// What it asks for is given once: a code is not redeemed twice.
    pub(crate) fn serving_once(mut self) -> Self {
        self.serves_once = true;
        self
    }

    pub(crate) fn serves_once(&self) -> bool {
        self.serves_once
    }

    /// The fields, as they stand in an address behind the question mark.
    pub(crate) fn as_query(&self) -> &str {
        &self.text
    }

    /// Takes the secrets out of an answer that repeats them.
    pub(crate) fn take_out_of(&self, answer: &mut Zeroizing<Vec<u8>>) {
        let Ok(text) = std::str::from_utf8(answer) else { return };
        let mut text = Zeroizing::new(text.to_owned());
        for secret in self.secrets.iter().map(Secret::expose).filter(|secret| secret.len() >= TELLING) {
            let encoded: Zeroizing<String> = Zeroizing::new(byte_serialize(secret.as_bytes()).collect());
            for form in [secret, encoded.as_str()] {
                if text.contains(form) {
                    text = Zeroizing::new(text.replace(form, "***"));
                }
            }
        }
        *answer = Zeroizing::new(text.as_bytes().to_vec());
    }

    /// The body to send. It is wiped when the last reference to it goes.
    pub(crate) fn bytes(&self) -> Bytes {
        Bytes::from_owner(Zeroizing::new(self.text.as_bytes().to_vec()))
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
