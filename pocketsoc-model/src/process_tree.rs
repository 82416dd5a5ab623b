//! Which process started which, as far as a detection tells.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::{Detection, Entity, EntityKind, Process};

/// A process of a detection in its place among the others.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ProcessNode<'a> {
    /// How many processes stand above it.
    pub depth: usize,
    /// The name of its image.
    pub name: &'a str,
    /// The process.
    pub process: &'a Process,
    /// The entity that it is; `None` where it is only known as the one that started another.
    pub entity: Option<&'a Entity>,
}

/// Of the processes with one id, so many are compared: ids are used again, but not as often.
const COMPARED: usize = 64;

impl Detection {
    /// Its processes, each below the one that started it: in the order of the entities, what a process has started right
    /// behind it. A process that comes several times stands once, where it has an id.
    ///
    /// A process is told by its id, the time it started at, and the machine where that is known; without times the name
    /// of its image has to fit as well. Who would have started itself is nobody's child.
    pub fn process_tree(&self) -> Vec<ProcessNode<'_>> {
        Forest::of(&self.entities).in_order()
    }
}

/// One process, with what it is recognised by.
#[derive(Clone, Copy)]
struct Seen<'a> {
    name: &'a str,
    process: &'a Process,
    entity: Option<&'a Entity>,
    machine: Option<&'a str>,
}

impl Seen<'_> {
    fn started(&self) -> Option<DateTime<Utc>> {
        self.process.started_at
    }

    /// Whether both are one process.
    fn is(&self, other: &Self) -> bool {
        let apart =
            |one: Option<&str>, other: Option<&str>| matches!((one, other), (Some(a), Some(b)) if a != b);
        if self.process.pid != other.process.pid || apart(self.machine, other.machine) {
            return false;
        }
        match (self.started(), other.started()) {
            // Sources round to different fractions of a second.
            (Some(one), Some(other)) => one.timestamp_millis() == other.timestamp_millis(),
            _ => self.name.eq_ignore_ascii_case(other.name),
        }
    }
}

#[derive(Default)]
struct Forest<'a> {
    nodes: Vec<Seen<'a>>,
    by_pid: HashMap<i64, Vec<usize>>,
    parents: Vec<Option<usize>>,
}

impl<'a> Forest<'a> {
    fn of(entities: &'a [Entity]) -> Self {
        let mut forest = Self::default();
        let mut places = Vec::new();
        for entity in entities {
            if let EntityKind::Process(process) = &entity.kind {
                let machine = entity.properties.get("mdeDeviceId");
                let at = forest.place(Seen { name: &entity.name, process, entity: Some(entity), machine });
                places.push((at, process, machine));
            }
        }
        // What comes several times may name its parent in one place only.
        for (child, process, machine) in places {
            let Some(parent) = process.parent.as_ref().filter(|_| forest.parents[child].is_none()) else {
                continue;
            };
            let parent = Seen { name: &parent.name, process: &parent.process, entity: None, machine };
            let parent = forest.place(parent);
            if !forest.stands_above(child, parent) {
                forest.parents[child] = Some(parent);
            }
        }
        forest
    }

    /// Where a process stands; one that is not there yet is added.
    fn place(&mut self, seen: Seen<'a>) -> usize {
        if let Some(pid) = seen.process.pid {
            let same = self.by_pid.entry(pid).or_default();
            if let Some(at) = same.iter().rev().take(COMPARED).find(|at| self.nodes[**at].is(&seen)) {
                return *at;
            }
            same.push(self.nodes.len());
        }
        self.nodes.push(seen);
        self.parents.push(None);
        self.nodes.len() - 1
    }

    /// Whether `above` is `below`, or has started it, however indirectly.
    fn stands_above(&self, above: usize, below: usize) -> bool {
        let mut at = Some(below);
        while let Some(here) = at {
            if here == above {
                return true;
            }
            at = self.parents[here];
        }
        false
    }

    /// Each process, behind it all that it has started.
    fn in_order(&self) -> Vec<ProcessNode<'a>> {
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        let mut waiting: Vec<(usize, usize)> = Vec::new();
        for (at, parent) in self.parents.iter().enumerate() {
            match parent {
                Some(parent) => children[*parent].push(at),
                None => waiting.push((at, 0)),
            }
        }
        waiting.reverse();
        let mut all = Vec::with_capacity(self.nodes.len());
        while let Some((at, depth)) = waiting.pop() {
            let Seen { name, process, entity, .. } = self.nodes[at];
            all.push(ProcessNode { depth, name, process, entity });
            waiting.extend(children[at].iter().rev().map(|child| (*child, depth + 1)));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DetectionId, ParentProcess, Product};

    fn process(pid: i64, second: i64) -> Process {
        let started_at = DateTime::from_timestamp(1_790_000_000 + second, 100).filter(|_| second > 0);
        Process { pid: Some(pid), started_at, ..Process::default() }
    }

    fn entity(name: &str, own: Process, parent: Option<(&str, Process)>, machine: &str) -> Entity {
        let parent = parent.map(|(name, process)| Box::new(ParentProcess::new(name, process)));
        let mut entity = Entity::new(EntityKind::Process(Box::new(Process { parent, ..own })), name);
        entity.properties.set_some("mdeDeviceId", (!machine.is_empty()).then_some(machine));
        entity
    }

    fn tree(entities: Vec<Entity>) -> Vec<String> {
        let mut detection = Detection::new(DetectionId::new("a").unwrap(), Product::GRAPH_ALERT, "");
        detection.entities = entities;
        let line = |node: &ProcessNode<'_>| {
            let known = if node.entity.is_some() { "" } else { "?" };
            format!("{}{}{known}", " ".repeat(node.depth), node.name)
        };
        detection.process_tree().iter().map(line).collect()
    }

    #[test]
    fn each_process_stands_below_the_one_that_started_it() {
        let lines = tree(vec![
            entity("powershell.exe", process(30, 30), Some(("winword.exe", process(20, 20))), "m"),
            entity("winword.exe", process(20, 20), Some(("explorer.exe", process(10, 10))), "m"),
            entity("whoami.exe", process(40, 40), Some(("powershell.exe", process(30, 30))), "m"),
            entity("outlook.exe", process(21, 21), Some(("explorer.exe", process(10, 10))), "m"),
            entity("powershell.exe", process(30, 30), None, "m"),
            // The same id, later, and the same id on another machine.
            entity("cmd.exe", process(30, 300), None, "m"),
            entity("other.exe", process(41, 41), Some(("powershell.exe", process(30, 30))), "n"),
        ]);
        assert_eq!(
            lines,
            [
                "cmd.exe",
                "explorer.exe?",
                " winword.exe",
                "  powershell.exe",
                "   whoami.exe",
                " outlook.exe",
                "powershell.exe?",
                " other.exe",
            ]
        );
    }

    #[test]
    fn without_times_the_name_has_to_fit_and_nobody_is_his_own_ancestor() {
        let lines = tree(vec![
            entity("a", process(1, 0), Some(("B", process(2, 0))), ""),
            entity("b", process(2, 0), Some(("a", process(1, 0))), ""),
            entity("c", process(3, 0), Some(("c", process(3, 0))), ""),
            entity("d", process(4, 0), Some(("x", process(3, 0))), ""),
        ]);
        assert_eq!(lines, ["b", " a", "c", "x?", " d"]);
    }

    #[test]
    fn what_comes_twice_has_the_parent_that_either_names() {
        let lines = tree(vec![
            entity("b", process(2, 2), None, "m"),
            entity("b", process(2, 2), Some(("a", process(1, 1))), "m"),
            entity("b", process(2, 2), Some(("z", process(9, 9))), "m"),
        ]);
        assert_eq!(lines, ["a?", " b"]);
    }

    #[test]
    fn a_long_chain_and_many_of_one_id_end_soon() {
        let chain = (0..500).map(|n| entity("p", process(n, n + 1), Some(("p", process(n + 1, n + 2))), "m"));
        assert_eq!(tree(chain.collect()).last().unwrap().trim(), "p");
        let same = (1..20_000).map(|n| entity("p", process(7, n), Some(("q", process(8, n))), "m"));
        assert_eq!(tree(same.collect()).len(), 2 * 19_999);
    }
}
