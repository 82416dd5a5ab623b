//! A `$filter` parser of the tenant's own: it reads the wire's text, not what the clients meant.

use chrono::{DateTime, Utc};
use pocketsoc_model::parse_timestamp;

/// The value of a field, or a literal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Text(String),
    Number(f64),
    Flag(bool),
    Time(DateTime<Utc>),
    List(Vec<String>),
}

/// A parsed filter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    Compare(String, Operator, Value),
    StartsWith(String, String),
    /// A list that has this text.
    Has(String, String),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// A sentence on what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
        let filter = parser.any()?;
        match parser.peek() {
            None => Ok(filter),
            Some(token) => Err(format!("syntax error at '{}'", token.text())),
        }
    }

    /// Every field that it names.
    pub(crate) fn fields(&self) -> Vec<&str> {
        match self {
            Self::Compare(field, ..) | Self::StartsWith(field, _) | Self::Has(field, _) => vec![field],
            Self::Not(inner) => inner.fields(),
            Self::And(a, b) | Self::Or(a, b) => [a.fields(), b.fields()].concat(),
        }
    }

    /// Whether a record passes.
    pub(crate) fn matches(&self, field: &dyn Fn(&str) -> Value) -> bool {
        match self {
            Self::Compare(name, operator, literal) => operator.holds(&field(name), literal),
            Self::StartsWith(name, prefix) => matches!(field(name), Value::Text(t) if t.starts_with(prefix)),
            Self::Has(name, text) => matches!(field(name), Value::List(all) if all.contains(text)),
            Self::Not(inner) => !inner.matches(field),
            Self::And(a, b) => a.matches(field) && b.matches(field),
            Self::Or(a, b) => a.matches(field) || b.matches(field),
        }
    }
}

impl Operator {
    fn holds(self, value: &Value, literal: &Value) -> bool {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let order = match (value, literal) {
            (Value::Null, Value::Null) => Some(Equal),
            (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
            (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
            (Value::Flag(a), Value::Flag(b)) => Some(a.cmp(b)),
            (Value::Time(a), Value::Time(b)) => Some(a.cmp(b)),
            _ => None,
        };
        match self {
            Self::Eq => order == Some(Equal),
            Self::Ne => order != Some(Equal),
            Self::Gt => order == Some(Greater),
            Self::Ge => matches!(order, Some(Greater | Equal)),
            Self::Lt => order == Some(Less),
            Self::Le => matches!(order, Some(Less | Equal)),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Open,
    Close,
    Comma,
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Text(text) => text,
            Self::Open => "(",
            Self::Close => ")",
            Self::Comma => ",",
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&c) = chars.peek() {
        match c {
            ' ' => {
                chars.next();
            }
            '(' | ')' | ',' => {
                chars.next();
                tokens.push(match c {
                    '(' => Token::Open,
                    ')' => Token::Close,
                    _ => Token::Comma,
                });
            }
            '\'' => {
                chars.next();
                let mut literal = String::new();
                loop {
                    match chars.next() {
                        Some('\'') if chars.peek() == Some(&'\'') => {
                            chars.next();
                            literal.push('\'');
                        }
                        Some('\'') => break,
                        Some(c) => literal.push(c),
                        None => return Err("an unterminated literal".into()),
                    }
                }
                tokens.push(Token::Text(literal));
            }
            _ => {
                let mut word = String::new();
                while let Some(&c) = chars.peek().filter(|c| !" (),'".contains(**c)) {
                    word.push(c);
                    chars.next();
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Result<Token, String> {
        let token = self.tokens.get(self.at).cloned().ok_or("the filter ends too early")?;
        self.at += 1;
        Ok(token)
    }

    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(w)) if w == word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, token: &Token) -> Result<(), String> {
        let found = self.next()?;
        if found == *token {
            Ok(())
        } else {
            Err(format!("'{}' was expected at '{}'", token.text(), found.text()))
        }
    }

    fn any(&mut self) -> Result<Filter, String> {
        let mut left = self.all()?;
        while self.word("or") {
            left = Filter::Or(Box::new(left), Box::new(self.all()?));
        }
        Ok(left)
    }

    fn all(&mut self) -> Result<Filter, String> {
        let mut left = self.one()?;
        while self.word("and") {
            left = Filter::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > 100 {
            return Err("the filter is too deep".into());
        }
        let filter = self.term()?;
        self.depth -= 1;
        Ok(filter)
    }

    fn term(&mut self) -> Result<Filter, String> {
        if self.word("not") {
            return Ok(Filter::Not(Box::new(self.one()?)));
        }
        match self.next()? {
            Token::Open => {
                let inner = self.any()?;
                self.expect(&Token::Close)?;
                Ok(inner)
            }
            Token::Word(word) if word == "startswith" => {
                self.expect(&Token::Open)?;
                let field = self.next()?.text().to_owned();
                self.expect(&Token::Comma)?;
                let Token::Text(prefix) = self.next()? else { return Err("a text was expected".into()) };
                self.expect(&Token::Close)?;
                Ok(Filter::StartsWith(field, prefix))
            }
            // `list/any(one: one eq 'text')`
            Token::Word(word) if word.ends_with("/any") => {
                self.expect(&Token::Open)?;
                let name = self.next()?.text().trim_end_matches(':').to_owned();
                self.expect(&Token::Word(name))?;
                self.expect(&Token::Word("eq".into()))?;
                let Token::Text(text) = self.next()? else { return Err("a text was expected".into()) };
                self.expect(&Token::Close)?;
                Ok(Filter::Has(word.trim_end_matches("/any").to_owned(), text))
            }
            Token::Word(field) => {
                let operator = match self.next()?.text() {
                    "eq" => Operator::Eq,
                    "ne" => Operator::Ne,
                    "gt" => Operator::Gt,
                    "ge" => Operator::Ge,
                    "lt" => Operator::Lt,
                    "le" => Operator::Le,
                    other => return Err(format!("'{other}' is not an operator")),
                };
                Ok(Filter::Compare(field, operator, literal(self.next()?)?))
            }
            other => Err(format!("syntax error at '{}'", other.text())),
        }
    }
}

fn literal(token: Token) -> Result<Value, String> {
    match token {
        Token::Text(text) => Ok(Value::Text(text)),
        Token::Word(word) if word == "null" => Ok(Value::Null),
        Token::Word(word) if word == "true" || word == "false" => Ok(Value::Flag(word == "true")),
        Token::Word(word) => word
            .parse()
            .map(Value::Number)
            .or_else(|_| parse_timestamp(&word).map(Value::Time))
            .map_err(|_| format!("'{word}' is not a literal")),
        other => Err(format!("a literal was expected at '{}'", other.text())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(filter: &str) -> bool {
        let record = |name: &str| match name {
            "status" => Value::Text("New".into()),
            "owner" => Value::Text("o'hara".into()),
            "n" => Value::Number(7.0),
            "at" => Value::Time("2026-01-31T10:00:00.5Z".parse().unwrap()),
            _ => Value::Null,
        };
        Filter::parse(filter).unwrap().matches(&record)
    }

    #[test]
    fn it_reads_what_odata_allows() {
        for yes in [
            "status eq 'New'",
            "owner eq 'o''hara'",
            "n gt 6 and n le 7",
            "at ge 2026-01-31T10:00:00.5Z and at lt 2026-01-31T10:00:01Z",
            "(status eq 'x' or status eq 'New') and n ne 8",
            "status eq 'x' and n eq 7 or status eq 'New'",
            "not status eq 'x'",
            "startswith(owner,'o''')",
            "other eq null",
            "other ne 'High'",
        ] {
            assert!(passes(yes), "{yes}");
        }
        for no in ["status eq 'new'", "n gt 7", "status eq 'New' and (n eq 1 or n eq 2)", "other eq 'x'"] {
            assert!(!passes(no), "{no}");
        }
    }

    #[test]
    fn it_refuses_the_rest() {
        for bad in [
            "",
            "status",
            "status eq",
            "status is 'x'",
            "status eq 'x",
            "(n eq 1",
            "n eq 1)",
            "n eq x",
            "and",
            &"(".repeat(500),
        ] {
            assert!(Filter::parse(bad).is_err(), "{bad}");
        }
    }
}
