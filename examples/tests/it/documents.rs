//! The README and the short examples say what is so.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The Rust examples of a README.
fn examples(readme: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(readme)).unwrap();
    let code = |block: &str| block.split_once("```").unwrap().0.to_owned();
    text.split("```rust,no_run\n").skip(1).map(code).collect()
}

#[test]
fn the_examples_are_those_that_the_crates_compile() {
    let shown = examples("README.md");
    assert_eq!(shown.len(), 2);
    assert_eq!(shown[0], examples("mde-client/README.md")[0]);
    assert_eq!(shown[1], examples("pocketsoc-feed/README.md")[0]);
}

#[test]
fn the_short_examples_run() {
    let examples = Path::new(env!("CARGO_BIN_EXE_soc")).with_file_name("examples");
    // Where one keeps its checkpoint: each run is the first.
    let folder = tempfile::tempdir().unwrap();
    for (name, says) in [
        ("list_alerts", "Suspicious PowerShell download"),
        ("triage_alert", "active -> resolved"),
        ("list_everything", "Endpoint+Graph"),
        ("dismiss_cloud_alert", "allowed: active; the legal path is dismissed -> active -> resolved"),
        ("comment_incident", "4000 Multi-stage attack"),
        ("feed", "new            high     Suspicious PowerShell download"),
        ("own_source", "Odd mail no. 2 is now resolved"),
    ] {
        let output = Command::new(examples.join(name))
            .env("TMPDIR", folder.path())
            .env_remove("TENANT_ID")
            .env_remove("CLIENT_ID")
            .output()
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains(says), "{name}: {said}");
    }
}
