//! Whether a native type reads all of what a service sends: for tests of clients.

use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The members of an element, however deep, that make no difference to what a type reads: they have no field. Members
/// that are null or empty and `@odata` annotations say nothing and are passed over; elements that differ from their
/// neighbours in nothing are all named.
///
/// ```
/// # use serde::Deserialize;
/// #[derive(Debug, Deserialize)]
/// struct Alert {
///     id: String,
/// }
/// let element = serde_json::json!({"id": "a", "title": "t", "none": null});
/// assert_eq!(pocketsoc_testkit::members_without_a_field::<Alert>(&element), ["/title"]);
/// ```
///
/// # Panics
/// When the element cannot be read as the type at all.
#[allow(clippy::panic)] // it is a test that asks
pub fn members_without_a_field<T: DeserializeOwned + Debug>(element: &Value) -> Vec<String> {
    let read = |json: &Value| serde_json::from_value::<T>(json.clone()).map(|own| format!("{own:?}"));
    let whole = match read(element) {
        Ok(whole) => whole,
        Err(error) => panic!("{error}: {element}"),
    };
    let mut all = Vec::new();
    places(element, "", &mut all);
    all.retain(|place| read(&without(element, place)).is_ok_and(|rest| rest == whole));
    all
}

/// The places of all members that say something.
fn places(json: &Value, at: &str, all: &mut Vec<String>) {
    let members: Vec<(String, &Value)> = match json {
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        Value::Array(elements) => elements.iter().enumerate().map(|(n, one)| (n.to_string(), one)).collect(),
        _ => return,
    };
    for (name, value) in members {
        let says_nothing = match value {
            Value::Null => true,
            Value::Array(all) => all.is_empty(),
            Value::Object(all) => all.is_empty(),
            _ => false,
        };
        if !name.starts_with('@') && !says_nothing {
            let place = format!("{at}/{name}");
            places(value, &place, all);
            all.push(place);
        }
    }
}

/// The same without what stands at a place.
fn without(json: &Value, place: &str) -> Value {
    let mut json = json.clone();
    let (parent, name) = place.rsplit_once('/').unwrap_or_default();
    match json.pointer_mut(parent) {
        Some(Value::Object(members)) => drop(members.remove(&name.replace("~1", "/").replace("~0", "~"))),
        Some(Value::Array(elements)) => {
            if let Ok(at) = name.parse() {
                let _: Value = elements.remove(at);
            }
        }
        _ => {}
    }
    json
}
