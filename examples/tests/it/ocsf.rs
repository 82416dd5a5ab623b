//! `--ocsf`: every finding keeps the rules of the schema, and nothing of a detection is lost on the way.

use std::sync::LazyLock;

use pocketsoc_testkit::{Tenant, cloud_families};
use serde_json::{Map, Value};

use crate::fake::{Fake, soc, soc_in};

/// The rules of schema version 1.5.0, as far as findings need them. An attribute: `!` when required, its type (`@` an
/// object, `[]` a list), the profile that allows it, the numbers that an enum has.
static RULES: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("ocsf_1_5_0.json")).unwrap());

/// Checks an object by the rules of its attributes; says what is wrong.
fn check(
    object: &Map<String, Value>,
    rules: &Value,
    name: &str,
    profiles: &[&str],
    path: &str,
    wrong: &mut Vec<String>,
) {
    let known = rules.as_object().unwrap_or_else(|| panic!("no rules for {name}"));
    for (attribute, rule) in known {
        if rule.as_str().unwrap().starts_with('!') && !object.contains_key(attribute) {
            wrong.push(format!("{path}.{attribute} is missing"));
        }
    }
    if let Some(any) = RULES["at_least_one"][name].as_array()
        && !any.iter().any(|attribute| object.contains_key(attribute.as_str().unwrap()))
    {
        wrong.push(format!("{path} has none of {any:?}"));
    }
    for (attribute, value) in object {
        let here = format!("{path}.{attribute}");
        let by_profile = profiles.iter().find_map(|p| RULES["profiles"][p].get(attribute));
        match known.get(attribute).or(by_profile.filter(|_| name == "class")) {
            None => wrong.push(format!("{here} is unknown")),
            Some(rule) => check_value(value, rule.as_str().unwrap(), profiles, &here, wrong),
        }
    }
}

fn check_value(value: &Value, rule: &str, profiles: &[&str], path: &str, wrong: &mut Vec<String>) {
    let (rule, numbers) = rule.split_once(" of ").unwrap_or((rule, ""));
    let (rule, profile) = rule.split_once(" if ").unwrap_or((rule, ""));
    if !profile.is_empty() && !profiles.contains(&profile) {
        wrong.push(format!("{path} needs the profile {profile}"));
    }
    let rule = rule.trim_start_matches('!');
    if let Some(of) = rule.strip_suffix("[]") {
        match value.as_array() {
            Some(list) if !list.is_empty() => {
                for (n, one) in list.iter().enumerate() {
                    check_value(
                        one,
                        &format!(
                            "{of}{}",
                            if numbers.is_empty() { String::new() } else { format!(" of {numbers}") }
                        ),
                        profiles,
                        &format!("{path}[{n}]"),
                        wrong,
                    );
                }
            }
            _ => wrong.push(format!("{path} is no list")),
        }
        return;
    }
    let fits = match rule {
        "string" => value.is_string(),
        "integer" | "long" | "timestamp" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "json" => true,
        "any" => value.is_object(),
        object => {
            let name = object.strip_prefix('@').unwrap_or_else(|| panic!("{path}: {object}"));
            match value.as_object() {
                Some(inner) => check(inner, &RULES["objects"][name], name, profiles, path, wrong),
                None => wrong.push(format!("{path} is no object")),
            }
            true
        }
    };
    if !fits {
        wrong.push(format!("{path} is no {rule}: {value}"));
    }
    let number = value.to_string();
    if !numbers.is_empty() && !numbers.split(',').any(|n| n == number) {
        wrong.push(format!("{path} is {value}, not one of {numbers}"));
    }
}

/// What is wrong with a finding.
fn faults(finding: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let profiles: Vec<&str> =
        finding["metadata"]["profiles"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    check(finding.as_object().unwrap(), &RULES["class"], "class", &profiles, "finding", &mut wrong);
    for profile in &profiles {
        for (attribute, rule) in RULES["profiles"][profile].as_object().unwrap() {
            if rule.as_str().unwrap().starts_with('!') && finding.get(attribute).is_none() {
                wrong.push(format!("the profile {profile} asks for {attribute}"));
            }
        }
    }
    if finding["type_uid"].as_u64() != Some(200_400 + finding["activity_id"].as_u64().unwrap()) {
        wrong.push("type_uid does not fit".into());
    }
    for observable in finding["observables"].as_array().into_iter().flatten() {
        let path = observable["name"].as_str().unwrap();
        let (mut rules, mut here) = (&RULES["class"], "");
        for part in path.split('.') {
            here = rules[part].as_str().unwrap_or_else(|| panic!("{path} leads nowhere"));
            let object = here.trim_start_matches(['!', '@']).split([' ', '[']).next().unwrap();
            rules = &RULES["objects"][object];
        }
        if here.contains('@') {
            wrong.push(format!("{path} holds no value"));
        }
    }
    wrong
}

/// Whether a text of the detection stands anywhere in the finding.
fn holds(finding: &Value, text: &str) -> bool {
    match finding {
        Value::String(s) => s == text,
        Value::Array(list) => list.iter().any(|v| holds(v, text)),
        Value::Object(members) => members.iter().any(|(name, v)| name == text || holds(v, text)),
        other => {
            let own = other.to_string();
            own == text
        }
    }
}

/// Every text and number of a detection, but for what the schema says in its own words.
fn said<'a>(value: &'a Value, path: &str, found: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(members) => {
            for (name, v) in members {
                said(v, &format!("{path}.{name}"), found);
            }
        }
        Value::Array(list) => list.iter().for_each(|v| said(v, path, found)),
        Value::Null => {}
        leaf => found.push((path.to_owned(), leaf)),
    }
}

fn check_pair(detection: &Value, finding: &Value) {
    let wrong = faults(finding);
    assert!(wrong.is_empty(), "{}: {wrong:#?}\n{finding:#}", detection["id"]);
    assert_eq!(finding["finding_info"]["uid"], detection["id"]);
    assert_eq!(finding["finding_info"]["title"], detection["title"]);
    let created = detection["created_at"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert_eq!(finding["time"], created.timestamp_millis());
    assert_eq!(finding["activity_id"], 1);
    // What has an enum or a number in the schema says the same in another way.
    let translated = ["severity", "status", "product", "tactics", "classification"];
    let mut all = Vec::new();
    said(detection, "", &mut all);
    for (path, leaf) in all {
        let field = path.trim_start_matches('.').split('.').next().unwrap();
        if translated.contains(&field) {
            continue;
        }
        let text = leaf.as_str().map_or_else(|| leaf.to_string(), str::to_owned);
        let millis =
            text.parse::<chrono::DateTime<chrono::Utc>>().map(|at| at.timestamp_millis().to_string());
        let kept = holds(finding, &text) || millis.is_ok_and(|millis| holds(finding, &millis));
        assert!(kept, "{}: {path} {text} is lost in {finding:#}", detection["id"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_detection_of_every_source_is_a_valid_finding_that_says_everything() {
    let fake = Fake::start(Tenant::builder().build()).await;
    fake.write_all_profiles();
    let detections = fake.soc(&["list"]).lines();
    let findings = fake.soc(&["list", "--ocsf"]);
    assert_eq!((findings.code, findings.lines().len()), (0, detections.len()), "{}", findings.stderr);
    let findings = findings.lines();
    for detection in &detections {
        let uid = detection["metadata"]["product"]["uid"].clone();
        let same = |f: &&Value| {
            f["finding_info"]["uid"] == detection["id"]
                && f["metadata"]["product"]["uid"] == detection["product"]
        };
        let finding = findings.iter().find(same).unwrap_or_else(|| panic!("{uid} {}", detection["id"]));
        check_pair(detection, finding);
    }
}

#[test]
fn every_fixture_is_a_valid_finding_that_says_everything() {
    let folder = tempfile::TempDir::new().unwrap();
    let check = |kind: &str, document: &str| {
        std::fs::write(folder.path().join("in.json"), document).unwrap();
        let run = |args: &[&str]| {
            let said = soc_in(&folder, &[&["normalize", "--from", kind, "in.json"], args].concat(), &[]);
            assert_eq!(said.code, 0, "{}", said.stderr);
            said.lines()
        };
        let (detections, findings) = (run(&[]), run(&["--ocsf", "--raw"]));
        assert_eq!(detections.len(), findings.len());
        for (detection, mut finding) in detections.into_iter().zip(findings) {
            // What only the raw text says is not said by the finding.
            let raw = finding.as_object_mut().unwrap().remove("raw_data").unwrap();
            assert!(serde_json::from_str::<Value>(raw.as_str().unwrap()).unwrap().is_object());
            check_pair(&detection, &finding);
        }
    };
    for (_, family) in cloud_families() {
        check("defender-cloud-alert", family);
    }
    check("mde-alert", include_str!("../../../mde-client/tests/it/fixtures/alert_full.json"));
    check("graph-alert", include_str!("../../../graph-security-client/tests/it/fixtures/alert_full.json"));
    check(
        "graph-incident",
        include_str!("../../../graph-security-client/tests/it/fixtures/incident_full.json"),
    );
}

#[test]
fn a_verdict_an_owner_and_a_close_are_told_in_the_schemas_words() {
    let list = soc(&["list", "--profile", "Endpoint", "--status", "active", "--limit", "1"]);
    let id = list.lines()[0]["id"].as_str().unwrap().to_owned();
    let said = soc(&[
        "triage",
        &id,
        "--profile",
        "Endpoint",
        "--status",
        "resolved",
        "--classification",
        "informational_expected",
        "--determination",
        "security_testing",
        "--assign",
        "ada@contoso.example",
        "--comment",
        "ours",
        "--ocsf",
    ]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let finding = &said.lines()[0];
    assert!(faults(finding).is_empty(), "{:#?}", faults(finding));
    assert_eq!((finding["activity_id"].as_u64(), finding["status_id"].as_u64()), (Some(3), Some(4)));
    assert_eq!((finding["verdict_id"].as_u64(), finding["verdict"].as_str()), (Some(6), Some("Test")));
    assert_eq!(finding["assignee"]["email_addr"], "ada@contoso.example");
    assert!(finding["comment"].as_str().unwrap().ends_with(": ours"));
    assert_eq!(finding["is_alert"], false);
}

#[test]
fn the_check_itself_finds_what_is_wrong() {
    let mut finding =
        soc(&["list", "--limit", "1", "--ocsf", "--profile", "Endpoint"]).lines().swap_remove(0);
    assert!(faults(&finding).is_empty());
    for (path, value) in [
        ("severity_id", Value::from(7)),
        ("status_id", Value::from("2")),
        ("novelty", Value::from(1)),
        ("type_uid", Value::from(200_402)),
        ("evidences", serde_json::json!([{"name": "x"}])),
        ("finding_info", serde_json::json!({"title": "x"})),
    ] {
        let before = finding[path].clone();
        finding[path] = value;
        assert!(!faults(&finding).is_empty(), "{path}");
        finding[path] = before;
        if finding[path].is_null() {
            finding.as_object_mut().unwrap().remove(path);
        }
    }
    let profiles = finding["metadata"].as_object_mut().unwrap().remove("profiles");
    finding["verdict_id"] = Value::from(2);
    assert!(!faults(&finding).is_empty(), "a verdict needs its profile: {profiles:?}");
}
