//! The commands of a live response, in the one order that the service runs them in.

use serde_json::{Value, json};

/// Commands to run on a machine. They run one after another and stop at the first that fails: files are put first, then
/// scripts are run, then files are fetched, each in the order given.
///
/// Scripts and files to put come from the tenant's live response library. A script may run for ten minutes; what it said
/// and the files that were fetched are behind [`MachineActions::live_response_link`](crate::MachineActions::live_response_link).
///
/// ```
/// use mde_client::{Intent, LiveResponse};
/// let dump = LiveResponse::new().run_script("dump.ps1", Some("-Process lsass")).get_file(r"C:\Temp\lsass.dmp");
/// let intent = Intent::LiveResponse(dump);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct LiveResponse {
    put: Vec<String>,
    run: Vec<(String, Option<String>)>,
    get: Vec<String>,
}

impl LiveResponse {
    /// No commands yet; one is needed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a file of the library on the machine.
    pub fn put_file(mut self, name: impl Into<String>) -> Self {
        self.put.push(name.into());
        self
    }

    /// Runs a script of the library, with arguments in one text.
    pub fn run_script(mut self, name: impl Into<String>, arguments: Option<&str>) -> Self {
        self.run.push((name.into(), arguments.map(Into::into)));
        self
    }

    /// Fetches a file by its path on the machine.
    pub fn get_file(mut self, path: impl Into<String>) -> Self {
        self.get.push(path.into());
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.put.is_empty() && self.run.is_empty() && self.get.is_empty()
    }

    /// As the service wants them: the objects in lower camel case, unlike what is around them.
    pub(super) fn commands(&self) -> Value {
        let parameter = |key: &str, value: &str| json!({"key": key, "value": value});
        let put =
            self.put.iter().map(|name| json!({"type": "PutFile", "params": [parameter("FileName", name)]}));
        let run = self.run.iter().map(|(name, arguments)| {
            let arguments = arguments.iter().map(|arguments| parameter("Args", arguments));
            let params: Vec<_> = std::iter::once(parameter("ScriptName", name)).chain(arguments).collect();
            json!({"type": "RunScript", "params": params})
        });
        let get = self.get.iter().map(|path| json!({"type": "GetFile", "params": [parameter("Path", path)]}));
        put.chain(run).chain(get).collect()
    }
}
