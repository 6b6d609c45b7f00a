//! What people are told of a run: what needs them, and that it is over.
use crate::base::english;
use crate::event::{Event, RunOutcome};
use crate::sys::output::clean;

/// The longest title and the longest body, in characters.
const LONGEST: (usize, usize) = (120, 400);

/// The most things that are named at once.
const NAMED: usize = 5;

/// What is told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What it is about.
    pub kind: Kind,
    /// In a few words.
    pub title: String,
    /// In one sentence.
    pub body: String,
}

/// What a note is about; in the order in which they are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A person has to look after something.
    Held,
    /// It failed for this run.
    Failed,
    /// A gate, or a file in the way of a landing.
    Waits,
    /// An agent was refused, or the money is spent.
    Limit,
    /// The run is over.
    Ended,
}

impl Kind {
    fn count(self, notes: &[Note]) -> Option<String> {
        let number = notes.iter().filter(|note| note.kind == self).count();
        let what = match self {
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Waits => "waiting for you",
            Self::Limit => "at a limit",
            Self::Ended => "ended",
        };
        (number > 0).then(|| format!("{number} {what}"))
    }
}

impl Note {
    /// What to tell of an event, if it is worth that. Not what a person wanted so.
    pub fn of(event: &Event) -> Option<Self> {
        let (kind, title, body) = match event {
            Event::StageHeld { failure, .. } if failure.is_wanted() => return None,
            Event::StageHeld { stage, failure, next } => {
                (Kind::Held, format!("{stage} is held"), format!("{}; next: {next}", failure.message))
            }
            Event::StageFailed { stage, failure, next } => {
                (Kind::Failed, format!("{stage} failed"), format!("{}; next: {next}", failure.message))
            }
            Event::GateWaiting { stage } => {
                (Kind::Waits, format!("{stage} waits for you"), format!("next: specmake approve {stage}"))
            }
            Event::LandingWaits { spec, why, .. } => {
                (Kind::Waits, format!("{spec} cannot land yet"), why.clone())
            }
            Event::PoolPaused { agent, until: None, why, .. } => {
                (Kind::Limit, format!("{agent} needs you"), format!("it was refused: {why}"))
            }
            Event::PoolPaused { agent, why, .. } => {
                (Kind::Limit, format!("{agent} met a limit"), format!("it goes on by itself: {why}"))
            }
            Event::BudgetReached { spent, budget } => {
                let body = format!("it has cost {spent:.2} of {budget:.2} USD; no agent starts any more");
                (Kind::Limit, "the run's money is spent".to_owned(), body)
            }
            Event::RunEnded { outcome: RunOutcome::Done, .. } => {
                (Kind::Ended, "done".to_owned(), "all that was asked for is done".to_owned())
            }
            Event::RunEnded { outcome: RunOutcome::Failed, .. } => {
                (Kind::Ended, "ended".to_owned(), "something needs you: `specmake status`".to_owned())
            }
            _ => return None,
        };
        Some(Self { kind, title, body })
    }

    /// One note that says it all.
    pub fn gathered(mut notes: Vec<Self>) -> Option<Self> {
        if notes.len() < 2 {
            return notes.pop();
        }
        let end = notes.iter().position(|note| note.kind == Kind::Ended).map(|end| notes.remove(end));
        let mut named: Vec<&str> = notes.iter().take(NAMED).map(|note| note.title.as_str()).collect();
        let more = notes.len().saturating_sub(NAMED);
        let more = (more > 0).then(|| format!("{more} more"));
        named.extend(more.as_deref());
        let named = english::list(&named, "and");
        Some(match end {
            Some(end) => Self { body: format!("{}; {named}", end.body), ..end },
            None => {
                let kinds = [Kind::Held, Kind::Failed, Kind::Waits, Kind::Limit];
                let counts: Vec<String> = kinds.iter().filter_map(|kind| kind.count(&notes)).collect();
                Self { kind: notes[0].kind, title: counts.join(", "), body: named }
            }
        })
    }

    /// Its title, which names the repository, and its body: one line each, and not too long.
    pub fn words(&self, repository: &str) -> (String, String) {
        let short = |text: &str, longest: usize| {
            let text = clean(text.replace(['\n', '\t'], " ").as_bytes());
            if text.chars().count() <= longest {
                return text;
            }
            text.chars().take(longest - 1).chain(['\u{2026}']).collect()
        };
        let (title, body) = LONGEST;
        (short(&format!("specmake ({repository}): {}", self.title), title), short(&self.body, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{AgentName, SpecName, StageId, StageName};
    use crate::event::Failure;
    use crate::model::{FailureClass, LimitKind};

    fn stage(spec: &str) -> StageId {
        StageId::new(&SpecName::new(spec).expect("a name"), &StageName::new("plan").expect("a name"))
    }

    fn held(spec: &str, failure: Failure) -> Event {
        Event::StageHeld { stage: stage(spec), failure, next: format!("specmake retry {spec}") }
    }

    fn told(event: &Event) -> Option<String> {
        let (title, body) = Note::of(event)?.words("r");
        Some(format!("{title} / {body}"))
    }

    fn crash(message: &str) -> Failure {
        Failure::new(FailureClass::Crash, message)
    }

    #[test]
    fn what_needs_people_is_told() {
        let check = |event: &Event, expect: &str| assert_eq!(told(event).as_deref(), Some(expect));
        let ugly = crash("exit\u{1b}[31m status\n1");
        check(&held("a", ugly), "specmake (r): a:plan is held / exit status 1; next: specmake retry a");
        let failed = Event::StageFailed { stage: stage("a"), failure: crash("no"), next: "x".into() };
        check(&failed, "specmake (r): a:plan failed / no; next: x");
        let paused = |until| Event::PoolPaused {
            agent: AgentName::new("claude").expect("a name"),
            pool: None,
            kind: LimitKind::Clock,
            why: "429".into(),
            until,
        };
        check(&paused(Some(1)), "specmake (r): claude met a limit / it goes on by itself: 429");
        check(&paused(None), "specmake (r): claude needs you / it was refused: 429");
        let gate = Event::GateWaiting { stage: stage("a") };
        check(&gate, "specmake (r): a:plan waits for you / next: specmake approve a:plan");
        let ended = |outcome| Event::RunEnded { outcome, millis: 1 };
        check(&ended(RunOutcome::Done), "specmake (r): done / all that was asked for is done");
        assert!(told(&ended(RunOutcome::Failed)).is_some());
        for outcome in [RunOutcome::NothingToDo, RunOutcome::Interrupted] {
            assert_eq!(told(&ended(outcome)), None);
        }
    }

    #[test]
    fn what_a_person_wanted_is_not_told() {
        for failure in [Failure::by_hand(Some("later")), Failure::parked("later")] {
            assert_eq!(told(&held("a", failure)), None);
        }
    }

    #[test]
    fn many_are_told_as_one() {
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let mut notes: Vec<Note> =
            names.iter().filter_map(|name| Note::of(&held(name, crash("no")))).collect();
        notes.extend(Note::of(&Event::GateWaiting { stage: stage("h") }));
        let all = Note::gathered(notes.clone()).expect("a note");
        assert_eq!(all.title, "7 held, 1 waiting for you");
        let first =
            "a:plan is held, b:plan is held, c:plan is held, d:plan is held, e:plan is held and 3 more";
        assert_eq!(all.body, first);
        notes.truncate(1);
        assert_eq!(Note::gathered(notes.clone()).as_ref(), notes.first());
        notes.extend(Note::of(&Event::RunEnded { outcome: RunOutcome::Failed, millis: 1 }));
        let end = Note::gathered(notes).expect("a note");
        assert_eq!(end.title, "ended");
        assert_eq!(end.body, "something needs you: `specmake status`; a:plan is held");
        assert_eq!(Note::gathered(Vec::new()), None);
    }

    #[test]
    fn what_is_long_is_cut() {
        let (title, body) =
            Note::of(&held("a", crash(&"x".repeat(1000)))).expect("a note").words(&"r".repeat(200));
        assert_eq!((title.chars().count(), body.chars().count()), (120, 400));
        assert!(body.ends_with('\u{2026}'));
    }
}
