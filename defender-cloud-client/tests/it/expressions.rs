//! A reader of the expressions in templates for Azure Resource Manager: `[function('text', other()).member]`.

use serde_json::Value;

/// The functions that templates of ours may call.
pub(crate) const KNOWN: [&str; 7] = [
    "parameters",
    "resourceId",
    "subscriptionResourceId",
    "concat",
    "listCallbackUrl",
    "resourceGroup",
    "subscription",
];

/// A part of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    Text(String),
    Number(i64),
    Call(String, Vec<Self>),
    Member(Box<Self>, String),
    Index(Box<Self>, Box<Self>),
}

impl Expression {
    pub(crate) fn visit(&self, look: &mut dyn FnMut(&Self)) {
        look(self);
        match self {
            Self::Text(_) | Self::Number(_) => {}
            Self::Call(_, arguments) => arguments.iter().for_each(|one| one.visit(look)),
            Self::Member(of, _) => of.visit(look),
            Self::Index(of, at) => {
                of.visit(look);
                at.visit(look);
            }
        }
    }
}

/// All expressions of a template, wherever they stand; what cannot be read is an error with its text.
pub(crate) fn of(value: &Value) -> Result<Vec<Expression>, String> {
    match value {
        Value::String(text) => match text.strip_prefix('[') {
            Some(rest) if !rest.starts_with('[') => {
                let inner = rest.strip_suffix(']').ok_or_else(|| format!("{text}: no end"))?;
                read(inner).map(|one| vec![one]).map_err(|why| format!("{text}: {why}"))
            }
            _ => Ok(Vec::new()),
        },
        Value::Array(all) => all.iter().map(of).collect::<Result<Vec<_>, _>>().map(|all| all.concat()),
        Value::Object(members) => {
            members.values().map(of).collect::<Result<Vec<_>, _>>().map(|all| all.concat())
        }
        _ => Ok(Vec::new()),
    }
}

pub(crate) fn read(text: &str) -> Result<Expression, String> {
    let mut reader = Reader { rest: text };
    let expression = reader.expression()?;
    reader.space();
    if reader.rest.is_empty() { Ok(expression) } else { Err(format!("what is `{}`", reader.rest)) }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn takes(&mut self, sign: char) -> bool {
        self.space();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn name(&mut self) -> Result<String, String> {
        self.space();
        let end =
            self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        if name.is_empty() { Err(format!("a name was expected at `{}`", self.rest)) } else { Ok(name.into()) }
    }

    fn expression(&mut self) -> Result<Expression, String> {
        let mut out = self.first()?;
        loop {
            if self.takes('.') {
                out = Expression::Member(Box::new(out), self.name()?);
            } else if self.takes('[') {
                let at = self.expression()?;
                if !self.takes(']') {
                    return Err("a bracket is open".into());
                }
                out = Expression::Index(Box::new(out), Box::new(at));
            } else {
                return Ok(out);
            }
        }
    }

    fn first(&mut self) -> Result<Expression, String> {
        if self.takes('\'') {
            let mut text = String::new();
            loop {
                let end = self.rest.find('\'').ok_or("a text without an end")?;
                text.push_str(&self.rest[..end]);
                self.rest = &self.rest[end + 1..];
                // Two quotes are one of the text.
                match self.rest.strip_prefix('\'') {
                    Some(rest) => {
                        self.rest = rest;
                        text.push('\'');
                    }
                    None => return Ok(Expression::Text(text)),
                }
            }
        }
        self.space();
        if self.rest.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            let end =
                self.rest[1..].find(|c: char| !c.is_ascii_digit()).map_or(self.rest.len(), |end| end + 1);
            let number = self.rest[..end].parse().map_err(|_| "a number")?;
            self.rest = &self.rest[end..];
            return Ok(Expression::Number(number));
        }
        let name = self.name()?;
        if !self.takes('(') {
            return Err(format!("`{name}` is called without brackets"));
        }
        let mut arguments = Vec::new();
        if self.takes(')') {
            return Ok(Expression::Call(name, arguments));
        }
        loop {
            arguments.push(self.expression()?);
            if self.takes(')') {
                return Ok(Expression::Call(name, arguments));
            }
            if !self.takes(',') {
                return Err(format!("a comma was expected at `{}`", self.rest));
            }
        }
    }
}

/// A template that is deployed: where, and with which parameters.
pub(crate) struct Deployment {
    pub(crate) subscription: String,
    pub(crate) group: String,
    pub(crate) location: String,
    pub(crate) parameters: Value,
}

impl Deployment {
    /// A part of the template with every expression put out.
    pub(crate) fn whole(&self, part: &Value) -> Value {
        match part {
            Value::String(text) => match text.strip_prefix('[') {
                Some(rest) if !rest.starts_with('[') => {
                    self.value(&read(rest.strip_suffix(']').unwrap()).unwrap())
                }
                _ => part.clone(),
            },
            Value::Array(all) => all.iter().map(|one| self.whole(one)).collect(),
            Value::Object(members) => members
                .iter()
                .map(|(name, one)| (name.clone(), self.whole(one)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            _ => part.clone(),
        }
    }

    fn value(&self, expression: &Expression) -> Value {
        match expression {
            Expression::Text(text) => text.as_str().into(),
            Expression::Number(number) => (*number).into(),
            Expression::Member(of, name) => self.value(of)[name].clone(),
            Expression::Index(of, at) => self.value(of)[self.value(at).as_str().unwrap()].clone(),
            Expression::Call(name, arguments) => {
                let all: Vec<String> =
                    arguments.iter().map(|one| self.value(one).as_str().unwrap().to_owned()).collect();
                self.call(name, &all.iter().map(String::as_str).collect::<Vec<_>>())
            }
        }
    }

    fn call(&self, name: &str, arguments: &[&str]) -> Value {
        let Self { subscription, group, location, parameters } = self;
        match (name, arguments) {
            ("parameters", [name]) => self.whole(&parameters[*name]["defaultValue"]),
            ("resourceGroup", []) => serde_json::json!({"location": location}),
            ("subscription", []) => serde_json::json!({"id": format!("/subscriptions/{subscription}")}),
            ("concat", parts) => parts.concat().into(),
            ("resourceId", [kind, name]) => {
                format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}").into()
            }
            // A type of two parts takes two names.
            ("subscriptionResourceId", ["Microsoft.Web/locations/managedApis", first, second]) => format!(
                "/subscriptions/{subscription}/providers/Microsoft.Web/locations/{first}/managedApis/{second}"
            )
            .into(),
            ("listCallbackUrl", [of, "2016-06-01" | "2019-05-01"]) => {
                serde_json::json!({"value": format!("https://callback.example{of}")})
            }
            _ => panic!("{name}({arguments:?})"),
        }
    }
}

#[test]
fn expressions_are_read_as_azure_reads_them() {
    let text = |text: &str| Expression::Text(text.into());
    assert_eq!(
        read("concat(parameters('it''s'), '/x', a()['b'].c)").unwrap(),
        Expression::Call(
            "concat".into(),
            vec![
                Expression::Call("parameters".into(), vec![text("it's")]),
                text("/x"),
                Expression::Member(
                    Box::new(Expression::Index(
                        Box::new(Expression::Call("a".into(), vec![])),
                        Box::new(text("b"))
                    )),
                    "c".into()
                ),
            ]
        )
    );
    for bad in ["", "f(", "f('x)", "f('x' 'y')", "f()x", "f", "f(,)", "f().", "f()[1"] {
        assert!(read(bad).is_err(), "{bad}");
    }
    assert!(
        of(&serde_json::json!("[f(]")).is_err() && of(&serde_json::json!("[[plain]")).unwrap().is_empty()
    );
}
