//! Failures as the user sees them: `error:`, `hint:`, `request id:`, and the exit code.

use std::process::ExitCode;

use pocketsoc_model::Error;

/// How a command ended that did not fail as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything was done.
    Complete,
    /// Some of it failed and has been reported.
    WithFailures,
}

/// A command that failed as a whole.
#[derive(Debug)]
pub(crate) struct Failure {
    text: String,
    hint: Option<String>,
    request_id: Option<String>,
    /// What it could have been, where several things fit.
    candidates: Vec<String>,
    code: u8,
}

impl Failure {
    /// Wrong usage or configuration: found without asking a service.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { text: text.into(), hint: None, request_id: None, candidates: Vec::new(), code: 2 }
    }

    /// An operation that failed, for a profile.
    pub(crate) fn of(profile: &str, error: &Error) -> Self {
        Self { text: format!("profile \"{profile}\": {error}"), ..Self::plain(error) }
    }

    /// An operation that failed, without a profile.
    pub(crate) fn plain(error: &Error) -> Self {
        Self {
            text: error.to_string(),
            hint: error.hint().map(str::to_owned),
            request_id: error.request_id().map(str::to_owned),
            candidates: error.candidates().to_vec(),
            code: 1,
        }
    }

    /// An operation that failed before any service was asked, but not for wrong usage.
    pub(crate) fn operation(text: impl Into<String>) -> Self {
        Self { code: 1, ..Self::usage(text) }
    }

    /// Also says what to do, behind what the error itself says.
    pub(crate) fn with_hint(mut self, hint: &str) -> Self {
        self.hint = Some(self.hint.map_or_else(|| hint.to_owned(), |first| format!("{first}; {hint}")));
        self
    }

    /// Wrong configuration rather than a failed operation.
    pub(crate) fn into_usage(mut self) -> Self {
        self.code = 2;
        self
    }

    /// Prints it; the exit code.
    #[allow(clippy::print_stderr)] // the one place that reports failures
    pub(crate) fn report(&self) -> ExitCode {
        eprintln!("error: {}", self.text);
        for candidate in &self.candidates {
            eprintln!("candidate: {candidate}");
        }
        if let Some(hint) = &self.hint {
            eprintln!("hint: {hint}");
        }
        if let Some(id) = &self.request_id {
            eprintln!("request id: {id}");
        }
        ExitCode::from(self.code)
    }
}

/// Something the user should know, on stderr.
#[allow(clippy::print_stderr)] // diagnostics go to stderr
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}
