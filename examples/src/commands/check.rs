//! `soc check`: can each profile sign in, what may it do, and what to fix.

use pocketsoc_model::{Capabilities, DetectionQuery, Error, ErrorKind};
use serde::Serialize;

use crate::args::Common;
use crate::failure::{Failure, Outcome, note};
use crate::output::{Output, Rows};
use crate::session::{Session, Source};

/// One source of a profile.
#[derive(Debug, Serialize)]
struct Checked {
    profile: String,
    product: String,
    signed_in: bool,
    can: Can,
    missing: Vec<String>,
    hint: Option<String>,
}

/// What may be done: yes, no, or nobody knows.
#[derive(Debug, Default, Serialize)]
struct Can {
    view: Option<bool>,
    triage: Option<bool>,
    classify: Option<bool>,
    assign: Option<bool>,
    comment: Option<bool>,
    machines: Option<bool>,
    isolate: Option<bool>,
    actions: Option<bool>,
    hunt: Option<bool>,
}

impl From<&Capabilities> for Can {
    fn from(can: &Capabilities) -> Self {
        let Capabilities {
            view, triage, classify, assign, comment, machines, isolate, actions, hunt, ..
        } = *can;
        Self { view, triage, classify, assign, comment, machines, isolate, actions, hunt }
    }
}

pub(crate) async fn run(common: &Common) -> Result<Outcome, Failure> {
    let session = Session::open(common).await?;
    let mut output = Output::new(common);
    let mut outcome = Outcome::Complete;
    let mut all = Vec::new();
    for refused in &session.refused {
        outcome = Outcome::WithFailures;
        refused.failure().report();
        all.extend(refused.products.iter().map(|product| Checked {
            profile: refused.profile.clone(),
            product: product.to_string(),
            signed_in: false,
            can: Can::default(),
            missing: Vec::new(),
            hint: refused.error.hint().map(str::to_owned),
        }));
    }
    for source in &session.sources {
        let (checked, error) = check(source).await;
        if let Some(error) = error {
            Failure::of(source.name(), &error).report();
        } else if let (Some(hint), false) = (&checked.hint, output.is_table()) {
            note(&format!(
                "profile \"{}\", {}: for what is missing, {hint}",
                checked.profile, checked.product
            ));
        }
        if !checked.signed_in {
            outcome = Outcome::WithFailures;
        }
        all.push(checked);
    }
    output.rows(&Table(&all))?;
    Ok(outcome)
}

/// Signs in, reads what is granted, and looks whether a detection can be seen. Nothing is changed.
async fn check(source: &Source) -> (Checked, Option<Error>) {
    let mut checked = Checked {
        profile: source.name().to_owned(),
        product: source.product().to_string(),
        signed_in: true,
        can: Can::default(),
        missing: Vec::new(),
        hint: None,
    };
    let can = match source.capabilities().await {
        Ok(can) => can,
        Err(error) => {
            checked.signed_in = !is_sign_in(&error);
            checked.hint = error.hint().map(str::to_owned);
            return (checked, Some(error));
        }
    };
    checked.can = Can::from(&can);
    checked.missing.clone_from(&can.missing);
    checked.hint.clone_from(&can.advice);
    let (seen, error) = look(source).await;
    if seen {
        checked.can.view = Some(true);
    } else if error.as_ref().is_some_and(|error| error.kind() == ErrorKind::PermissionDenied) {
        checked.can.view = Some(false);
    }
    // Of a list that is empty, the roles tell whether anything could be seen.
    let blind = (checked.can.view == Some(false) && error.is_none()).then(|| {
        let error = Error::new(ErrorKind::PermissionDenied, "view detections")
            .with_message(format!("it may not: {} is missing", checked.missing.join(", ")));
        can.advice.iter().fold(error, |error, advice| error.with_hint(advice.clone()))
    });
    let error = error.filter(|_| !seen).or(blind);
    if let Some(error) = &error {
        checked.signed_in = !is_sign_in(error);
        checked.hint = error.hint().map(str::to_owned).or(checked.hint);
    }
    (checked, error)
}

/// Reads until one detection has been seen; whether one was, and what went wrong first.
async fn look(source: &Source) -> (bool, Option<Error>) {
    let mut query = DetectionQuery::all();
    query.limit = Some(1);
    let (mut list, mut first) = (source.list(&query), None);
    while let Some(item) = list.next().await {
        match item {
            Ok(_) => return (true, first),
            Err(error) => first = first.or(Some(error)),
        }
    }
    (false, first)
}

/// Whether an error says that nobody could be signed in.
fn is_sign_in(error: &Error) -> bool {
    error.operation() == "sign in" || error.status() == Some(401)
}

/// The checks as lines or as a table.
struct Table<'a>(&'a [Checked]);

impl Rows for Table<'_> {
    type Row = Checked;

    fn rows(&self) -> &[Checked] {
        self.0
    }

    fn columns(&self) -> Vec<&'static str> {
        vec!["PROFILE", "PRODUCT", "SIGNED IN", "VIEW", "TRIAGE", "ISOLATE", "HUNT", "WHAT TO FIX"]
    }

    fn cells(&self, row: &Checked) -> Vec<String> {
        let word = |may: Option<bool>| match may {
            Some(true) => "yes",
            Some(false) => "no",
            None => "?",
        };
        let Can { view, triage, isolate, hunt, .. } = row.can;
        let may = [view, triage, isolate, hunt].map(word).map(str::to_owned);
        let mut cells = vec![row.profile.clone(), row.product.clone(), word(Some(row.signed_in)).to_owned()];
        cells.extend(may);
        cells.push(row.hint.clone().unwrap_or_default());
        cells
    }
}
