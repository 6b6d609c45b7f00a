//! What goes next: the best place to judge, the best place whose tokens are all free.
use super::moves::IllegalMove;
use super::ready::{Top, Want};
use super::schedule::Schedule;
use super::state::State;
use super::tokens::Obstacle;
use crate::event::Done;
use crate::graph::{Edge, Place};
use std::sync::Arc;

impl Schedule {
    /// The best place whose predecessors are all over; it is [`State::Judging`] from here on. Landings too: they
    /// are judged when the last stages of their spec are done.
    pub fn next_to_judge(&mut self) -> Option<Place> {
        let rank = *self.to_judge.first()?;
        let place = self.by_rank[rank as usize];
        self.cascade(vec![(place, State::Judging)]);
        Some(place)
    }

    /// The best stage whose tokens are all free at this time (milliseconds since the Unix epoch). It has them,
    /// and is [`State::Running`], from here on. Back-offs that are over by then count as queued.
    ///
    /// Nothing overtakes a stage that only waits to be alone, so that its turn comes; nor does anything take a
    /// job that a better place may want which is only just being judged.
    pub fn next_to_start(&mut self, now: u64) -> Option<Place> {
        self.end_back_offs(now);
        if !self.tokens.has_free_job() {
            return None;
        }
        let mut after = None;
        while let Some(top) = self.ready.top(after) {
            let Top { rank, class, want } = top;
            let group = want.group;
            let obstacle = self.tokens.obstacle(group, now);
            if let Some(Obstacle::Token(_)) = obstacle {
                after = Some((rank, group));
                continue;
            }
            if let Some(holder) = self.holder(want) {
                self.ready.set_aside(class, holder);
                continue;
            }
            if obstacle.is_some() || self.better_may_want_every_job(rank) {
                return None;
            }
            let place = self.by_rank[rank as usize];
            self.cascade(vec![(place, State::Running)]);
            return Some(place);
        }
        None
    }

    /// The spec that has files which this would take.
    fn holder(&self, want: Want) -> Option<usize> {
        let declared = want.list.and_then(|list| self.touches.holder(list));
        declared.or_else(|| self.claims.holder(want.claim?).map(|(holder, _)| holder))
    }

    fn better_may_want_every_job(&self, rank: u32) -> bool {
        let free = self.tokens.free_jobs() as usize;
        let better = self.judging.range(..rank).chain(self.to_judge.range(..rank));
        better.take(free).count() == free
    }

    fn end_back_offs(&mut self, now: u64) {
        while let Some((until, rank)) = self.backing_off.first().copied() {
            if until > now {
                return;
            }
            self.cascade(vec![(self.by_rank[rank as usize], State::Queued)]);
        }
    }

    /// The next time after `now` at which something may start that cannot start before: the end of a back-off or
    /// of a pause, in milliseconds since the Unix epoch.
    pub fn next_wake(&self, now: u64) -> Option<u64> {
        let back_off = self.backing_off.first().map(|(until, _)| *until);
        [back_off, self.tokens.next_resume(now)].into_iter().flatten().min()
    }

    /// A job for a process of a landing, if one is free and no stage runs alone. Give it back with
    /// [`give_job`](Self::give_job).
    pub fn take_job(&mut self) -> bool {
        self.tokens.take_job()
    }

    /// Gives back what [`take_job`](Self::take_job) took.
    pub fn give_job(&mut self) {
        self.tokens.give_job();
    }

    /// Changes how many agents and commands run at once; what runs goes on.
    pub fn set_jobs(&mut self, jobs: u32) {
        self.tokens.set_jobs(jobs);
    }

    /// Takes every place of a spec that has not ended, its landing too, as done: a `when` that said no.
    ///
    /// # Errors
    /// A place of it that runs or whose turn has not come.
    pub fn settle_spec(&mut self, spec: usize, how: Done) -> Result<(), IllegalMove> {
        let graph = Arc::clone(self.graph());
        for place in graph.stages_of(spec).chain([graph.landing_of(spec)]) {
            if !self.state(place).is_over() {
                self.set(place, State::Done(how))?;
            }
        }
        Ok(())
    }

    /// Sends a spec back to a stage, before it lands: that stage, those behind it and the landing wait again.
    ///
    /// # Errors
    /// One of them runs, or the landing is done.
    pub fn send_back(&mut self, stage: Place) -> Result<(), IllegalMove> {
        let graph = Arc::clone(self.graph());
        let mut behind = vec![stage];
        let mut at = 0;
        while let Some(place) = behind.get(at).copied() {
            at += 1;
            for (next, edge) in graph.successors(place) {
                if edge == Edge::Order && self.wanted().contains(next) && !behind.contains(&next) {
                    behind.push(next);
                }
            }
        }
        let stays = |state| matches!(state, State::Waiting | State::Blocked { .. });
        if let Some(place) = behind.iter().copied().find(|p| {
            let is_landing = graph.stage_name(*p).is_none();
            let state = self.state(*p);
            state == State::Running || (is_landing && matches!(state, State::Done(_)))
        }) {
            let (place, from) = (graph.label(place), self.state(place));
            return Err(IllegalMove { place, from, to: State::Waiting });
        }
        for place in behind {
            if !stays(self.state(place)) {
                self.set(place, State::Waiting)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{AgentName, PoolName};
    use crate::event::WaitsFor;
    use crate::graph::sample::{Sample, pattern};
    use crate::model::{Agent, Prompt, PromptSource, Work};
    use crate::plan::sample::Driven;
    use crate::plan::{Phase, Terms};

    fn agent(name: &str, pool: Option<&str>) -> Agent {
        Agent {
            pool: pool.map(|pool| PoolName::new(pool).expect("a name")),
            ..Agent::new(AgentName::new(name).expect("a name"))
        }
    }

    /// Specs `a`, `b`, `c` whose one stage is done by the agents named; `careful` draws on a pool of one.
    fn with_agents(agents: [&str; 3]) -> Sample {
        let mut sample = Sample::new();
        sample.pool("one", 1);
        for agent in [agent("quick", None), agent("careful", Some("one"))] {
            sample.project.agents.insert(agent.name.clone(), agent);
        }
        for (spec, agent) in ["a", "b", "c"].into_iter().zip(agents) {
            let agent = AgentName::new(agent).expect("a name");
            let pool = sample.project.agents[&agent].pool.clone();
            let stage = &mut sample.spec(spec, "", &["plan"], &[]).stages[0];
            let prompt = Prompt { text: "".into(), source: PromptSource::Inline };
            stage.work = Work::Agent { agent, model: None, prompt };
            stage.pools = pool.into_iter().collect();
        }
        sample
    }

    #[test]
    fn the_longest_path_goes_first_and_priority_before_it() {
        let mut sample = Sample::new();
        sample.spec("a", "", &["plan"], &[]);
        sample.spec("b", "", &["plan"], &[]);
        sample.spec("c", "", &["plan"], &["b"]);
        sample.spec("d", "", &["plan"], &[]).priority = 1;
        let mut driven = Driven::new(
            &sample,
            &[],
            Terms { jobs: 9, fail_fast: false, weights: vec![1; 8], ..Terms::default() },
        );
        driven.judge();
        assert_eq!(driven.start(0), ["d:plan", "b:plan", "a:plan"]);
    }

    #[test]
    fn a_paused_agent_starts_nothing_until_then() {
        let mut driven = Driven::jobs(&with_agents(["quick", "careful", "careful"]), 9);
        driven.judge();
        let quick = AgentName::new("quick").expect("a name");
        let careful = AgentName::new("careful").expect("a name");
        let limit = |agent: &AgentName, until| WaitsFor::Limit { agent: agent.clone(), until };
        driven.schedule.pause_agent(&quick, limit(&quick, Some(50)));
        driven.schedule.pause_agent(&careful, limit(&careful, Some(70)));
        assert_eq!(driven.start(10), [""; 0]);
        assert_eq!(driven.schedule.next_wake(10), Some(50));
        assert_eq!(driven.start(50), ["a:plan"]);
        assert_eq!(driven.start(70), ["b:plan"]);
        assert_eq!(driven.schedule.next_wake(70), None);
        driven.set("b:plan", State::Done(Done::Ran));
        driven.schedule.pause_agent(&careful, limit(&careful, None));
        driven.schedule.pause_agent(&careful, limit(&careful, Some(90)));
        assert_eq!((driven.start(99), driven.schedule.next_wake(99)), (vec![], None));
        assert_eq!(driven.schedule.stuck(), [(driven.at("c:plan"), limit(&careful, None))]);
        driven.schedule.resume_agent(&careful);
        assert_eq!((driven.schedule.stuck(), driven.start(99)), (vec![], vec!["c:plan".to_owned()]));
    }

    #[test]
    fn a_fallback_draws_on_its_own_pool() {
        let mut driven = Driven::jobs(&with_agents(["quick", "careful", "careful"]), 9);
        driven.judge();
        let quick = AgentName::new("quick").expect("a name");
        driven.schedule.use_agent(driven.at("c:plan"), Some(&quick));
        assert_eq!(driven.start(0), ["a:plan", "b:plan", "c:plan"]);
        driven.set("a:plan", State::Queued);
        driven.schedule.use_agent(driven.at("a:plan"), Some(&AgentName::new("careful").expect("a name")));
        assert_eq!(driven.start(0), [""; 0]);
        driven.set("b:plan", State::Done(Done::Ran));
        assert_eq!(driven.start(0), ["a:plan"]);
    }

    #[test]
    fn nothing_overtakes_what_waits_to_be_alone() {
        let mut sample = Sample::new();
        for name in ["a", "b", "c"] {
            sample.spec(name, "", &["plan"], &[]);
        }
        sample.project.specs["b"].stages[0].alone = true;
        let mut driven = Driven::jobs(&sample, 9);
        driven.judge();
        assert_eq!(driven.start(0), ["a:plan"]);
        driven.set("a:plan", State::Done(Done::Ran));
        assert_eq!(driven.start(0), ["b:plan"]);
        assert!(!driven.schedule.take_job());
        driven.set("b:plan", State::Done(Done::Ran));
        assert_eq!(driven.start(0), ["c:plan"]);
        assert!(driven.schedule.take_job());
    }

    #[test]
    fn a_landing_counts_as_a_job() {
        let mut sample = Sample::new();
        sample.spec("a", "", &["plan"], &[]);
        let mut driven = Driven::jobs(&sample, 1);
        driven.judge();
        assert!(driven.schedule.take_job() && !driven.schedule.take_job());
        assert_eq!(driven.start(0), [""; 0]);
        driven.schedule.give_job();
        assert_eq!(driven.start(0), ["a:plan"]);
    }

    #[test]
    fn files_are_kept_from_the_first_stage_to_the_landing() {
        let mut sample = Sample::new();
        for name in ["a", "b"] {
            sample.spec(name, "", &["plan", "check"], &[]).touches = vec![pattern("src/**")];
        }
        sample.spec("c", "", &["plan", "check"], &["a>check"]).touches = vec![pattern("src/c.rs")];
        let mut driven = Driven::jobs(&sample, 9);
        driven.judge();
        // The plan of `c` takes no files: a need of `c` is still to land.
        assert_eq!(driven.start(0), ["a:plan", "c:plan"]);
        for name in ["a:plan", "c:plan"] {
            driven.set(name, State::Done(Done::Ran));
        }
        driven.judge();
        assert_eq!(driven.start(0), ["a:check"]);
        driven.set("a:check", State::Done(Done::Ran));
        driven.judge();
        assert_eq!(driven.start(0), [""; 0]);
        driven.set("a:land", State::Done(Done::Ran));
        driven.judge();
        assert_eq!(driven.start(0), ["b:plan"]);
        driven.set("b:plan", State::AwaitingPerson);
        assert_eq!(driven.start(0), ["c:check"]);
    }

    #[test]
    fn who_waits_for_what_comes_first_does_not_keep_its_files_from_it() {
        let mut sample = Sample::new();
        for (name, edges) in [("a", [].as_slice()), ("b", &["~a"])] {
            sample.spec(name, "", &["plan"], edges).touches = vec![pattern("src/**")];
        }
        let mut driven = Driven::jobs(&sample, 9);
        driven.judge();
        assert_eq!(driven.start(0), ["a:plan"]);
        driven.set("a:plan", State::Held);
        driven.judge();
        assert_eq!(driven.start(0), ["b:plan"]);
        driven.set("b:plan", State::Done(Done::Ran));
        // A person retries the one, and the landing of the other sends it back behind that.
        driven.set("a:plan", State::Waiting);
        driven.judge();
        assert_eq!(driven.start(0), [""; 0]);
        driven.schedule.send_back(driven.at("b:plan")).expect("nothing of it runs");
        assert_eq!(driven.start(0), ["a:plan"]);
    }

    #[test]
    fn a_skipped_spec_lets_others_go_on() {
        let mut sample = Sample::new();
        sample.spec("a", "", &["plan", "check"], &[]);
        sample.spec("b", "", &["plan"], &["a"]);
        let mut driven = Driven::jobs(&sample, 1);
        assert_eq!(driven.schedule.next_to_judge(), Some(driven.at("a:plan")));
        driven.schedule.settle_spec(0, Done::Skipped).expect("nothing of it runs");
        assert_eq!(driven.state("a:land"), State::Done(Done::Skipped));
        driven.judge();
        assert_eq!(driven.start(0), ["b:plan"]);
        assert!(driven.schedule.settle_spec(1, Done::Skipped).is_ok());
        assert!(driven.schedule.settled());
    }

    #[test]
    fn a_spec_is_sent_back_before_it_lands_and_never_after() {
        let mut sample = Sample::new();
        sample.spec("a", "", &["plan", "check"], &[]);
        let mut driven = Driven::jobs(&sample, 1);
        let plan = driven.at("a:plan");
        for name in ["a:plan", "a:check"] {
            driven.judge();
            assert_eq!(driven.start(0), [name]);
            assert!(driven.schedule.send_back(plan).is_err());
            driven.set(name, State::Done(Done::Ran));
        }
        driven.judge();
        assert_eq!(driven.state("a:land"), State::Landing);
        driven.schedule.send_back(driven.at("a:check")).expect("nothing runs");
        assert_eq!(
            [driven.state("a:plan"), driven.state("a:land")],
            [State::Done(Done::Ran), State::Waiting]
        );
        assert_eq!(driven.schedule.next_to_judge(), Some(driven.at("a:check")));
        driven.schedule.settle_spec(0, Done::UpToDate).expect("nothing runs");
        assert!(driven.schedule.send_back(plan).is_err());
        assert_eq!(driven.schedule.count(Phase::Done), 3);
    }

    #[test]
    fn no_job_is_taken_from_a_better_place_that_is_being_judged() {
        let mut sample = Sample::new();
        for name in ["a", "b", "c"] {
            sample.spec(name, "", &["plan"], &[]);
        }
        let started = |jobs: u32, judged_last: &str| -> Vec<String> {
            let mut driven = Driven::jobs(&sample, jobs);
            while driven.schedule.next_to_judge().is_some() {}
            for name in ["a:plan", "b:plan", "c:plan"].into_iter().filter(|name| *name != judged_last) {
                driven.set(name, State::Queued);
            }
            driven.start(0)
        };
        assert_eq!(started(1, "a:plan"), [""; 0]);
        assert_eq!(started(2, "a:plan"), ["b:plan"]);
        assert_eq!(started(1, "c:plan"), ["a:plan"]);
    }

    #[test]
    fn only_moves_of_the_table_are_made() {
        let mut sample = Sample::new();
        sample.layer("low", &[]);
        sample.spec("a", "low", &["plan", "check"], &[]);
        let mut driven = Driven::jobs(&sample, 1);
        let refused = |driven: &mut Driven, name: &str, to| {
            let place = driven.at(name);
            driven.schedule.set(place, to).expect_err("an illegal move").to_string()
        };
        let early = refused(&mut driven, "a:check", State::Done(Done::Ran));
        assert_eq!(early, "`a:check` cannot go from Waiting to Done(Ran)");
        refused(&mut driven, "a:plan", State::Running);
        refused(&mut driven, "a:plan", State::Landing);
        driven.judge();
        refused(&mut driven, "a:plan", State::Running);
        let end = driven.graph.end_of(0);
        assert!(driven.schedule.set(end, State::Held).is_err());
    }
}
