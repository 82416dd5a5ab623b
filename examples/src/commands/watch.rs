//! `soc watch`: new and changed detections of all profiles as one feed.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use pocketsoc_feed::{Feed, FeedEvent, FileCheckpoints, Notice, Sightings, SourceOptions};
use pocketsoc_model::ErrorKind;

use crate::args::{Common, WatchArgs};
use crate::failure::{Failure, Outcome, note};
use crate::output::Output;
use crate::session::Session;

pub(crate) async fn run(common: &Common, args: WatchArgs) -> Result<Outcome, Failure> {
    // What is wrong with the file is to be known before anybody is asked.
    let checkpoints = args.checkpoint.map(FileCheckpoints::open).transpose();
    let checkpoints = checkpoints.map_err(|error| Failure::plain(&error).into_usage())?;
    let session = Session::open(common).await?;
    // Who cannot be watched is told of now, not when the watch ends.
    let begun = session.outcome(Outcome::Complete);
    if session.sources.is_empty() {
        return Ok(Outcome::WithFailures);
    }
    // Each profile's own is printed: who reads this may know only one of them.
    let mut builder = Feed::builder(Arc::clone(&session.clock)).sightings(Sightings::Apart);
    for source in &session.sources {
        let every = session.poll_every.get(source.name()).copied().unwrap_or_default();
        builder = builder.source_with(Arc::clone(source), SourceOptions::new().with_poll_every(every));
    }
    if let Some(store) = checkpoints {
        builder = builder.checkpoints(store);
    }
    if let Some(severity) = args.min_severity {
        builder = builder.min_severity(severity);
    }
    if let Some(since) = args.since {
        builder = builder.since(since.seen_from(session.clock.now()));
    }
    if args.once {
        builder = builder.once();
    }
    let feed = builder.build().await.map_err(|error| match error.kind() {
        // Known without asking a service.
        ErrorKind::Damaged | ErrorKind::InvalidRequest => Failure::plain(&error).into_usage(),
        _ => Failure::plain(&error),
    })?;
    let outcome = follow(common, feed, args.once).await?;
    Ok(if begun == Outcome::Complete { outcome } else { begun })
}

/// Prints what the feed tells, until it ends or somebody ends it.
async fn follow(common: &Common, mut feed: Feed, once: bool) -> Result<Outcome, Failure> {
    let mut output = Output::new(common);
    let progress = progress(&output);
    let (mut count, mut outcome) = (0_u64, Outcome::Complete);
    let mut end = std::pin::pin!(interrupted());
    loop {
        let event = tokio::select! {
            biased;
            () = &mut end => break,
            event = feed.next() => event,
        };
        match event {
            None => break,
            Some(FeedEvent::Change(change)) => {
                let sequence = change.sequence;
                progress.suspend(|| output.change(change))?;
                // It is out: only now it need not come again.
                feed.acknowledge(sequence);
                count += 1;
                let changes = if count == 1 { "change" } else { "changes" };
                let known = feed.remembered();
                progress.set_message(format!("watching: {count} {changes}, {known} detections known"));
            }
            Some(FeedEvent::Notice(notice)) => {
                let failed = progress.suspend(|| tell(&notice));
                if failed && once {
                    outcome = Outcome::WithFailures;
                }
            }
            Some(_) => {}
        }
    }
    progress.finish_and_clear();
    feed.close().await.map_err(|error| Failure::plain(&error))?;
    Ok(outcome)
}

/// Tells of a notice; whether something failed.
fn tell(notice: &Notice) -> bool {
    match notice {
        Notice::SourceFailed { source, error, .. } | Notice::SetAside { source, error } => {
            Failure::of(source, error).report();
            true
        }
        Notice::CheckpointFailed { error } => {
            Failure::plain(error).report();
            true
        }
        Notice::Incomplete { source, .. } => {
            Failure::operation(format!("profile \"{source}\": list detections: {notice}")).report();
            true
        }
        other => {
            note(&format!("note: {other}"));
            false
        }
    }
}

/// Until somebody ends it: Ctrl-C, or a service manager.
async fn interrupted() {
    let asked = async {
        #[cfg(unix)]
        if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            terminate.recv().await;
            return;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = asked => {}
        // Where it cannot be waited for, nothing ends it but its death, which it survives.
        interrupt = tokio::signal::ctrl_c() => if interrupt.is_err() { std::future::pending().await },
    }
}

/// A line below the table, where somebody watches.
fn progress(output: &Output) -> ProgressBar {
    if !std::io::stderr().is_terminal() || !output.is_table() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_style(ProgressStyle::default_spinner());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar.set_message("watching");
    bar
}
