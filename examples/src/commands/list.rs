//! `soc list`: detections of all profiles, merged, as they arrive.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use pocketsoc_model::{Detection, DetectionQuery, Error, Product, WalkReport};
use tokio::sync::mpsc;

use crate::args::{Common, ListArgs};
use crate::failure::{Failure, Outcome, note};
use crate::output::Output;
use crate::session::{Session, Source};

/// What comes from a source.
enum News {
    Item(Box<Result<Detection, Error>>),
    End(WalkReport),
}

pub(crate) async fn run(common: &Common, args: ListArgs) -> Result<Outcome, Failure> {
    let mut session = Session::open(common).await?;
    if args.no_incidents {
        session.sources.retain(|source| source.product() != Product::GRAPH_INCIDENT);
    }
    let mut output = Output::new(common);
    let query = query(&session, args);
    let (outcome, count) = print(&session, &query, &mut output).await?;
    let outcome = session.outcome(outcome);
    if count == 0 && outcome == Outcome::Complete && query.limit != Some(0) {
        note(
            "no detections; if some are expected, check that the API permissions are granted and admin consent was given; for Defender for Cloud, that it is enabled on the subscription and the app has the role Security Reader there (sample alerts can be created under Security alerts > Sample alerts)",
        );
    }
    Ok(outcome)
}

/// How far a profile has come.
#[derive(Default)]
struct Profile {
    delivered: usize,
    /// It has been told of.
    failed: bool,
    /// Its list was read to the end, or to the limit.
    ended: bool,
}

/// The query that the arguments ask for.
pub(super) fn query(session: &Session, args: ListArgs) -> DetectionQuery {
    let now = session.clock.now();
    let mut query = DetectionQuery::all().with_statuses(args.status);
    query.min_severity = args.min_severity;
    query.updated_since = args.since.map(|when| when.seen_from(now));
    query.updated_until = args.until.map(|when| when.seen_from(now));
    query.machine_group = args.machine_group;
    query.limit = args.limit;
    query
}

/// Prints what the sources have as it comes; how it went, and how many there were.
pub(super) async fn print(
    session: &Session,
    query: &DetectionQuery,
    output: &mut Output,
) -> Result<(Outcome, usize), Failure> {
    let (sender, mut news) = mpsc::channel(64);
    for (place, source) in session.sources.iter().enumerate() {
        tokio::spawn(follow(place, source.clone(), query.clone(), sender.clone()));
    }
    drop(sender);
    let progress = progress(output);
    let mut count = 0;
    let mut profiles: Vec<Profile> = session.sources.iter().map(|_| Profile::default()).collect();
    let limit = query.limit.unwrap_or(usize::MAX);
    loop {
        // What is here is printed before more is waited for.
        let next = if let Ok(next) = news.try_recv() {
            Some(next)
        } else {
            progress.suspend(|| output.flush())?;
            news.recv().await
        };
        let Some((place, news)) = next else { break };
        let profile = &mut profiles[place];
        match news {
            News::Item(item) => match *item {
                // Past the limit nothing is printed, but a profile that fails is still told of.
                Ok(_) if count >= limit => profile.delivered += 1,
                Ok(detection) => {
                    profile.delivered += 1;
                    count += 1;
                    progress.set_message(format!("{count} detections"));
                    progress.suspend(|| output.row(detection))?;
                }
                Err(error) => {
                    let name = session.sources[place].name();
                    progress.suspend(|| Failure::of(name, &error).report());
                    profile.failed = true;
                }
            },
            News::End(report) => {
                for without in &report.degraded {
                    let name = session.sources[place].name();
                    progress
                        .suspend(|| note(&format!("warning: profile \"{name}\": listed without {without}")));
                }
                // A list cut off by the limit is as complete as was asked for.
                profile.ended = report.complete || profile.delivered >= limit;
            }
        }
    }
    progress.finish_and_clear();
    output.flush()?;
    for (source, _) in session.sources.iter().zip(&profiles).filter(|(_, p)| !p.failed && !p.ended) {
        let name = source.name();
        Failure::operation(format!("profile \"{name}\": list detections: the list is not complete")).report();
    }
    let well = profiles.iter().all(|p| p.ended && !p.failed);
    let outcome = if well { Outcome::Complete } else { Outcome::WithFailures };
    Ok((outcome, count))
}

/// Passes on what a source lists, until nobody listens.
async fn follow(place: usize, source: Source, query: DetectionQuery, sender: mpsc::Sender<(usize, News)>) {
    let mut stream = source.list(&query);
    while let Some(item) = stream.next().await {
        if sender.send((place, News::Item(Box::new(item)))).await.is_err() {
            return;
        }
    }
    // Nobody listens any more when the program ends: that is no failure.
    let _ = sender.send((place, News::End(stream.report()))).await;
}

/// A spinner on stderr, where somebody watches.
fn progress(output: &Output) -> ProgressBar {
    if !std::io::stderr().is_terminal() || !output.is_table() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_style(ProgressStyle::default_spinner());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
