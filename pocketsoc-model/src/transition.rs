//! Which status may follow which: data, per product, with the shortest legal path.

use std::collections::VecDeque;

use crate::{Error, ErrorKind, Product, Status};

/// What a requested status change means under a [`TransitionTable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// The detection already has the status: nothing to send.
    Nothing,
    /// One write takes it there.
    Write,
}

/// Which status may follow which, for one product.
///
/// The tables of the Microsoft products are built in ([`for_product`](Self::for_product)); other vendors build their
/// own, and every client lets its user override the table, since the services publish none.
///
/// ```
/// use pocketsoc_model::{Product, Status, TransitionTable};
/// let table = TransitionTable::for_product(&Product::DEFENDER_FOR_CLOUD);
/// assert_eq!(table.allowed_from(Status::Resolved), [Status::Active]);
/// assert_eq!(table.path(Status::Resolved, Status::Dismissed), Some(vec![Status::Active, Status::Dismissed]));
///
/// let tickets = TransitionTable::new().allow(Status::Active, [Status::Resolved]);
/// assert!(tickets.allowed_from(Status::Resolved).is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransitionTable {
    rows: Vec<(Status, Vec<Status>)>,
}

impl TransitionTable {
    /// A table that allows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The table of a Microsoft product; for any other product one that allows nothing.
    pub fn for_product(product: &Product) -> Self {
        use Status::{Active, AwaitingAction, Dismissed, InProgress, Resolved};
        if *product == Product::DEFENDER_FOR_CLOUD {
            Self::new()
                .allow(Active, [InProgress, Dismissed, Resolved])
                .allow(InProgress, [Active, Dismissed, Resolved])
                .allow(Dismissed, [Active])
                .allow(Resolved, [Active])
        } else if *product == Product::DEFENDER_ENDPOINT || *product == Product::GRAPH_ALERT {
            Self::freely([Active, InProgress, Resolved])
        } else if *product == Product::GRAPH_INCIDENT {
            Self::freely([Active, InProgress, Resolved]).allow(AwaitingAction, [Active, InProgress, Resolved])
        } else {
            Self::new()
        }
    }

    /// A table in which each of `statuses` may follow each other.
    pub fn freely(statuses: impl IntoIterator<Item = Status>) -> Self {
        let statuses: Vec<Status> = statuses.into_iter().collect();
        statuses.iter().fold(Self::new(), |table, &from| table.allow(from, statuses.iter().copied()))
    }

    /// Also allows going from `from` to each of `to`.
    #[must_use]
    pub fn allow(mut self, from: Status, to: impl IntoIterator<Item = Status>) -> Self {
        let at = self.rows.iter().position(|(s, _)| *s == from).unwrap_or_else(|| {
            self.rows.push((from, Vec::new()));
            self.rows.len() - 1
        });
        for status in to {
            if status != from && !self.rows[at].1.contains(&status) {
                self.rows[at].1.push(status);
            }
        }
        self
    }

    /// Every status that the product accepts writing.
    pub fn writable(&self) -> Vec<Status> {
        let mut all: Vec<Status> = self.rows.iter().flat_map(|(_, to)| to.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The statuses that may follow `from`, without `from` itself. From an unknown status, all writable ones.
    pub fn allowed_from(&self, from: Status) -> Vec<Status> {
        if from == Status::Unknown {
            return self.writable();
        }
        self.rows.iter().find(|(s, _)| *s == from).map(|(_, to)| to.clone()).unwrap_or_default()
    }

    /// The shortest legal way from `from` to `to`, without `from`: empty when they are equal, `None` when there is none.
    pub fn path(&self, from: Status, to: Status) -> Option<Vec<Status>> {
        let mut ways = VecDeque::from([vec![]]);
        let mut seen = vec![from];
        while let Some(way) = ways.pop_front() {
            let here = way.last().copied().unwrap_or(from);
            if here == to {
                return Some(way);
            }
            for next in self.allowed_from(here) {
                if !seen.contains(&next) {
                    seen.push(next);
                    ways.push_back([way.as_slice(), &[next]].concat());
                }
            }
        }
        None
    }

    /// What a change from `from` to `to` needs.
    ///
    /// # Errors
    /// `InvalidTransition` (with the allowed statuses and the legal path) when one write cannot do it.
    pub fn check(&self, operation: &'static str, from: Status, to: Status) -> crate::Result<Step> {
        if from == to {
            return Ok(Step::Nothing);
        }
        let allowed = self.allowed_from(from);
        if allowed.contains(&to) {
            return Ok(Step::Write);
        }
        let words = |list: &[Status]| {
            if list.is_empty() {
                "none".to_owned()
            } else {
                list.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(", ")
            }
        };
        let path = self.path(from, to);
        let way = path.as_ref().map_or_else(
            || "there is no legal path to it".to_owned(),
            |way| {
                format!(
                    "the legal path is {}",
                    words(&[&[from], way.as_slice()].concat()).replace(", ", " -> ")
                )
            },
        );
        Err(Error::new(ErrorKind::InvalidTransition, operation)
            .with_message(format!("{from} cannot become {to}; allowed: {}; {way}", words(&allowed)))
            .with_transition(crate::RefusedTransition::new(from, to, allowed, path)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Status::{Active, AwaitingAction, Dismissed, InProgress, Merged, Resolved, Unknown};

    fn products() -> [Product; 4] {
        [
            Product::DEFENDER_ENDPOINT,
            Product::DEFENDER_FOR_CLOUD,
            Product::GRAPH_ALERT,
            Product::GRAPH_INCIDENT,
        ]
    }

    #[test]
    fn a_resolved_cloud_alert_can_only_be_reactivated() {
        let table = TransitionTable::for_product(&Product::DEFENDER_FOR_CLOUD);
        assert_eq!(table.allowed_from(Resolved), [Active]);
        assert_eq!(table.allowed_from(Dismissed), [Active]);
        assert_eq!(table.allowed_from(Active), [InProgress, Dismissed, Resolved]);
        let error = table.check("update", Resolved, InProgress).unwrap_err();
        let refused = error.transition().unwrap();
        assert_eq!(refused.allowed(), [Active]);
        assert_eq!(refused.path(), Some(&[Active, InProgress][..]));
        assert_eq!(
            error.to_string(),
            "update: resolved cannot become in_progress; allowed: active; the legal path is resolved -> active -> in_progress"
        );
    }

    #[test]
    fn merged_incidents_are_final_and_awaiting_ones_can_only_be_left() {
        let table = TransitionTable::for_product(&Product::GRAPH_INCIDENT);
        assert!(table.allowed_from(Merged).is_empty());
        assert_eq!(table.allowed_from(AwaitingAction), [Active, InProgress, Resolved]);
        assert_eq!(table.path(Active, AwaitingAction), None);
    }

    #[test]
    fn every_pair_of_every_product_is_a_write_a_no_op_or_refused_with_a_path_that_holds() {
        for product in products() {
            let table = TransitionTable::for_product(&product);
            for from in Status::ALL {
                for to in Status::ALL {
                    match table.check("update", from, to) {
                        Ok(Step::Nothing) => assert_eq!(from, to),
                        Ok(Step::Write) => assert!(table.allowed_from(from).contains(&to)),
                        Err(error) => {
                            assert_eq!(error.kind(), ErrorKind::InvalidTransition);
                            let mut here = from;
                            for &step in error.transition().unwrap().path().unwrap_or_default() {
                                assert!(
                                    table.allowed_from(here).contains(&step),
                                    "{product}: {here} -> {step}"
                                );
                                here = step;
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn from_a_status_unknown_to_us_whatever_the_service_accepts_may_be_written() {
        for product in products() {
            let table = TransitionTable::for_product(&product);
            assert_eq!(table.allowed_from(Unknown), table.writable());
            assert!(!table.writable().is_empty());
        }
    }
}
