//! The arrows between the crates, and what each may pull in.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Which of our own crates each may depend on, and who may name the crates that stay in one place.
const ARROWS: &[(&str, &[&str])] = &[
    ("pocketsoc-model", &[]),
    ("pocketsoc-transport", &["pocketsoc-model"]),
    ("pocketsoc-feed", &["pocketsoc-model"]),
    ("pocketsoc-testkit", &["pocketsoc-model"]),
    ("mde-client", &["pocketsoc-model", "pocketsoc-transport"]),
    ("defender-cloud-client", &["pocketsoc-model", "pocketsoc-transport"]),
    ("graph-security-client", &["pocketsoc-model", "pocketsoc-transport"]),
];
const KEPT_IN: &[(&str, &str)] = &[
    ("reqwest", "pocketsoc-transport"),
    ("oauth2", "pocketsoc-transport"),
    ("wiremock", "pocketsoc-testkit"),
];
const MODEL_MAY_USE: &[&str] = &["serde", "serde_json", "chrono", "thiserror", "async-trait", "futures-core"];

fn metadata() -> Metadata {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    // Without the dependencies' own manifests: those for other platforms need not be here.
    MetadataCommand::new().manifest_path(manifest).no_deps().exec().unwrap()
}

#[test]
fn arrows_point_down_only() {
    let metadata = metadata();
    let members: Vec<_> = metadata.workspace_packages();
    let names: BTreeSet<&str> = members.iter().map(|p| p.name.as_str()).collect();
    for package in &members {
        // A dev-dependency on reqwest would be a second way to do HTTP as well; only the examples' baselines have one.
        let everywhere: BTreeSet<&str> = package.dependencies.iter().map(|d| d.name.as_str()).collect();
        let normal = package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal);
        let used: BTreeSet<&str> = normal.map(|d| d.name.as_str()).collect();
        if package.name.as_str() != "pocketsoc-examples" {
            let (_, allowed) = ARROWS
                .iter()
                .find(|(name, _)| *name == package.name.as_str())
                .unwrap_or_else(|| panic!("{} has no row here", package.name));
            for sibling in used.intersection(&names) {
                assert!(allowed.contains(sibling), "{} -> {sibling}", package.name);
            }
        }
        for (kept, home) in KEPT_IN {
            let asked = if package.name.as_str() == "pocketsoc-examples" { &used } else { &everywhere };
            assert!(!asked.contains(kept) || package.name.as_str() == *home, "{} names {kept}", package.name);
        }
        if package.name.as_str() == "pocketsoc-model" {
            assert!(used.iter().all(|d| MODEL_MAY_USE.contains(d)), "{used:?}");
        }
    }
}

#[test]
fn every_library_is_ready_to_be_published() {
    for package in metadata().workspace_packages() {
        if package.name.as_str() == "pocketsoc-examples" {
            assert_eq!(package.publish.as_deref(), Some(&[][..]), "the examples are not published");
            continue;
        }
        let name = &package.name;
        assert!(
            package.description.is_some() && package.license.is_some() && package.repository.is_some(),
            "{name}"
        );
        assert!(
            !package.keywords.is_empty() && !package.categories.is_empty() && package.readme.is_some(),
            "{name}"
        );
        assert_eq!(package.rust_version.as_ref().map(ToString::to_string), Some("1.88.0".into()), "{name}");
        for sibling in package.dependencies.iter().filter(|d| d.path.is_some()) {
            let by_path_only = sibling.kind == DependencyKind::Development;
            assert_eq!(
                sibling.req.to_string() == "*",
                by_path_only,
                "{name}: siblings are pinned, or dev-dependencies by path"
            );
        }
    }
}

/// How many third-party crates a member brings on this platform, with default features.
fn third_party(package: &str) -> BTreeSet<String> {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--locked", "-p", package, "-e", "normal", "--prefix", "none", "-f", "{p}"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| line.trim_end_matches(" (*)").to_owned());
    lines.filter(|line| !line.is_empty() && !line.contains('/')).collect()
}

#[test]
fn a_dependent_pays_for_what_it_uses() {
    let model = third_party("pocketsoc-model").len();
    assert!(model <= 20, "the model brings {model} crates");
    let clients = ["mde-client", "defender-cloud-client", "graph-security-client"];
    let all: BTreeSet<String> = clients.into_iter().flat_map(third_party).collect();
    assert!(all.len() <= 140, "the clients together bring {} crates", all.len());
}
