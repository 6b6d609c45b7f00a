//! What keeps a run from starting more: money that is spent, a machine that is short of something, limits that
//! somebody has to lift.
use super::{Dispatcher, LOOK_AGAIN};
use crate::event::{Event, Failure, Scarce, WaitsFor};
use crate::graph::Place;
use crate::model::{FailureClass, Project};
use crate::plan::{IllegalMove, Phase};
use crate::run::hands::Hands;
use crate::run::onward::Onward;
use crate::run::room::Room;
use tokio::time::Instant;

/// What is looked at before anything starts.
pub(super) struct Brakes {
    room: Room,
    /// When the machine is looked at next.
    look_at: Instant,
    /// What it is known to be short of.
    short_of: Option<Scarce>,
    /// What the run had cost when that reached the budget.
    spent: Option<f64>,
}

impl Brakes {
    pub(super) fn new(project: &Project) -> Self {
        let room = Room::new(project.settings.limits);
        Self { room, look_at: Instant::now(), short_of: None, spent: None }
    }

    /// When to look again, if something is to come of it.
    pub(super) fn wake(&self) -> Option<Instant> {
        self.short_of.map(|_| self.look_at)
    }
}

impl<H: Hands> Dispatcher<H> {
    /// Whether the machine has room for one more stage. With nothing of ours running it is not us who fill it, and
    /// one goes on all the same, unless there is no room to write.
    pub(super) fn has_room(&mut self) -> bool {
        if self.schedule.count(Phase::Queued) == 0 && self.brakes.short_of.is_none() {
            return true;
        }
        if self.brakes.look_at <= Instant::now() {
            self.brakes.look_at = Instant::now() + LOOK_AGAIN;
            self.brakes.room.look(self.hands.load());
            self.tell_of_room();
        }
        match self.brakes.short_of {
            None => true,
            Some(Scarce::Disk) => false,
            Some(Scarce::Cpu | Scarce::Memory) => self.schedule.count(Phase::Running) == 0,
        }
    }

    fn tell_of_room(&mut self) {
        let found = self.brakes.room.short_of();
        let now = found.map(|(what, _)| what);
        if self.brakes.short_of == now {
            return;
        }
        if let Some(what) = self.brakes.short_of {
            self.reporter.report(Event::LoadFine { what });
        }
        if let Some((what, why)) = found {
            self.reporter.report(Event::LoadHigh { what, why: why.to_owned() });
        }
        self.brakes.short_of = now;
        self.schedule.set_short_of(now);
    }

    /// Lets no agent start any more once the run has cost what it may.
    pub(super) fn mind_the_budget(&mut self) {
        let Some(budget) = self.project.settings.budget_usd.filter(|_| self.brakes.spent.is_none()) else {
            return;
        };
        let spent = self.hands.spent();
        if spent >= budget {
            self.brakes.spent = Some(spent);
            self.schedule.pause_agents(&WaitsFor::Budget);
            self.reporter.report(Event::BudgetReached { spent, budget });
        }
    }

    /// What was paused for something else before is paused for money now, if that is spent.
    pub(super) fn keep_to_the_budget(&mut self) {
        if self.brakes.spent.is_some() {
            self.schedule.pause_agents(&WaitsFor::Budget);
        }
    }

    /// Holds what waits for something that is not over by itself, when nothing else can go on; whether there was any.
    /// None of it is put on record: the next build goes on with it.
    pub(super) fn hold_what_is_stuck(&mut self) -> Result<bool, IllegalMove> {
        if self.schedule.count(Phase::Queued) == 0 || self.schedule.next_wake(self.now()).is_some() {
            return Ok(false);
        }
        let mut stuck = self.schedule.stuck();
        if self.brakes.short_of == Some(Scarce::Disk) {
            let disk = WaitsFor::Load { what: Scarce::Disk };
            stuck = self.schedule.first_queued(usize::MAX).map(|place| (place, disk.clone())).collect();
        }
        for (place, waits) in &stuck {
            self.hold_for(*place, waits)?;
        }
        Ok(!stuck.is_empty())
    }

    fn hold_for(&mut self, place: Place, waits: &WaitsFor) -> Result<(), IllegalMove> {
        let (class, why) = match waits {
            WaitsFor::Limit { agent, .. } => {
                let why = format!("`{agent}` is refused until somebody sees to it");
                (FailureClass::Limit, self.limits.holds(place, agent).map_or(why, ToOwned::to_owned))
            }
            WaitsFor::Budget => {
                let budget = self.project.settings.budget_usd.unwrap_or_default();
                let spent = self.brakes.spent.unwrap_or_default();
                let why = format!("the run has cost {spent:.2} of {budget:.2} USD; `--max-cost` allows more");
                (FailureClass::Limit, why)
            }
            _ => {
                let why = self.brakes.room.short_of().map(|(_, why)| why);
                (FailureClass::Setup, format!("no room on the disk: {}", why.unwrap_or("it is full")))
            }
        };
        self.hold(place, Failure::new(class, why), Onward::Build)
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::sample::Sample;
    use crate::model::LoadLimits;
    use crate::run::sample::{Story, done, takes};
    use crate::sys::load::Load;

    fn three() -> Story {
        let mut sample = Sample::new();
        for name in ["a", "b", "c"] {
            sample.spec(name, "", &["plan"], &[]);
        }
        sample.project.settings.limits = LoadLimits { cpu: None, memory: Some(85.0), disk: 1_000_000_000 };
        Story::of(sample).jobs(3)
    }

    fn memory(percent: f64) -> Load {
        Load { memory: Some(percent), ..Load::default() }
    }

    fn disk(free: u64) -> Load {
        Load { disk_free: Some(free), ..Load::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn with_memory_full_stages_run_one_by_one_until_it_is_free() {
        let story = three().load(0, memory(90.0)).load(15, memory(82.0)).load(25, memory(50.0));
        let story = ["a:plan", "b:plan", "c:plan"]
            .into_iter()
            .fold(story, |story, stage| story.attempt(stage, takes(10, done())));
        let told = story.tell().await;
        let high = "short of memory: 90 % of memory in use, the limit is 85 %";
        assert_eq!(
            told.of(&["run 1", "done", "short", "enough", "plan waits"]),
            [
                high,
                "a:plan run 1/1",
                "b:plan waits: load memory",
                "c:plan waits: load memory",
                "a:plan done Ran",
                "b:plan run 1/1",
                "b:plan done Ran",
                "c:plan run 1/1",
                "enough memory",
                "c:plan done Ran",
            ]
        );
        told.ends(3, 3, false);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_starts_when_the_machine_is_free_again() {
        let story = three().load(0, memory(90.0)).load(5, memory(50.0));
        let story = ["a:plan", "b:plan", "c:plan"]
            .into_iter()
            .fold(story, |story, stage| story.attempt(stage, takes(10, done())));
        let told = story.tell().await;
        assert_eq!(
            told.of(&["run 1", "enough", "done"])[..5],
            ["a:plan run 1/1", "enough memory", "b:plan run 1/1", "c:plan run 1/1", "a:plan done Ran"]
        );
        told.ends(3, 3, false);
    }

    #[tokio::test(start_paused = true)]
    async fn without_room_on_the_disk_what_runs_ends_and_the_rest_is_held() {
        let story = three().jobs(1).load(0, disk(5_000_000_000)).load(3, disk(1_000));
        let told = story.attempt("a:plan", takes(10, done())).tell().await;
        let why = "no room on the disk: 1 kB are free, the limit is 1 GB";
        assert_eq!(
            told.of(&["run 1", "done", "held", "landed"]),
            [
                "a:plan run 1/1".to_owned(),
                "a:plan done Ran".to_owned(),
                "a landed".to_owned(),
                format!("b:plan held: {why}; specmake b"),
                format!("c:plan held: {why}; specmake c"),
            ]
        );
        told.ends(1, 1, true);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_known_stops_nobody() {
        three().load(0, Load::default()).tell().await.ends(3, 3, false);
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_that_is_spent_holds_agents_and_lands_what_is_done() {
        let mut sample = Sample::new();
        sample.agent("claude");
        for name in ["a", "b"] {
            sample.spec(name, "", &["plan", "check"], &[]);
            sample.by("claude", name, "plan");
        }
        sample.project.settings.budget_usd = Some(5.0);
        let told = Story::of(sample).jobs(1).cost("a:plan", 5.25).tell().await;
        told.says(&[
            "a:plan run 1/1 by claude",
            "b:plan waits: job",
            "a:plan done Ran",
            "the run has cost 5.25 of 5",
            "b:plan waits: budget",
            "a:check run 1/1",
            "a:check done Ran",
            "a Queued",
            "a landed",
            "b:plan held: the run has cost 5.25 of 5.00 USD; `--max-cost` allows more; specmake b",
        ])
        .ends(2, 1, true);
    }
}
