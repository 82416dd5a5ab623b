//! A little KQL: a table, and behind it `where`, `project`, `take`, `count` and `summarize count() by`.

use chrono::{DateTime, TimeDelta, Utc};
use pocketsoc_model::parse_timestamp;
use serde_json::{Value as Json, json};

/// A table, or what a query makes of it.
pub(super) struct Table {
    /// Names and kinds.
    pub(super) columns: Vec<(String, &'static str)>,
    pub(super) rows: Vec<Vec<Json>>,
}

/// A literal, as it is compared.
enum Literal {
    Text(String),
    Number(f64),
    Time(DateTime<Utc>),
}

/// Runs a query; what is wrong with it otherwise.
pub(super) fn run(
    query: &str,
    now: DateTime<Utc>,
    table: impl Fn(&str) -> Option<Table>,
) -> Result<Table, String> {
    let tokens = tokens(query)?;
    let mut stages = tokens.split(|token| token == "|");
    let [name] = stages.next().unwrap_or_default() else {
        return Err("Query is invalid: a table is expected.".into());
    };
    let mut found = table(name).ok_or_else(|| {
        format!("'where' operator: Failed to resolve table or column expression named '{name}'")
    })?;
    for stage in stages {
        let Some((operator, rest)) = stage.split_first() else {
            return Err("Query is invalid: an operator is expected.".into());
        };
        match operator.as_str() {
            "where" => {
                for condition in rest.split(|token| token == "and") {
                    found.keep(condition, now)?;
                }
            }
            "project" => found.project(&names(rest))?,
            "take" | "limit" => {
                let count = rest.first().and_then(|count| count.parse().ok());
                found.rows.truncate(count.ok_or("take: a number is expected.")?);
            }
            "count" => {
                let rows = found.rows.len();
                found = Table { columns: vec![("Count".into(), "Int64")], rows: vec![vec![json!(rows)]] };
            }
            "summarize" => {
                let by = rest
                    .iter()
                    .position(|token| token == "by")
                    .ok_or("summarize: only count() by is known.")?;
                found.project(&names(&rest[by + 1..]))?;
                found.count_alike();
            }
            other => return Err(format!("Query could not be parsed at '{other}'.")),
        }
    }
    Ok(found)
}

impl Table {
    fn place(&self, name: &str) -> Result<usize, String> {
        let place = self.columns.iter().position(|(known, _)| known == name);
        place.ok_or_else(|| format!("Failed to resolve scalar expression named '{name}'"))
    }

    /// Keeps the rows for which a comparison holds.
    fn keep(&mut self, condition: &[String], now: DateTime<Utc>) -> Result<(), String> {
        let [name, operator, operand @ ..] = condition else {
            return Err("where: a comparison is expected.".into());
        };
        let (place, literal) = (self.place(name)?, literal(operand, now)?);
        let known = ["==", "=~", "!=", "contains", "has", "startswith", ">", ">=", "<", "<="];
        if !known.contains(&operator.as_str()) {
            return Err(format!("Query could not be parsed at '{operator}'."));
        }
        self.rows.retain(|row| holds(&row[place], operator, &literal));
        Ok(())
    }

    fn project(&mut self, names: &[String]) -> Result<(), String> {
        let places: Vec<usize> = names.iter().map(|name| self.place(name)).collect::<Result<_, _>>()?;
        self.columns = places.iter().map(|place| self.columns[*place].clone()).collect();
        for row in &mut self.rows {
            *row = places.iter().map(|place| row[*place].clone()).collect();
        }
        Ok(())
    }

    /// One row for those that are alike, and how many there were.
    fn count_alike(&mut self) {
        let mut counted: Vec<(Vec<Json>, usize)> = Vec::new();
        for row in self.rows.drain(..) {
            match counted.iter_mut().find(|(known, _)| *known == row) {
                Some((_, count)) => *count += 1,
                None => counted.push((row, 1)),
            }
        }
        self.columns.push(("count_".into(), "Int64"));
        self.rows = counted.into_iter().map(|(row, count)| [row, vec![json!(count)]].concat()).collect();
    }
}

fn names(tokens: &[String]) -> Vec<String> {
    tokens.iter().filter(|token| *token != ",").cloned().collect()
}

fn holds(value: &Json, operator: &str, literal: &Literal) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let own = value.as_str().unwrap_or_default();
    let order = match literal {
        Literal::Number(number) => value.as_f64().and_then(|own| own.partial_cmp(number)),
        Literal::Time(at) => parse_timestamp(own).ok().map(|own| own.cmp(at)),
        Literal::Text(text) => {
            let (lower, wanted) = (own.to_ascii_lowercase(), text.to_ascii_lowercase());
            match operator {
                "contains" | "has" => return lower.contains(&wanted),
                "startswith" => return lower.starts_with(&wanted),
                "=~" => return lower == wanted,
                _ => Some(own.cmp(text.as_str())),
            }
        }
    };
    match operator {
        "==" => order == Some(Equal),
        "!=" => order != Some(Equal),
        ">" => order == Some(Greater),
        ">=" => matches!(order, Some(Greater | Equal)),
        "<" => order == Some(Less),
        "<=" => matches!(order, Some(Less | Equal)),
        _ => false,
    }
}

fn literal(operand: &[String], now: DateTime<Utc>) -> Result<Literal, String> {
    let wrong = || format!("Query could not be parsed at '{}'.", operand.join(""));
    match operand {
        [text] if text.starts_with(['\'', '"']) => Ok(Literal::Text(text[1..].to_owned())),
        [number] => number.parse().map(Literal::Number).map_err(|_| wrong()),
        [function, open, argument @ .., close] if open == "(" && close == ")" => {
            let argument = argument.concat();
            match function.as_str() {
                "datetime" => parse_timestamp(&argument).map(Literal::Time).map_err(|_| wrong()),
                "ago" => {
                    let (count, unit) = argument.split_at(argument.len().saturating_sub(1));
                    let count: i64 = count.parse().map_err(|_| wrong())?;
                    let back = match unit {
                        "d" => TimeDelta::days(count),
                        "h" => TimeDelta::hours(count),
                        "m" => TimeDelta::minutes(count),
                        _ => return Err(wrong()),
                    };
                    Ok(Literal::Time(now - back))
                }
                _ => Err(wrong()),
            }
        }
        _ => Err(wrong()),
    }
}

/// Words, signs, and texts: those begin with their quote, and have lost the closing one.
fn tokens(query: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut rest = query.trim().trim_end_matches(';');
    while let Some(c) = rest.chars().next() {
        let length = if c.is_whitespace() {
            rest = &rest[c.len_utf8()..];
            continue;
        } else if rest.starts_with("//") {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
            continue;
        } else if c == '\'' || c == '"' {
            let end = rest[1..].find(c).ok_or("Query could not be parsed: a text does not end.")?;
            tokens.push(rest[..=end].to_owned());
            rest = &rest[end + 2..];
            continue;
        } else if ["==", "=~", "!=", ">=", "<="].iter().any(|sign| rest.starts_with(sign)) {
            2
        } else if c.is_alphanumeric() || c == '_' {
            rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | ':')))
                .unwrap_or(rest.len())
        } else {
            c.len_utf8()
        };
        tokens.push(rest[..length].to_owned());
        rest = &rest[length..];
    }
    Ok(tokens)
}
