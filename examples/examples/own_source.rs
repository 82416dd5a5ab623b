//! A source for another vendor: implement one trait, and everything built on detections works with it.
#![allow(clippy::print_stdout)]

use std::sync::Mutex;

use async_trait::async_trait;
use pocketsoc_model::{
    Capabilities, ChangePart, Detection, DetectionChange, DetectionId, DetectionQuery, DetectionSource,
    DetectionSourceExt as _, DetectionStream, Error, ErrorKind, Product, Result, Severity, Status,
    TransitionTable,
};

/// Tickets of a help desk, seen as detections.
#[derive(Debug)]
struct HelpDesk {
    tickets: Mutex<Vec<Ticket>>,
    transitions: TransitionTable,
}

#[derive(Debug, Clone)]
struct Ticket {
    number: u32,
    subject: String,
    open: bool,
}

impl HelpDesk {
    fn normalize(&self, ticket: &Ticket) -> Result<Detection> {
        let id = DetectionId::new(ticket.number.to_string())?;
        let mut detection = Detection::new(id, self.product(), &ticket.subject);
        detection.severity = Severity::Low;
        detection.status = if ticket.open { Status::Active } else { Status::Resolved };
        detection.native_status = Some(if ticket.open { "open" } else { "closed" }.into());
        Ok(detection.seen_through(self.name(), &self.transitions))
    }

    fn find(&self, id: &DetectionId) -> Result<Ticket> {
        let tickets = self.tickets.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let found = tickets.iter().find(|t| t.number.to_string() == id.as_str());
        found.cloned().ok_or_else(|| Error::new(ErrorKind::NotFound, "find the ticket"))
    }
}

#[async_trait]
impl DetectionSource for HelpDesk {
    fn name(&self) -> &'static str {
        "Help desk"
    }

    fn product(&self) -> Product {
        Product::new("help_desk")
    }

    async fn capabilities(&self) -> Result<Capabilities> {
        let mut can = Capabilities::unknown();
        (can.view, can.triage, can.comment) = (Some(true), Some(true), Some(false));
        can.statuses = self.transitions.writable();
        Ok(can)
    }

    fn list(&self, query: &DetectionQuery) -> DetectionStream {
        let tickets = self.tickets.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        match tickets.iter().map(|t| self.normalize(t)).collect::<Result<Vec<_>>>() {
            Ok(all) => {
                let fitting =
                    all.into_iter().filter(|d| query.matches(d)).take(query.limit.unwrap_or(usize::MAX));
                DetectionStream::from_vec(fitting.collect())
            }
            Err(error) => DetectionStream::failed(error),
        }
    }

    async fn get(&self, id: &DetectionId) -> Result<Detection> {
        self.normalize(&self.find(id)?)
    }

    async fn update(&self, id: &DetectionId, change: &DetectionChange) -> Result<Detection> {
        const UPDATE: &str = "update the ticket";
        let current = self.get(id).await?;
        // What tickets cannot hold is refused before anything is written.
        if let Some(part) = change.parts().find(|part| *part != ChangePart::Status) {
            return Err(
                Error::new(ErrorKind::Unsupported, UPDATE).with_message(format!("tickets hold no {part}"))
            );
        }
        if let Some(status) = change.status {
            self.transitions.check(UPDATE, current.status, status)?;
            let mut tickets = self.tickets.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            for ticket in tickets.iter_mut().filter(|t| t.number.to_string() == id.as_str()) {
                ticket.open = status == Status::Active;
            }
        }
        self.get(id).await
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let tickets =
        (1..=3).map(|number| Ticket { number, subject: format!("Odd mail no. {number}"), open: true });
    let desk = HelpDesk {
        tickets: Mutex::new(tickets.collect()),
        transitions: TransitionTable::freely([Status::Active, Status::Resolved]),
    };
    // The same suite that Defender for Endpoint passes.
    pocketsoc_testkit::conformance::run(&desk).await;

    let closed = desk.update(&DetectionId::new("2")?, &DetectionChange::status(Status::Resolved)).await?;
    println!("{} is now {}", closed.title, closed.status);
    for detection in desk.collect(&DetectionQuery::all().with_statuses([Status::Active])).await? {
        println!("{} is {}", detection.title, detection.status);
    }
    Ok(())
}
