//! What is known of one spec: its stages, its landing, and the three facts that are never one status.
use super::stage::{StageState, StageView};
use super::tally::Tally;
use crate::base::{LayerName, SpecName, StageName, Stamp};
use crate::event::{Done, LandingPhase, PlannedSpec, Verdict};
use crate::model::FailureClass;
use indexmap::IndexMap;

/// What events call the landing where they speak of it as a stage.
pub const LAND: &str = "land";

/// The stage that verifies what the ones before it delivered.
const CHECK: &str = "check";

/// A spec of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct SpecView {
    /// Its name.
    pub name: SpecName,
    /// Its layer.
    pub layer: Option<LayerName>,
    /// Its description, first line.
    pub title: Option<String>,
    /// Its wave, from 0.
    pub wave: u32,
    /// The specs of the run that it needs.
    pub needs: Vec<SpecName>,
    /// Its stages in order.
    pub stages: IndexMap<StageName, StageView>,
    /// Whether the run is to land it.
    pub lands: bool,
    /// Its landing, drawn like a stage.
    pub land: StageView,
    /// Whether its landing was tested.
    pub checked: bool,
    /// Its landing in this run.
    pub landed: Option<LandedView>,
    /// The branch it stays on because landing is off.
    pub branch: Option<String>,
    /// The spec in its way.
    pub blocked: Option<Blocked>,
    /// Why it is not built: its `when` said no.
    pub skipped: Option<String>,
    /// The refs that keep what a `restart` or a `skip` took back.
    pub backups: Vec<String>,
}

/// A landing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandedView {
    /// The landing commit.
    pub commit: String,
    /// The spec's result.
    pub result: Stamp,
    /// Whether it differs from the one before.
    pub changed: bool,
    /// When, in milliseconds since the Unix epoch.
    pub at: u64,
}

/// The spec in another one's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// Which.
    pub by: SpecName,
    /// What happened to it.
    pub why: String,
}

/// Three facts about a spec; any may hold without the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// Its work is done: every stage but the checks.
    pub delivered: bool,
    /// A check passed on it: its own, or the landing's.
    pub verified: bool,
    /// The base has it.
    pub landed: bool,
}

/// One word for a spec, the most urgent thing about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing is known yet.
    Pending,
    /// Something of it is out of date and does not run yet.
    Waiting,
    /// A stage runs.
    Running,
    /// Its landing is under way.
    Landing,
    /// Its landing waits for the user's checkout.
    Colliding,
    /// A gate waits for a person.
    Gate,
    /// A person must do something.
    Held,
    /// Given up for this run.
    Failed,
    /// Another spec is in its way.
    Blocked,
    /// It ran when the run ended.
    Stopped,
    /// Its `when` said no.
    Skipped,
    /// Nothing had to be done.
    UpToDate,
    /// As complete as it was asked to be, and left on its branch.
    Delivered,
    /// Landed in this run.
    Landed,
}

impl Standing {
    /// Whether it is finished well.
    pub fn is_complete(self) -> bool {
        matches!(self, Self::Skipped | Self::UpToDate | Self::Delivered | Self::Landed)
    }
}

impl SpecView {
    pub(super) fn planned(planned: &PlannedSpec, at: u64) -> Self {
        let stage = |name: &StageName| (name.clone(), StageView { since: at, ..StageView::default() });
        let stages = planned.stages.iter().filter(|name| name.as_str() != LAND);
        Self {
            layer: planned.layer.clone(),
            title: planned.title.clone(),
            wave: planned.wave,
            needs: planned.needs.clone(),
            lands: planned.lands,
            stages: stages.map(stage).collect(),
            ..Self::unannounced(&planned.spec)
        }
    }

    pub(super) fn unannounced(name: &SpecName) -> Self {
        Self {
            name: name.clone(),
            layer: None,
            title: None,
            wave: 0,
            needs: Vec::new(),
            stages: IndexMap::new(),
            lands: false,
            land: StageView::default(),
            checked: false,
            landed: None,
            branch: None,
            blocked: None,
            skipped: None,
            backups: Vec::new(),
        }
    }

    /// The stage of that name, or the landing where it is `land`.
    pub fn step(&self, name: &StageName) -> Option<&StageView> {
        if name.as_str() == LAND { Some(&self.land) } else { self.stages.get(name) }
    }

    /// Its stages in order, then its landing, if there is to be one.
    pub fn steps(&self) -> impl Iterator<Item = (&str, &StageView)> {
        let stages = self.stages.iter().map(|(name, stage)| (name.as_str(), stage));
        let lands = self.lands || self.land != StageView::default();
        stages.chain(lands.then_some((LAND, &self.land)))
    }

    /// Tokens and money of all its attempts.
    pub fn tally(&self) -> Tally {
        self.steps().fold(Tally::default(), |sum, (_, step)| sum.plus(step.tally()))
    }

    /// Whether a step of it runs, waits or needs a person.
    pub(super) fn is_open(&self) -> bool {
        self.steps().any(|(_, step)| step.is_open())
    }

    /// The step that says most about where it stands.
    pub fn foremost(&self) -> Option<(&str, &StageView)> {
        self.steps().min_by_key(|(_, step)| match step.state {
            StageState::Failed { .. } => 0,
            StageState::Held { .. } => 1,
            StageState::Running => 2,
            StageState::Landing { .. } | StageState::Colliding { .. } => 3,
            StageState::Gate => 4,
            StageState::Stopped => 5,
            StageState::Queued => 6,
            StageState::Waiting { .. } => 7,
            StageState::Unheard => 8,
            StageState::Done { .. } => 9,
        })
    }

    /// One word for it.
    pub fn standing(&self) -> Standing {
        let is = |test: fn(&StageState) -> bool| self.steps().any(|(_, step)| test(&step.state));
        if is(|s| matches!(s, StageState::Failed { .. })) {
            return Standing::Failed;
        }
        if is(|s| matches!(s, StageState::Held { .. })) {
            return Standing::Held;
        }
        if is(|s| matches!(s, StageState::Running)) {
            return Standing::Running;
        }
        match self.land.state {
            StageState::Colliding { .. } => return Standing::Colliding,
            StageState::Landing { .. } => return Standing::Landing,
            _ => {}
        }
        if self.landed.is_some() {
            return Standing::Landed;
        }
        if self.skipped.is_some() {
            return Standing::Skipped;
        }
        if self.branch.is_some() {
            return Standing::Delivered;
        }
        if is(|s| matches!(s, StageState::Gate)) {
            return Standing::Gate;
        }
        if self.blocked.is_some() {
            return Standing::Blocked;
        }
        if is(|s| matches!(s, StageState::Stopped)) {
            return Standing::Stopped;
        }
        if self.was_done() {
            return Standing::UpToDate;
        }
        if !self.lands && !self.stages.is_empty() && self.stages.values().all(|s| s.done().is_some()) {
            return Standing::Delivered;
        }
        if is(|s| !matches!(s, StageState::Unheard)) { Standing::Waiting } else { Standing::Pending }
    }

    /// Whether it was up to date when the run came to it.
    pub fn was_done(&self) -> bool {
        let land = self.land.was_done() || self.land.state == StageState::Unheard;
        land && !self.stages.is_empty() && self.stages.values().all(StageView::was_done)
    }

    /// The three facts.
    pub fn facts(&self) -> Facts {
        let landed = self.landed.is_some() || self.lands && self.branch.is_none() && self.was_done();
        let (checks, work): (Vec<_>, Vec<_>) = self.stages.iter().partition(|(name, stage)| {
            name.as_str() == CHECK || stage.trouble().is_some_and(|(why, _)| why.class == FailureClass::Check)
        });
        let done = |stages: &[(&StageName, &StageView)]| stages.iter().all(|(_, s)| s.done().is_some());
        let passed = |stage: &StageView| stage.done().is_some_and(|how| how != Done::Skipped);
        let delivered = landed
            || self.was_done()
            || self.branch.is_some()
            || self.checked
            || (!self.stages.is_empty() && done(&work));
        let verified = self.checked || checks.iter().any(|(_, stage)| passed(stage)) && done(&checks);
        Facts { delivered, verified, landed }
    }

    pub(super) fn step_mut(&mut self, name: &StageName) -> &mut StageView {
        if name.as_str() == LAND {
            return &mut self.land;
        }
        if !self.stages.contains_key(name) {
            self.stages.insert(name.clone(), StageView::default());
        }
        &mut self.stages[name]
    }

    /// A stage was judged; one that is out of date takes the spec out of its landing.
    pub(super) fn judged(&mut self, name: &StageName, verdict: &Verdict, at: u64) {
        self.blocked = None;
        let landing = matches!(self.land.state, StageState::Landing { .. });
        if landing && name.as_str() != LAND && matches!(verdict, Verdict::OutOfDate { .. }) {
            self.land.enter(StageState::Unheard, at);
        }
        self.step_mut(name).judged(verdict, at);
    }

    pub(super) fn block(&mut self, by: &SpecName, why: &str) {
        self.blocked = Some(Blocked { by: by.clone(), why: why.to_owned() });
    }

    pub(super) fn landing(&mut self, phase: LandingPhase, at: u64) {
        if phase == LandingPhase::Queued || phase == LandingPhase::Probing {
            self.checked = false;
        }
        if phase == LandingPhase::Moving {
            self.checked |= self.is_tested();
        }
        self.blocked = None;
        self.land.enter(StageState::Landing { phase }, at);
    }

    /// Whether what comes next says that the test was green, now or before.
    fn is_tested(&self) -> bool {
        let tests = [LandingPhase::Checking, LandingPhase::KnownGreen];
        tests.iter().any(|phase| self.land.state == StageState::Landing { phase: *phase })
    }

    pub(super) fn landed(&mut self, landed: LandedView) {
        self.checked |= self.is_tested();
        let state = StageState::Done { how: Done::Ran, commit: Some(landed.commit.clone()) };
        self.land.enter(state, landed.at);
        self.landed = Some(landed);
        self.blocked = None;
    }

    pub(super) fn stop(&mut self, at: u64) {
        self.stages.values_mut().for_each(|stage| stage.stop(at));
        self.land.stop(at);
    }
}
