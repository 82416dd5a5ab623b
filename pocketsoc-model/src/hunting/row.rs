//! A row of a hunt: the service's own JSON, typed by the answer's schema where it is asked.

use std::fmt;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{Error, ErrorKind, RawJson, Result, mended, open_enum, parse_timestamp};

open_enum! {
    /// What a column holds.
    #[allow(missing_docs)] // the engine's own words
    pub enum HuntColumnKind {
        DateTime = "DateTime",
        String = "String",
        Int32 = "Int32" | "int",
        Int64 = "Int64" | "long",
        /// Yes or no.
        SByte = "SByte" | "Boolean" | "bool",
        Double = "Double" | "real",
        Decimal = "Decimal" | "SqlDecimal",
        Guid = "Guid",
        /// An object or a list; it comes as a text.
        Object = "Object" | "dynamic",
        TimeSpan = "TimeSpan",
    }
}

/// A column of a hunt's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HuntColumn {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: HuntColumnKind,
}

impl HuntColumn {
    /// A column.
    pub fn new(name: impl Into<String>, kind: HuntColumnKind) -> Self {
        Self { name: name.into(), kind }
    }
}

/// What a row has in a column, by the column's kind.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum HuntValue {
    /// Nothing.
    Null,
    /// A text, a GUID, or what its column does not promise.
    Text(String),
    /// A moment. The text itself, with all its digits, is [`HuntRow::text`].
    Time(DateTime<Utc>),
    /// A whole number.
    Integer(i64),
    /// Another number.
    Real(f64),
    /// Yes or no.
    Flag(bool),
    /// An object or a list.
    Json(Value),
}

/// A row of a hunt. Cheap to pass on: it is the service's own JSON until somebody looks into it.
///
/// ```
/// use std::sync::Arc;
/// use pocketsoc_model::{HuntColumn, HuntColumnKind, HuntRow, HuntValue, RawJson};
///
/// #[derive(serde::Deserialize)]
/// #[serde(rename_all = "PascalCase")]
/// struct Logon {
///     account_name: String,
///     #[serde(deserialize_with = "pocketsoc_model::flag_column")]
///     is_local_admin: Option<bool>,
/// }
///
/// let columns = [HuntColumn::new("AccountName", HuntColumnKind::String), HuntColumn::new("IsLocalAdmin", HuntColumnKind::SByte)];
/// let row = HuntRow::new(RawJson::new(r#"{"AccountName":"kim","IsLocalAdmin":1}"#), Arc::new(columns));
/// assert_eq!(row.get("IsLocalAdmin"), Some(HuntValue::Flag(true)));
/// let logon: Logon = row.deserialize()?;
/// assert_eq!((logon.account_name.as_str(), logon.is_local_admin), ("kim", Some(true)));
/// # Ok::<(), pocketsoc_model::Error>(())
/// ```
#[derive(Clone)]
pub struct HuntRow {
    raw: RawJson,
    columns: Arc<[HuntColumn]>,
    fields: OnceLock<Map<String, Value>>,
}

impl HuntRow {
    /// A row as the service gave it, with the answer's columns.
    pub fn new(raw: RawJson, columns: Arc<[HuntColumn]>) -> Self {
        Self { raw, columns, fields: OnceLock::new() }
    }

    /// Its JSON as it came, byte for byte.
    pub fn raw(&self) -> &RawJson {
        &self.raw
    }

    /// The columns of the answer it came in.
    pub fn columns(&self) -> &[HuntColumn] {
        &self.columns
    }

    /// The names of what it has, whatever the schema says.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields().keys().map(String::as_str)
    }

    /// What it has in a column, typed by the schema; without a schema, by its JSON. `None` without such a column.
    pub fn get(&self, column: &str) -> Option<HuntValue> {
        let value = self.fields().get(column)?;
        let kind = self.columns.iter().find(|known| known.name == column).map(|known| &known.kind);
        Some(typed(value, kind))
    }

    /// The text that it has in a column, to the last digit: of a time as well.
    pub fn text(&self, column: &str) -> Option<&str> {
        self.fields().get(column)?.as_str()
    }

    /// The row as a struct of yours, its fields named as the columns.
    ///
    /// Flags come as numbers and objects as texts: see [`flag_column`] and [`json_column`].
    ///
    /// # Errors
    /// `Decode` when it has not the shape.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T> {
        let text = self.raw.as_str();
        let read = serde_json::from_str(text).or_else(|error| match mended(text) {
            Some(text) => serde_json::from_str(&text),
            None => Err(error),
        });
        read.map_err(|error| {
            // A parser's other words quote what is in the row.
            let text = error.to_string();
            let missing = text.starts_with("missing field");
            let why =
                if missing { text.split(" at line").next().unwrap_or_default() } else { "another type" };
            Error::new(ErrorKind::Decode, "read a hunting row")
                .with_message(format!("the row has another shape ({why}, column {})", error.column()))
                .with_hint("name the struct's fields as the columns; flags come as numbers, objects as texts")
        })
    }

    fn fields(&self) -> &Map<String, Value> {
        self.fields.get_or_init(|| {
            let text = self.raw.as_str();
            // Command lines are cut in the middle of a character.
            let again = |_| mended(text).and_then(|text| serde_json::from_str(&text).ok()).ok_or(());
            serde_json::from_str(text).or_else(again).unwrap_or_default()
        })
    }
}

fn typed(value: &Value, kind: Option<&HuntColumnKind>) -> HuntValue {
    use HuntColumnKind as Kind;
    let by_kind = match (kind, value) {
        (_, Value::Null) => Some(HuntValue::Null),
        (Some(Kind::DateTime), Value::String(text)) => parse_timestamp(text).ok().map(HuntValue::Time),
        (Some(Kind::SByte), Value::Number(number)) => number.as_i64().map(|n| HuntValue::Flag(n != 0)),
        (Some(Kind::Int32 | Kind::Int64), Value::String(text)) => text.parse().ok().map(HuntValue::Integer),
        (Some(Kind::Double | Kind::Decimal), Value::String(text)) => text.parse().ok().map(HuntValue::Real),
        (Some(Kind::Double | Kind::Decimal), Value::Number(number)) => number.as_f64().map(HuntValue::Real),
        (Some(Kind::Object), Value::String(text)) => serde_json::from_str(text).ok().map(HuntValue::Json),
        _ => None,
    };
    by_kind.unwrap_or_else(|| match value {
        Value::Null => HuntValue::Null,
        Value::Bool(flag) => HuntValue::Flag(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(number) => HuntValue::Integer(number),
            None => HuntValue::Real(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => HuntValue::Text(text.clone()),
        Value::Array(_) | Value::Object(_) => HuntValue::Json(value.clone()),
    })
}

/// Reads a flag, which comes as a number: for `#[serde(deserialize_with)]`.
///
/// # Errors
/// When it is neither a flag nor a number.
pub fn flag_column<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<bool>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(flag)),
        Value::Number(number) => Ok(Some(number.as_f64() != Some(0.0))),
        _ => Err(D::Error::custom("a flag was expected")),
    }
}

/// Reads an object or a list, which comes as a text: for `#[serde(deserialize_with)]`.
///
/// # Errors
/// When the text is not JSON of that shape.
pub fn json_column<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<T>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => serde_json::from_str(&text).map(Some).map_err(D::Error::custom),
        value => serde_json::from_value(value).map(Some).map_err(D::Error::custom),
    }
}

impl Serialize for HuntRow {
    /// As the service gave it.
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

impl fmt::Display for HuntValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Time(at) => f.write_str(&at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
            Self::Integer(number) => number.fmt(f),
            Self::Real(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Json(value) => value.fmt(f),
        }
    }
}

impl fmt::Debug for HuntRow {
    /// Without what is in it: names and addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HuntRow")
            .field("raw", &self.raw)
            .field("columns", &self.columns.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_typed_by_the_schema_and_never_lost() {
        use HuntColumnKind as Kind;
        let cases = [
            (Kind::DateTime, r#""2026-09-21T13:00:00.1234567Z""#, "2026-09-21T13:00:00.123456700Z"),
            (Kind::DateTime, r#""soon""#, "soon"),
            (Kind::SByte, "1", "true"),
            (Kind::SByte, "false", "false"),
            (Kind::Int64, "9223372036854775807", "9223372036854775807"),
            (Kind::Int64, r#""12""#, "12"),
            (Kind::Double, "2", "2"),
            (Kind::Object, r#""{\"a\":[1]}""#, r#"{"a":[1]}"#),
            (Kind::Object, r#""plain""#, "plain"),
            (Kind::Object, r#"{"a":1}"#, r#"{"a":1}"#),
            (Kind::from("Vector"), "null", ""),
            (Kind::Guid, r#""c0ffee00-1234-4321-8888-5ec0dedeed01""#, "c0ffee00-1234-4321-8888-5ec0dedeed01"),
        ];
        for (kind, json, shown) in cases {
            let columns = Arc::new([HuntColumn::new("C", kind.clone())]);
            let row = HuntRow::new(RawJson::new(format!("{{\"C\":{json}}}")), columns);
            assert_eq!(row.get("C").unwrap().to_string(), shown, "{kind:?} {json}");
            assert_eq!(row.get("D"), None);
        }
    }

    #[test]
    fn a_text_cut_in_the_middle_of_a_character_hides_no_column() {
        #[derive(Deserialize)]
        struct Row {
            #[serde(rename = "A")]
            a: String,
            #[serde(rename = "B")]
            b: i64,
        }
        let row = HuntRow::new(RawJson::new(r#"{"A":"x \ud83d","B":5}"#), Arc::new([]));
        assert_eq!((row.text("A"), row.get("B")), (Some("x \u{fffd}"), Some(HuntValue::Integer(5))));
        let read: Row = row.deserialize().unwrap();
        assert_eq!((read.a.as_str(), read.b), ("x \u{fffd}", 5));
        assert!(row.raw().as_str().contains("ud83d"), "as it came");
    }

    #[test]
    fn a_row_becomes_a_struct_and_says_how_if_it_cannot() {
        #[derive(Deserialize)]
        struct Row {
            #[serde(rename = "Extra", deserialize_with = "json_column")]
            extra: Option<Map<String, Value>>,
        }
        let row = |json: &str| HuntRow::new(RawJson::new(json), Arc::new([]));
        let read: Row = row(r#"{"Extra":"{\"user\":\"kim\"}"}"#).deserialize().unwrap();
        assert_eq!(read.extra.unwrap()["user"], "kim");
        let error = row(r#"{"Extra":"kim"}"#).deserialize::<Row>().map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(!format!("{error}").contains("kim"));
        assert_eq!(
            row(r#"{"T":"2026-09-21T13:00:00.1234567Z"}"#).text("T"),
            Some("2026-09-21T13:00:00.1234567Z")
        );
    }
}
