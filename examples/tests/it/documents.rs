//! The README and the short examples say what is so.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The Rust example of a README.
fn example(readme: &str) -> String {
    let text = std::fs::read_to_string(root().join(readme)).unwrap();
    let (_, code) = text.split_once("```rust,no_run\n").unwrap();
    code.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_first_example_is_the_one_that_the_client_compiles() {
    assert_eq!(example("README.md"), example("mde-client/README.md"));
}

#[test]
fn the_short_examples_run() {
    let examples = Path::new(env!("CARGO_BIN_EXE_soc")).with_file_name("examples");
    for (name, says) in [
        ("list_alerts", "Suspicious PowerShell download"),
        ("triage_alert", "active -> resolved"),
        ("list_everything", "Endpoint+Graph"),
        ("dismiss_cloud_alert", "allowed: active; the legal path is dismissed -> active -> resolved"),
        ("comment_incident", "4000 Multi-stage attack"),
        ("own_source", "Odd mail no. 2 is now resolved"),
    ] {
        let output = Command::new(examples.join(name))
            .env_remove("TENANT_ID")
            .env_remove("CLIENT_ID")
            .output()
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains(says), "{name}: {said}");
    }
}
