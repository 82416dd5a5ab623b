//! The contract of `DetectionSource`, as checks that every implementation passes.
//!
//! A check panics with the promise that was broken. They change detections: give them a source of their own.

#![allow(clippy::expect_used)] // a broken promise is a failed test

use std::collections::HashSet;

use pocketsoc_model::{
    Capabilities, Classification, Detail, Detection, DetectionChange, DetectionId, DetectionQuery,
    DetectionSource, Determination, ErrorKind, Severity, Status,
};

/// Runs every check against a source that holds some detections.
///
/// # Panics
/// With the promise that was broken.
pub async fn run(source: &dyn DetectionSource) {
    let all = lists_everything_once(source).await;
    filters_are_never_widened(source, &all).await;
    a_limit_is_kept(source, &all).await;
    one_can_be_fetched_and_a_stranger_cannot(source, &all).await;
    what_is_said_survives_json(&all);
    let can = source.capabilities().await.expect("capabilities are found without acting");
    // Where the token does not tell, the service does.
    let may_write = match can.triage {
        None => Some(is_let_write(source, &all).await),
        told => told,
    };
    if may_write == Some(true) {
        no_part_of_a_change_is_dropped_in_silence(source, &all).await;
        a_forbidden_change_is_refused_before_any_write(source, &all).await;
        a_change_to_what_already_is_changes_nothing(source, &all).await;
        an_allowed_change_is_read_back(source, &all).await;
        a_comment_is_added(source, &all, &can).await;
    } else {
        a_source_that_cannot_write_says_so(source, &all).await;
    }
}

/// Whether a change goes through; it is taken back.
async fn is_let_write(source: &dyn DetectionSource, all: &[Detection]) -> bool {
    let Some(one) = all.iter().find(|d| !d.allowed_statuses.is_empty()) else { return false };
    match source.update(&one.id, &DetectionChange::status(one.allowed_statuses[0])).await {
        Ok(now) => {
            if now.allowed_statuses.contains(&one.status) {
                let back = source.update(&one.id, &DetectionChange::status(one.status)).await;
                back.expect("the way back is allowed");
            }
            true
        }
        Err(error) => {
            assert_eq!(
                error.kind(),
                ErrorKind::PermissionDenied,
                "a change is made, or not granted: {error}"
            );
            false
        }
    }
}

async fn read(source: &dyn DetectionSource, query: &DetectionQuery) -> Vec<Detection> {
    let mut stream = source.list(query);
    let mut all = Vec::new();
    while let Some(item) = stream.next().await {
        all.push(item.expect("every element can be read"));
    }
    if query.limit.is_none() {
        assert!(stream.report().complete, "a list read to its end without failure reports `complete`");
    }
    all
}

fn ids(detections: &[Detection]) -> HashSet<&DetectionId> {
    detections.iter().map(|d| &d.id).collect()
}

async fn lists_everything_once(source: &dyn DetectionSource) -> Vec<Detection> {
    assert!(!source.name().is_empty(), "a source has a display name");
    let mut untouched = source.list(&DetectionQuery::all());
    assert!(!untouched.report().complete, "a walk that has not begun is not complete");
    assert!(untouched.next().await.is_some(), "the suite needs a source with detections");
    drop(untouched);

    let all = read(source, &DetectionQuery::all()).await;
    assert_eq!(ids(&all).len(), all.len(), "a detection comes once per walk");
    for detection in &all {
        assert_eq!(detection.profile, source.name(), "a detection carries the name of its source");
        assert_eq!(detection.product, source.product(), "a detection carries the product of its source");
        assert!(
            !detection.allowed_statuses.contains(&detection.status),
            "the present status is not among those that may follow"
        );
        if detection.status == Status::Unknown {
            assert!(detection.native_status.is_some(), "an unknown status keeps the source's own word");
        }
    }
    let summary = DetectionQuery::all().with_detail(Detail::Summary);
    assert_eq!(ids(&read(source, &summary).await), ids(&all), "a summary lists the same detections");
    all
}

async fn filters_are_never_widened(source: &dyn DetectionSource, all: &[Detection]) {
    let mut queries: Vec<DetectionQuery> = Vec::new();
    queries.extend(Severity::ALL.map(|severity| DetectionQuery::all().with_min_severity(severity)));
    queries.extend(Status::ALL.map(|status| DetectionQuery::all().with_statuses([status])));
    queries.push(DetectionQuery::all().with_statuses([Status::Active, Status::Resolved]));
    queries.push(DetectionQuery::all().with_machine_group("no such group"));
    queries.extend(
        all.iter().find_map(|d| d.machine_group.clone()).map(|g| DetectionQuery::all().with_machine_group(g)),
    );
    let mut times: Vec<_> = all.iter().filter_map(|d| d.updated_at).collect();
    times.sort_unstable();
    if let (Some(first), Some(middle)) = (times.first(), times.get(times.len() / 2)) {
        queries.push(DetectionQuery::updated_since(*middle));
        queries.push(DetectionQuery::all().with_updated_until(*middle));
        queries.push(
            DetectionQuery::updated_since(*first)
                .with_updated_until(*middle)
                .with_min_severity(Severity::Medium),
        );
    }
    for query in queries {
        let mut stream = source.list(&query);
        let mut found = HashSet::new();
        while let Some(item) = stream.next().await {
            match item {
                Ok(detection) => {
                    assert!(query.matches(&detection), "{} does not match {query:?}", detection.id);
                    found.insert(detection.id);
                }
                Err(error) => {
                    assert_eq!(
                        error.kind(),
                        ErrorKind::Unsupported,
                        "a filter is applied or refused: {error}"
                    );
                    found = all.iter().filter(|d| query.matches(d)).map(|d| d.id.clone()).collect();
                    break;
                }
            }
        }
        let expected: HashSet<DetectionId> =
            all.iter().filter(|d| query.matches(d)).map(|d| d.id.clone()).collect();
        assert_eq!(found, expected, "exactly what matches is listed for {query:?}");
    }
}

async fn a_limit_is_kept(source: &dyn DetectionSource, all: &[Detection]) {
    for limit in [0, 1, 2, all.len(), all.len() + 1] {
        let found = read(source, &DetectionQuery::all().with_limit(limit)).await;
        assert_eq!(found.len(), limit.min(all.len()), "a limit of {limit} is kept");
    }
}

async fn one_can_be_fetched_and_a_stranger_cannot(source: &dyn DetectionSource, all: &[Detection]) {
    let one = &all[all.len() / 2];
    let fetched = source.get(&one.id).await.expect("what is listed can be fetched");
    assert!(fetched.id.same_as(&one.id), "the one asked for is fetched");
    assert_eq!(fetched.profile, source.name(), "a fetched detection carries the name of its source");
    let stranger = DetectionId::new("pocketsoc-conformance-no-such-id").expect("a usable id");
    let error = source.get(&stranger).await.expect_err("a stranger cannot be fetched");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

fn what_is_said_survives_json(all: &[Detection]) {
    for detection in all {
        let text = serde_json::to_string(detection).expect("a detection can be written");
        let mut back: Detection = serde_json::from_str(&text).expect("a written detection can be read");
        back.raw.clone_from(&detection.raw);
        assert_eq!(&back, detection, "a detection comes back from JSON as it went");
    }
}

/// Each part alone: it takes and is shown, or it is refused and nothing is written.
async fn no_part_of_a_change_is_dropped_in_silence(source: &dyn DetectionSource, all: &[Detection]) {
    // What is final takes nothing any more.
    let one = all.iter().rfind(|d| !d.allowed_statuses.is_empty()).unwrap_or(&all[0]);
    for change in [
        DetectionChange::new().with_assigned_to("conformance@pocketsoc.example"),
        DetectionChange::new().with_classification(Classification::TruePositive),
        DetectionChange::new()
            .with_classification(Classification::FalsePositive)
            .with_determination(Determination::NotMalicious),
    ] {
        let before = source.get(&one.id).await.expect("it can be fetched");
        match source.update(&one.id, &change).await {
            Ok(now) => {
                let missing = change.missing_from(&now);
                assert!(missing.is_empty(), "a change that succeeds has been made: {missing:?}");
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unsupported, "a part is taken or refused: {error}");
                let after = source.get(&one.id).await.expect("it can be fetched");
                assert_eq!(after, before, "what is refused writes nothing");
            }
        }
    }
}

async fn a_forbidden_change_is_refused_before_any_write(source: &dyn DetectionSource, all: &[Detection]) {
    let one = &all[0];
    let before = source.get(&one.id).await.expect("it can be fetched");
    let forbidden =
        Status::ALL.into_iter().find(|s| *s != before.status && !before.allowed_statuses.contains(s));
    let Some(forbidden) = forbidden else { return };
    let change = DetectionChange::status(forbidden);
    let error = source.update(&one.id, &change).await.expect_err("a forbidden transition is refused");
    assert_eq!(error.kind(), ErrorKind::InvalidTransition, "{error}");
    let refused = error.transition().expect("the refusal says what would be legal");
    assert_eq!(refused.allowed(), before.allowed_statuses, "the refusal names the allowed statuses");
    assert_eq!(source.get(&one.id).await.expect("it can be fetched"), before, "nothing was written");
}

async fn a_change_to_what_already_is_changes_nothing(source: &dyn DetectionSource, all: &[Detection]) {
    let before = source.get(&all[0].id).await.expect("it can be fetched");
    let after = source.update(&before.id, &DetectionChange::status(before.status)).await;
    assert_eq!(after.expect("a change to the same status succeeds"), before, "nothing was written");
}

async fn an_allowed_change_is_read_back(source: &dyn DetectionSource, all: &[Detection]) {
    for one in all.iter().take(3) {
        let before = source.get(&one.id).await.expect("it can be fetched");
        for status in before.allowed_statuses.clone() {
            let now =
                source.update(&one.id, &DetectionChange::status(status)).await.expect("an allowed change");
            assert_eq!(now.status, status, "the answer is what it now is");
            assert_eq!(
                source.get(&one.id).await.expect("it can be fetched").status,
                status,
                "the change lasts"
            );
            assert!(!now.allowed_statuses.contains(&status), "what may follow is that of the new status");
            if !now.allowed_statuses.contains(&before.status) {
                return;
            }
            let back = source.update(&one.id, &DetectionChange::status(before.status)).await;
            assert_eq!(back.expect("the way back is allowed").status, before.status, "the way back lasts");
        }
    }
}

async fn a_comment_is_added(source: &dyn DetectionSource, all: &[Detection], can: &Capabilities) {
    let one = &all[0];
    let change = DetectionChange::new().with_comment("a remark of the conformance suite");
    match source.update(&one.id, &change).await {
        Ok(now) => {
            assert!(
                now.comments.iter().any(|c| Some(&c.text) == change.comment.as_ref()),
                "the comment is there"
            );
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "a comment is added or refused: {error}");
            assert_eq!(can.comment, Some(false), "what is refused is not among the capabilities");
        }
    }
}

async fn a_source_that_cannot_write_says_so(source: &dyn DetectionSource, all: &[Detection]) {
    let one = &all[0];
    let other = one.allowed_statuses.first().copied().unwrap_or(Status::Resolved);
    let error = source.update(&one.id, &DetectionChange::status(other)).await.expect_err("it cannot write");
    assert!(
        matches!(
            error.kind(),
            ErrorKind::Unsupported | ErrorKind::PermissionDenied | ErrorKind::InvalidTransition
        ),
        "{error}"
    );
}
