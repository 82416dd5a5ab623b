//! `soc watch`, as a process.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pocketsoc_testkit::{Fault, Tenant};
use serde_json::Value;

use crate::fake::{Fake, SECRET_VARIABLE, soc};

/// A place, as JSON tells it.
fn place(detection: &Value) -> (String, String, String) {
    let text = |key: &str| detection[key].as_str().unwrap().to_owned();
    (text("profile"), text("product"), text("id"))
}

/// Watches until it is killed, and prints into a file: nobody has to read for it to go on.
fn watching(fake: &Fake, args: &[&str], lines: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_soc"))
        .args([&["watch", "--json"], args].concat())
        .current_dir(fake.folder.path())
        .env(SECRET_VARIABLE, Tenant::SECRET)
        .env_remove("RUST_LOG")
        .stdout(std::fs::File::create(lines).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

async fn fake(poll: u32) -> Fake {
    let fake = Fake::start(Tenant::builder().build()).await;
    let every = format!("poll_seconds = {poll}\n\n[[profile]]");
    let (_, profiles) =
        fake.all_profiles().split_once("[[profile]]").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    fake.write_profiles(&format!(
        "[[profile]]{}poll_seconds = {poll}\n",
        profiles.replace("[[profile]]", &every)
    ));
    fake
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_listed_is_new_and_then_only_what_changes() {
    let fake = fake(30).await;
    let listed: BTreeSet<_> = fake.soc(&["list"]).lines().iter().map(place).collect();
    let watch =
        |args: &[&str]| fake.soc(&[&["watch", "--json", "--once", "--checkpoint", "c"], args].concat());
    let first = watch(&[]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    let lines = first.lines();
    assert!(lines.iter().all(|line| line["change"] == "new" && line["changed"] == serde_json::json!([])));
    assert_eq!(lines.iter().map(|line| place(&line["detection"])).collect::<BTreeSet<_>>(), listed);
    assert_eq!(lines.len(), listed.len(), "each once");
    assert_eq!(watch(&[]).lines().len(), 0, "it is known");

    let (_, _, id) = listed.iter().find(|(profile, ..)| profile == "Azure").unwrap();
    let now = fake.soc(&["list", "--profile", "Azure"]).lines();
    let status = &now.iter().find(|d| d["id"] == **id).unwrap()["allowed_statuses"][0];
    let status = status.as_str().unwrap().to_owned();
    assert_eq!(fake.soc(&["triage", id, "--profile", "Azure", "--status", &status]).code, 0);
    let alert = fake.server.tenant().alert_ids().swap_remove(3);
    let assigned = fake.soc(&["triage", &alert, "--profile", "Endpoint", "--assign", "ada@contoso.example"]);
    assert_eq!(assigned.code, 0, "{}", assigned.stderr);
    let lines = watch(&["--raw"]).lines();
    let of = |profile: &str| lines.iter().find(|line| line["detection"]["profile"] == profile).unwrap();
    assert_eq!(of("Azure")["change"], "status_changed");
    assert!(of("Azure")["changed"].as_array().unwrap().contains(&"status".into()));
    assert_eq!(
        (&of("Azure")["detection"]["status"], &of("Azure")["detection"]["raw"]["id"]),
        (&status.into(), &id.as_str().into())
    );
    assert_eq!(
        (&of("Endpoint")["change"], &of("Endpoint")["changed"]),
        (&"updated".into(), &serde_json::json!(["assigned_to"]))
    );
    assert_eq!(of("Endpoint")["sightings"][0]["profile"], "Graph");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_fails_is_named_the_others_are_printed_and_the_exit_code_says_so() {
    let fake = fake(30).await;
    fake.server.tenant().add_fault(Fault::status("/api/alerts", 403));
    let said = fake.soc(&["watch", "--json", "--once"]);
    assert_eq!(said.code, 1);
    assert!(
        said.stderr.contains("error: profile \"Endpoint\": ") && said.stderr.contains("hint: "),
        "{}",
        said.stderr
    );
    let lines = said.lines();
    assert!(lines.len() > 100 && lines.iter().all(|line| line["detection"]["profile"] != "Endpoint"));
}

#[test]
fn wrong_use_is_refused_before_anybody_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    std::fs::write(&path, "no checkpoint").unwrap();
    let said = soc(&["watch", "--checkpoint", path.to_str().unwrap()]);
    assert_eq!(said.code, 2);
    assert!(
        said.stderr.starts_with("error: read the checkpoint: ")
            && said.stderr.contains("hint: put back a copy"),
        "{}",
        said.stderr
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "no checkpoint", "left as it is");
    for wrong in [
        &["watch", "--min-severity", "dire"][..],
        &["watch", "--since", "yesterday"],
        &["watch", "--limit", "3"],
    ] {
        assert_eq!(soc(wrong).code, 2, "{wrong:?}");
    }
    let nowhere = folder.path().join("none/c");
    let said = soc(&["watch", "--once", "--checkpoint", nowhere.to_str().unwrap()]);
    assert_eq!((said.code, said.lines().len()), (2, 0), "known before anybody is asked");
    assert!(said.stderr.contains("there is no folder"), "{}", said.stderr);
    let severe = soc(&["watch", "--once", "--json", "--min-severity", "high"]).lines();
    assert!(
        !severe.is_empty()
            && severe
                .iter()
                .all(|l| ["high", "critical", "unknown"]
                    .contains(&l["detection"]["severity"].as_str().unwrap()))
    );
    let findings = soc(&["watch", "--once", "--ocsf", "--profile", "Graph"]).lines();
    assert!(findings.iter().all(|f| f["class_uid"] == 2004 && f["activity_id"] == 1));
}

/// Killed twenty times, at any moment, while alerts are raised and changed: every one is printed.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_killed_twenty_times_loses_nothing() {
    let fake = fake(1).await;
    let tenant = fake.server.tenant().clone();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let raising = {
        let stop = std::sync::Arc::clone(&stop);
        std::thread::spawn(move || {
            let mut raised = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                tenant.raise_alert();
                tenant.raise_cloud_alert();
                raised += 2;
                std::thread::sleep(Duration::from_millis(40));
            }
            raised
        })
    };
    let at_first: BTreeSet<_> = fake.soc(&["list"]).lines().iter().map(place).collect();
    let path = fake.folder.path().join("lines");
    // A line that was cut off was not flushed whole, so it is not written down.
    let lines = || -> Vec<_> {
        let text = std::fs::read_to_string(&path).unwrap();
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.map(|line| place(&serde_json::from_str::<Value>(line).unwrap()["detection"])).collect()
    };
    let mut seen = BTreeSet::new();
    let (mut printed, mut went_on) = (0, 0);
    let mut rng = fastrand::Rng::with_seed(20);
    for _ in 0..20 {
        let mut child = watching(&fake, &["--checkpoint", "c"], &path);
        std::thread::sleep(Duration::from_millis(rng.u64(100..2000)));
        child.kill().unwrap();
        child.wait().unwrap();
        let lines = lines();
        printed += lines.len();
        // It had come to what was raised since, and had not begun anew.
        let is_further = lines.iter().any(|line| !at_first.contains(line) && !seen.contains(line));
        went_on += usize::from(is_further && lines.len() < at_first.len() / 2);
        seen.extend(lines);
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let raised = raising.join().unwrap();
    assert!(raised > 50, "{raised}");
    assert!(went_on >= 5, "{went_on} of 20 went on where the one before was killed");
    // One more life, to its end.
    let listed: BTreeSet<_> = fake.soc(&["list"]).lines().iter().map(place).collect();
    let mut child = watching(&fake, &["--checkpoint", "c"], &path);
    let begin = Instant::now();
    while !listed.is_subset(&seen) && begin.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(100));
        seen.extend(lines());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    printed += lines().len();
    let lost: Vec<_> = listed.difference(&seen).collect();
    assert!(lost.is_empty(), "{lost:?}");
    println!("{printed} lines in 21 lives for {} detections, {went_on} lives went on", listed.len());
    assert!(printed < 2 * listed.len(), "{printed} lines for {} detections", listed.len());
}
