//! Lists: their options, their filters, the part that is asked for.

use serde_json::{Value as Json, json};

use super::refusal;
use crate::filter::{Filter, Value};
use crate::message::{Reply, Request};

pub(super) fn text(value: &Json) -> Value {
    value.as_str().map_or(Value::Null, |text| Value::Text(text.to_owned()))
}

pub(super) fn time(value: &Json) -> Value {
    let at = value.as_str().and_then(|text| pocketsoc_model::parse_timestamp(text).ok());
    at.map_or(Value::Null, Value::Time)
}

pub(super) fn texts(value: &Json) -> Value {
    let all = value.as_array().map_or(&[][..], Vec::as_slice);
    Value::List(all.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect())
}

pub(super) fn list(kind: &str, found: &[Json]) -> Reply {
    let context = format!("https://api.securitycenter.microsoft.com/api/$metadata#{kind}");
    Reply::json(200, json!({"@odata.context": context, "value": found}).to_string())
}

/// The part of a list that is asked for.
pub(super) fn page(
    request: &Request,
    all: Vec<Json>,
    known: &[&str],
    field: impl Fn(&Json, &str) -> Value,
) -> Result<Vec<Json>, Reply> {
    let odata = |message: &str| refusal(400, "ODataError", message);
    if let Some(name) = request
        .options()
        .find(|name| name.starts_with('$') && !["$filter", "$top", "$skip"].contains(&name.as_str()))
    {
        return Err(odata(&format!("The query parameter '{name}' is not supported.")));
    }
    let number = |name: &str| match request.option(name) {
        None => Ok(None),
        Some(text) => {
            text.parse::<usize>().map(Some).map_err(|_| odata(&format!("Invalid value for {name}.")))
        }
    };
    let (top, skip) = (number("$top")?.unwrap_or(10_000), number("$skip")?.unwrap_or(0));
    if top > 10_000 {
        return Err(odata("The limit of '10000' for Top query has been exceeded."));
    }
    let filter = match request.option("$filter") {
        None => None,
        Some(text) => Some(Filter::parse(&text).map_err(|what| odata(&what))?),
    };
    if let Some(stranger) = filter.iter().flat_map(Filter::fields).find(|name| !known.contains(name)) {
        return Err(odata(&format!("Property '{stranger}' cannot be filtered by.")));
    }
    let fits = |one: &Json| filter.as_ref().is_none_or(|filter| filter.matches(&|name| field(one, name)));
    Ok(all.into_iter().filter(fits).skip(skip).take(top).collect())
}
