//! Branches tested on top of the base, and the base moved to exactly the tested commit. What is ready together is
//! stacked and tested once; if that is red, the shortest red part is looked for, so that one alone is to blame.
mod candidate;
mod drain;
mod evict;
mod search;
mod stack;
mod strategy;
mod touches;

use super::attempt::blocking;
use super::check::{Check, Tested};
use super::hands::{Batch, Landed};
use super::judging::setup_failure;
use super::site::Site;
use crate::base::SpecName;
use crate::event::{Event, Failure, LandingPhase};
use crate::model::FailureClass;
use crate::rebuild::LANDING;
use crate::sys::landing::{self as sync, Move, Moved};
use crate::sys::stop::Stop;
use candidate::Candidate;
use search::{Found, Search};
use stack::Stack;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinSet;

/// How often a base that somebody else moves is followed before the landing is held.
const REBUILDS: u32 = 5;

/// What became of specs that were to land, by their positions.
type Ends = Vec<(usize, Landed)>;

/// A stack that is red as a whole.
pub struct RedStack {
    stack: Arc<Stack>,
    failure: Failure,
}

impl RedStack {
    /// The positions of the specs in it.
    pub fn specs(&self) -> impl Iterator<Item = usize> {
        self.stack.candidates().iter().map(|candidate| candidate.spec)
    }
}

impl Site {
    /// Lands specs together, or finds out why not.
    pub async fn land_batch(self: Arc<Self>, mut specs: Vec<usize>, stop: Stop) -> (Ends, Batch<RedStack>) {
        let mut ends = Vec::new();
        for _ in 0..REBUILDS {
            let site = Arc::clone(&self);
            let (stack, ended) = blocking(move || site.stack(&specs)).await;
            ends.extend(ended);
            let Some(stack) = stack.map(Arc::new) else { return (ends, Batch::Over) };
            specs = stack.candidates().iter().map(|candidate| candidate.spec).collect();
            match self.test_part(&stack, specs.len(), &stop).await {
                Check::Green => {}
                Check::Red(failure) if failure.class == FailureClass::Check => {
                    return (ends, Batch::Red(RedStack { stack, failure }));
                }
                Check::Red(failure) => {
                    ends.extend(specs.iter().map(|spec| (*spec, Landed::Failed(failure.clone()))));
                    return (ends, Batch::Over);
                }
                Check::Stopped => {
                    ends.extend(specs.iter().map(|spec| (*spec, Landed::Stopped)));
                    return (ends, Batch::Over);
                }
            }
            let (site, length) = (Arc::clone(&self), specs.len());
            if let Some(landed) = blocking(move || site.move_base(&stack, length)).await {
                ends.extend(landed);
                return (ends, Batch::Over);
            }
        }
        let why = format!("`{}` kept moving while its landing was tested", self.base_branch);
        let held = |spec| (spec, Landed::Held(Failure::new(FailureClass::Conflict, why.clone())));
        ends.extend(specs.into_iter().map(held));
        (ends, Batch::Over)
    }

    /// Finds who makes a stack red, testing so many parts at once, and lands what is before it.
    pub async fn split_batch(self: Arc<Self>, red: RedStack, at_once: usize, stop: Stop) -> Ends {
        let RedStack { stack, mut failure } = red;
        let all = |landed: Landed| stack.candidates().iter().map(move |c| (c.spec, landed.clone())).collect();
        let mut search = Search::new(stack.candidates().len());
        let found = loop {
            if let Some(found) = search.found() {
                break found;
            }
            let mut tests = JoinSet::new();
            for part in search.next(at_once) {
                let (site, stack, stop) = (Arc::clone(&self), Arc::clone(&stack), stop.clone());
                tests.spawn(async move { (part, site.test_part(&stack, part, &stop).await) });
            }
            let (mut tested, mut reds) = (Vec::new(), BTreeMap::new());
            for (part, check) in tests.join_all().await {
                match check {
                    Check::Green => tested.push((part, true)),
                    Check::Stopped => return all(Landed::Stopped),
                    Check::Red(red) if red.class != FailureClass::Check => return all(Landed::Failed(red)),
                    Check::Red(red) => {
                        tested.push((part, false));
                        reds.insert(part, red);
                    }
                }
            }
            search.tell(&tested);
            failure = reds.remove(&search.shortest_red()).unwrap_or(failure);
        };
        match found {
            Found::Base => {
                let message = format!("`{}` itself is red: {}", self.base_branch, failure.message);
                all(Landed::Held(Failure { message, ..failure }))
            }
            Found::Culprit(culprit) => {
                let site = Arc::clone(&self);
                blocking(move || site.land_before(&stack, culprit, failure)).await
            }
        }
    }

    /// Lands what is green before the one to blame, which goes back; those after it come again, and all do if that does
    /// not land.
    fn land_before(&self, stack: &Stack, culprit: usize, failure: Failure) -> Ends {
        let again = |candidate: &Candidate| (candidate.spec, Landed::Again);
        let (before, rest) = stack.candidates().split_at(culprit);
        let mut ends = match culprit {
            0 => Vec::new(),
            length => self.move_base(stack, length).unwrap_or_else(|| before.iter().map(again).collect()),
        };
        // Who is red on top of what did not land may be green without it.
        if !ends.iter().all(|(_, landed)| matches!(landed, Landed::Landed { .. })) {
            ends.extend(rest.iter().map(again));
            return ends;
        }
        if let Some((blamed, after)) = rest.split_first() {
            let beneath = self.names_of(before);
            ends.push((blamed.spec, self.evict(blamed.spec, &blamed.standing, failure, &beneath)));
            ends.extend(after.iter().map(again));
        }
        ends
    }

    pub(super) fn phase(&self, spec: &SpecName, phase: LandingPhase) {
        self.reporter.report(Event::Landing { spec: spec.clone(), phase });
    }

    /// Tests the first so many of a stack, unless their tree was tested before. What is red is tested once more.
    async fn test_part(self: &Arc<Self>, stack: &Stack, length: usize, stop: &Stop) -> Check {
        let part = &stack.candidates()[..length];
        if part.last().is_some_and(|candidate| candidate.is_record) {
            return Check::Green;
        }
        let (commit, tree) = stack.part(length);
        let log = if length == 0 { "land@base" } else { LANDING };
        let concerned = if length == 0 { &stack.candidates()[..1] } else { part };
        let tested = Tested { specs: self.names_of(concerned), commit, tree, log };
        let first = match self.check(&tested, stop).await {
            Check::Red(failure) if failure.class == FailureClass::Check => failure,
            check => return check,
        };
        let second = self.check(&tested, stop).await;
        if matches!(second, Check::Green) {
            let log = first.log.unwrap_or_default();
            self.reporter.report(Event::LandingFlake { specs: tested.specs, why: first.message, log });
        }
        second
    }

    /// Moves the base to the first so many of a stack, which were tested. `None`: it was not where it should be.
    fn move_base(&self, stack: &Stack, length: usize) -> Option<Ends> {
        let part = &stack.candidates()[..length];
        let names = self.names_of(part);
        names.iter().for_each(|name| self.phase(name, LandingPhase::Moving));
        let names: Vec<&str> = names.iter().map(SpecName::as_str).collect();
        let step = Move {
            branch: self.base_branch.clone(),
            old: stack.base(),
            new: stack.part(length).0,
            reason: format!("specmake: land {}", names.join(", ")),
        };
        self.own_moves.lands(step.new);
        let all = |landed: Landed| part.iter().map(|c| (c.spec, landed.clone())).collect();
        match sync::move_branch(&self.git, &step) {
            Err(error) => Some(all(Landed::Failed(setup_failure(&error)))),
            Ok(Moved::BaseMoved { .. }) => None,
            Ok(Moved::Collision { paths }) => Some(self.in_the_way(part, &paths)),
            Ok(Moved::Busy(why)) => Some(all(Landed::Waits { why: why.to_string(), path: None })),
            Ok(Moved::Done) => Some(match self.base_moved(step.new) {
                Ok(()) => part.iter().map(|candidate| (candidate.spec, self.has_landed(candidate))).collect(),
                Err(error) => all(Landed::Failed(setup_failure(&error))),
            }),
        }
    }

    /// Files of the user's stand where some of these would land: those wait, the others come again without them.
    fn in_the_way(&self, part: &[Candidate], paths: &[String]) -> Ends {
        let changes = |candidate: &Candidate, path: &String| {
            let before = self.contents.tree(candidate.onto);
            before.is_ok_and(|before| before.file(path) != candidate.standing.tree.file(path))
        };
        let why = format!(
            "`{}` in your checkout is not as on `{}`: commit, move or restore it",
            paths.join("`, `"),
            self.base_branch
        );
        let waits = Landed::Waits { why, path: paths.first().cloned() };
        let ends: Ends = part
            .iter()
            .map(|candidate| {
                let is_hit = paths.iter().any(|path| changes(candidate, path));
                (candidate.spec, if is_hit { waits.clone() } else { Landed::Again })
            })
            .collect();
        if ends.iter().all(|(_, landed)| *landed == Landed::Again) {
            return ends.into_iter().map(|(spec, _)| (spec, waits.clone())).collect();
        }
        ends
    }

    fn has_landed(&self, candidate: &Candidate) -> Landed {
        if !candidate.recorded.is_empty() {
            self.adoptions_recorded();
        }
        self.warn_of_stale_reading(candidate);
        self.warn_of_overstep(candidate);
        self.leave(candidate.spec);
        Landed::Landed {
            commit: candidate.commit.to_string(),
            result: candidate.result,
            changed: candidate.changed,
        }
    }

    /// The Specfile and the prompts were read at the start: what lands in them counts from the next run on.
    fn warn_of_stale_reading(&self, candidate: &Candidate) {
        let Ok(before) = self.contents.tree(candidate.onto) else { return };
        let after = &candidate.standing.tree;
        for path in self.options.read.iter().filter(|path| before.file(path) != after.file(path)) {
            let name = &self.spec(candidate.spec).name;
            self.reporter
                .warn(format!("{name} landed a change of `{path}`, which counts from the next run on"));
        }
    }

    /// Gives back what a spec had that has landed.
    fn leave(&self, position: usize) {
        let spec = self.spec(position);
        self.free_slot(position);
        if self.options.by_hand.is_some_and(|by_hand| by_hand.beside) {
            return;
        }
        if let Err(why) = self.tidy(spec) {
            self.reporter.warn(format!("{}: its worktree stays: {why}", spec.name));
        }
    }
}
