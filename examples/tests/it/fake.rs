//! A tenant on loopback, a profile file for it, and `soc` run against it as a process.

use std::path::PathBuf;
use std::process::{Command, Output};

use pocketsoc_testkit::{Tenant, TenantServer};
use serde_json::Value;
use tempfile::TempDir;

/// What a run of `soc` said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }
}

/// Runs `soc` in an empty folder.
pub(crate) fn soc(args: &[&str]) -> Said {
    let empty = TempDir::new().unwrap();
    soc_in(&empty, args, &[])
}

/// Runs `soc` in a folder, with further environment variables.
pub(crate) fn soc_in(folder: &TempDir, args: &[&str], env: &[(&str, &str)]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_soc"));
    command.args(args).current_dir(folder.path()).env_remove("POCKETSOC_PROFILES").env_remove("RUST_LOG");
    command.envs(env.iter().copied());
    let Output { status, stdout, stderr } = command.output().unwrap();
    Said {
        code: status.code().unwrap(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// A tenant on loopback with a profile file for it. Blocking calls of `soc` need a runtime with another thread.
pub(crate) struct Fake {
    pub(crate) server: TenantServer,
    pub(crate) folder: TempDir,
}

pub(crate) const SECRET_VARIABLE: &str = "POCKETSOC_TEST_SECRET";

impl Fake {
    pub(crate) async fn start(tenant: Tenant) -> Self {
        let server = TenantServer::start(tenant).await.unwrap();
        let folder = TempDir::new().unwrap();
        let fake = Self { server, folder };
        fake.write_profiles(&fake.profile("Endpoint", &fake.server.uri()));
        fake
    }

    /// A profile under a name, for a service at an address.
    pub(crate) fn profile(&self, name: &str, base_url: &str) -> String {
        self.profile_of("defender-endpoint", name, base_url)
    }

    /// A profile of a vendor.
    pub(crate) fn profile_of(&self, vendor: &str, name: &str, base_url: &str) -> String {
        format!(
            "[[profile]]\nname = \"{name}\"\nvendor = \"{vendor}\"\nauth = \"app\"\ntenant_id = \"{}\"\n\
             client_id = \"{}\"\nclient_secret_env = \"{SECRET_VARIABLE}\"\nbase_url = \"{base_url}\"\n\
             authority = \"{}\"\n",
            Tenant::ID,
            Tenant::CLIENT_ID,
            self.server.uri()
        )
    }

    /// Profiles of all vendors: Endpoint, Azure, Graph.
    pub(crate) fn all_profiles(&self) -> String {
        let uri = self.server.uri();
        let azure = self.profile_of("defender-for-cloud", "Azure", &uri);
        self.profile("Endpoint", &uri) + &azure + &self.profile_of("graph-security", "Graph", &uri)
    }

    pub(crate) fn write_all_profiles(&self) {
        self.write_profiles(&self.all_profiles());
    }

    pub(crate) fn write_profiles(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join("pocketsoc.toml");
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn soc(&self, args: &[&str]) -> Said {
        self.soc_with_secret(args, Tenant::SECRET)
    }

    pub(crate) fn soc_with_secret(&self, args: &[&str], secret: &str) -> Said {
        soc_in(&self.folder, args, &[(SECRET_VARIABLE, secret)])
    }
}
