//! The entities of an alert: an open graph of objects, in which `$ref` stands for the object with that `$id`.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use pocketsoc_model::{Error, ErrorKind, Result};
use pocketsoc_transport::lenient::Name;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// So many references in a row lead nowhere.
const HOPS: usize = 16;

/// The entities of an alert. References are followed when asked; circles among them do no harm.
///
/// ```
/// use defender_cloud_client::Alert;
/// let alert = Alert::from_json(r#"{"id": "/subscriptions/s/providers/Microsoft.Security/locations/l/alerts/a",
///     "properties": {"entities": [
///         {"$id": "1", "type": "host", "hostName": "web-1"},
///         {"$id": "2", "type": "account", "name": "ada", "host": {"$ref": "1"}}]}}"#)?;
/// let entities = alert.properties.entities()?;
/// let account = entities.iter().nth(1).unwrap();
/// assert_eq!(account.entity("host").unwrap().text("hostName"), Some("web-1"));
/// # Ok::<(), defender_cloud_client::Error>(())
/// ```
pub struct AlertEntities<'a> {
    pool: Pool<'a>,
    listed: Vec<usize>,
}

/// One entity; several may stand for the same object.
#[derive(Clone, Copy)]
pub struct AlertEntity<'a> {
    all: &'a AlertEntities<'a>,
    index: usize,
}

/// All objects, wherever they stand, and their fields.
struct Pool<'a> {
    objects: Vec<Object<'a>>,
    fields: Vec<(Cow<'a, str>, Value<'a>)>,
    /// The fields of objects that are not complete yet.
    open: Vec<(Cow<'a, str>, Value<'a>)>,
    refers: bool,
}

/// An object: its own id, the id that it stands for and where that leads, what it is, and its fields (that among them),
/// in the order of the service.
#[derive(Default)]
struct Object<'a> {
    id: Option<Cow<'a, str>>,
    reference: Option<Cow<'a, str>>,
    leads_to: Option<usize>,
    kind: Option<Cow<'a, str>>,
    fields: Range<usize>,
}

pub(crate) enum Value<'a> {
    Text(Cow<'a, str>),
    Object(usize),
    List(Vec<Self>),
    Null,
}

impl Pool<'_> {
    /// Finds for each reference the object that it stands for, over other references where need be.
    fn follow_references(&mut self) {
        let objects = &self.objects;
        let mut by_id = Vec::with_capacity(objects.len());
        by_id.extend((0..objects.len()).filter(|index| objects[*index].id.is_some()));
        // Stable: of several with one id, the last stands last.
        by_id.sort_by(|a: &usize, b: &usize| objects[*a].id.cmp(&objects[*b].id));
        let named = |wanted: &str| {
            let id = |at: &usize| objects[*at].id.as_deref().unwrap_or_default();
            let behind = by_id.partition_point(|at| id(at) <= wanted);
            by_id[..behind].last().copied().filter(|at| id(at) == wanted)
        };
        let end_of = |mut index: usize| {
            for _ in 0..HOPS {
                let Some(wanted) = objects[index].reference.as_deref() else { return Some(index) };
                index = named(wanted)?;
            }
            None
        };
        let refers = |index: &usize| objects[*index].reference.is_some();
        let ends: Vec<_> = (0..objects.len()).filter(refers).map(|index| (index, end_of(index))).collect();
        for (index, end) in ends {
            self.objects[index].leads_to = end;
        }
    }
}

impl<'a> AlertEntities<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self> {
        // An alert's entities are a dozen objects with a few fields each.
        let objects = (text.len() / 96).min(32);
        let mut pool = Pool {
            objects: Vec::with_capacity(objects),
            fields: Vec::with_capacity(objects * 4),
            open: Vec::with_capacity(16),
            refers: false,
        };
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let list = Reading(&mut pool).deserialize(&mut deserializer).map_err(|e| {
            Error::new(ErrorKind::Decode, "read the alert's entities")
                .with_message("they are no list of objects")
                .with_source(e)
        })?;
        let listed = match list {
            Value::List(values) => values.iter().filter_map(Value::object).collect(),
            one => one.object().into_iter().collect(),
        };
        if pool.refers {
            pool.follow_references();
        }
        Ok(Self { pool, listed })
    }

    /// Each listed entity once, in the order of the service; references to nothing are left out, see
    /// [`dangling`](Self::dangling).
    pub fn iter(&self) -> impl Iterator<Item = AlertEntity<'_>> {
        let mut given = vec![false; self.pool.objects.len()];
        self.listed
            .iter()
            .filter_map(|index| self.resolve(*index))
            .filter(move |index| !std::mem::replace(&mut given[*index], true))
            .map(|index| AlertEntity { all: self, index })
    }

    /// Every object that is more than a reference, listed or within another.
    pub(crate) fn all(&self) -> impl Iterator<Item = AlertEntity<'_>> {
        let objects =
            (0..self.pool.objects.len()).filter(|index| self.pool.objects[*index].reference.is_none());
        objects.map(|index| AlertEntity { all: self, index })
    }

    /// What listed references name and the alert does not hold, each once: the service numbers the objects of a page, not
    /// of an alert.
    pub fn dangling(&self) -> impl Iterator<Item = &str> {
        let mut told = std::collections::HashSet::new();
        self.listed
            .iter()
            .filter(|index| self.resolve(**index).is_none())
            .filter_map(|index| self.pool.objects[*index].reference.as_deref())
            .filter(move |reference| told.insert(*reference))
    }

    /// The object that an object stands for: itself, or where its reference leads.
    fn resolve(&self, index: usize) -> Option<usize> {
        let object = &self.pool.objects[index];
        if object.reference.is_some() { object.leads_to } else { Some(index) }
    }
}

impl<'a> AlertEntity<'a> {
    /// The service's word for what it is, such as `host`; empty when it has none.
    pub fn kind(self) -> &'a str {
        self.all.pool.objects[self.index].kind.as_deref().unwrap_or_default()
    }

    /// A text, number or flag of it as text, by the service's name, letter case ignored.
    pub fn text(self, name: &str) -> Option<&'a str> {
        self.value(name)?.text().filter(|text| !text.is_empty())
    }

    /// The texts of a list of it.
    pub fn texts(self, name: &str) -> impl Iterator<Item = &'a str> {
        self.value(name).into_iter().flat_map(Value::items).filter_map(Value::text)
    }

    /// An entity that it names.
    pub fn entity(self, name: &str) -> Option<Self> {
        self.at(self.value(name)?.object()?)
    }

    /// The entities of a list of it.
    pub fn entities(self, name: &str) -> impl Iterator<Item = Self> {
        self.value(name).into_iter().flat_map(move |value| self.entities_of(value))
    }

    /// Its names and, where they have one, their texts.
    pub fn fields(self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        self.values().map(|(name, value)| (name, value.text()))
    }

    /// Whether it and the other are one object.
    pub fn is(self, other: Self) -> bool {
        self.index == other.index
    }

    /// A number that tells it from the other objects of the alert.
    pub(crate) fn number(self) -> usize {
        self.index
    }

    /// Its names and values.
    pub(crate) fn values(self) -> impl Iterator<Item = (&'a str, &'a Value<'a>)> {
        let pool = &self.all.pool;
        pool.fields[pool.objects[self.index].fields.clone()]
            .iter()
            .map(|(name, value)| (name.as_ref(), value))
    }

    /// The entities that a value of it names.
    pub(crate) fn entities_of(self, value: &'a Value<'a>) -> impl Iterator<Item = Self> {
        value.items().filter_map(move |item| self.at(item.object()?))
    }

    /// What a value of it refers to and the alert does not hold.
    pub(crate) fn nowhere(self, value: &'a Value<'a>) -> impl Iterator<Item = &'a str> {
        let objects =
            value.items().filter_map(Value::object).filter(move |index| self.all.resolve(*index).is_none());
        objects.filter_map(move |index| self.all.pool.objects[index].reference.as_deref())
    }

    fn at(self, index: usize) -> Option<Self> {
        Some(Self { all: self.all, index: self.all.resolve(index)? })
    }

    fn value(self, name: &str) -> Option<&'a Value<'a>> {
        self.values().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl Value<'_> {
    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    fn object(&self) -> Option<usize> {
        if let Self::Object(index) = self { Some(*index) } else { None }
    }

    /// The values of a list, or the one value.
    pub(crate) fn items(&self) -> impl Iterator<Item = &Self> {
        if let Self::List(values) = self { values.iter() } else { std::slice::from_ref(self).iter() }
    }
}

impl fmt::Debug for AlertEntities<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Debug for AlertEntity<'_> {
    /// Its kind only: the rest are names and addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertEntity").field("kind", &self.kind()).finish_non_exhaustive()
    }
}

/// Reads one value; objects go to the pool.
struct Reading<'p, 'a>(&'p mut Pool<'a>);

impl<'a> DeserializeSeed<'a> for Reading<'_, 'a> {
    type Value = Value<'a>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> std::result::Result<Value<'a>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Reading<'_, 'a> {
    type Value = Value<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_borrowed_str<E>(self, text: &'a str) -> std::result::Result<Value<'a>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> std::result::Result<Value<'a>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_i64<E>(self, value: i64) -> std::result::Result<Value<'a>, E> {
        Ok(Value::Text(value.to_string().into()))
    }
    fn visit_u64<E>(self, value: u64) -> std::result::Result<Value<'a>, E> {
        Ok(Value::Text(value.to_string().into()))
    }
    fn visit_f64<E>(self, value: f64) -> std::result::Result<Value<'a>, E> {
        Ok(Value::Text(value.to_string().into()))
    }
    fn visit_bool<E>(self, value: bool) -> std::result::Result<Value<'a>, E> {
        Ok(Value::Text(if value { "true" } else { "false" }.into()))
    }
    fn visit_unit<E>(self) -> std::result::Result<Value<'a>, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> std::result::Result<Value<'a>, A::Error> {
        let mut list = Vec::with_capacity(8);
        while let Some(value) = seq.next_element_seed(Reading(self.0))? {
            list.push(value);
        }
        Ok(Value::List(list))
    }
    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> std::result::Result<Value<'a>, A::Error> {
        let pool = self.0;
        // Its place first, so that objects stand in the order in which they begin.
        let (index, begin) = (pool.objects.len(), pool.open.len());
        pool.objects.push(Object::default());
        while let Some(Name(name)) = map.next_key::<Name<'a>>()? {
            match (map.next_value_seed(Reading(pool))?, name.as_ref()) {
                (Value::Text(id), "$id") => pool.objects[index].id = Some(id),
                (Value::Text(id), "$ref") => {
                    pool.objects[index].reference = Some(id);
                    pool.refers = true;
                }
                (value, word) => {
                    if let Value::Text(kind) = &value
                        && word.eq_ignore_ascii_case("type")
                    {
                        pool.objects[index].kind = Some(kind.clone());
                    }
                    pool.open.push((name, value));
                }
            }
        }
        let from = pool.fields.len();
        pool.fields.extend(pool.open.drain(begin..));
        pool.objects[index].fields = from..pool.fields.len();
        Ok(Value::Object(index))
    }
}

#[cfg(test)]
mod tests {
    use super::AlertEntities;

    fn names(text: &str) -> Vec<String> {
        let all = AlertEntities::read(text).unwrap();
        all.iter().map(|e| format!("{}:{}", e.kind(), e.text("name").unwrap_or("-"))).collect()
    }

    #[test]
    fn references_lead_to_the_object_wherever_it_stands_and_each_is_listed_once() {
        let text = r#"[{"$id":"a_1","type":"process","name":"p","imageFile":{"$id":"a_2","type":"file","name":"f"}},
            {"$ref":"a_2"},{"$ref":"a_1"},{"$ref":"a_3"},{"$id":"a_3","type":"ip","name":"late"},{"$ref":"gone"}]"#;
        assert_eq!(names(text), ["process:p", "file:f", "ip:late"]);
        let all = AlertEntities::read(text).unwrap();
        assert_eq!(all.dangling().collect::<Vec<_>>(), ["gone"]);
        assert_eq!(all.iter().next().unwrap().entity("ImageFile").unwrap().text("name"), Some("f"));
    }

    #[test]
    fn circles_and_double_ids_do_no_harm() {
        let text = r#"[{"$id":"1","type":"host","name":"old"},{"$id":"1","type":"host","name":"new","user":{"$ref":"2"}},
            {"$id":"2","type":"account","name":"u","host":{"$ref":"1"}},{"$id":"3","$ref":"4"},{"$id":"4","$ref":"3"},
            {"$id":"5","$ref":"5"}]"#;
        assert_eq!(names(text), ["host:old", "host:new", "account:u"]);
        let all = AlertEntities::read(text).unwrap();
        let mut here = all.iter().nth(1).unwrap();
        for _ in 0..100 {
            here = here.entity("user").unwrap().entity("host").unwrap();
        }
        assert_eq!(here.text("name"), Some("new"));
        assert_eq!(all.dangling().count(), 3);
    }

    #[test]
    fn ids_may_be_numbers_and_a_reference_to_nowhere_is_told_once() {
        let text = r#"[{"$id":1,"type":"host","name":"h"},{"type":"account","name":"u","host":{"$ref":1}},
            {"$ref":"w_7"},{"$ref":"w_7"}]"#;
        let all = AlertEntities::read(text).unwrap();
        let user = all.iter().nth(1).unwrap();
        assert_eq!(user.entity("host").unwrap().text("name"), Some("h"));
        assert_eq!(all.dangling().collect::<Vec<_>>(), ["w_7"]);
    }

    #[test]
    fn what_is_no_entity_is_passed_over_and_what_is_no_json_is_an_error() {
        assert_eq!(names(r#"[null,5,"x",[{"type":"ip"}],{},{"type":"ip","name":7}]"#), [":-", "ip:7"]);
        assert_eq!(names(r#"{"type":"ip","name":"alone"}"#), ["ip:alone"]);
        assert_eq!(names("null"), [""; 0]);
        assert!(AlertEntities::read("[{").is_err());
        assert!(AlertEntities::read(&"[".repeat(100_000)).is_err(), "depth is limited");
    }
}
