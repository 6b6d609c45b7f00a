//! Hands without a world, for the tests of the loop: what each does is written down before, and time is virtual.
use super::dispatcher::{Dispatcher, Ending};
use super::hands::{Answer, Batch, Ends, Hands, Judgement, Landed, LeftToPerson, Order, Outcome, settler};
use super::holding::Release;
use super::report::Reporter;
use super::requests::{Heard, Wish};
use crate::base::{AgentName, Reason, SpecName, StageId, StageName, Stamp};
use crate::event::{Done, Event, Failure, Verdict};
use crate::graph::sample::Sample;
use crate::graph::{Place, PlaceKind, StageGraph, resolve};
use crate::model::{FailureClass, Project};
use crate::plan::collision::Footprint;
use crate::plan::{Schedule, Terms};
use crate::sys::load::Load;
use crate::sys::signal::{Interrupt, Which};
use crate::sys::stop::{Stop, Urgency};
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

/// Longer than any story takes; what is not over by then hangs.
const FOR_EVER: Duration = Duration::from_secs(1_000 * 3600);

/// What an attempt or a landing does: how long it takes, and how it ends.
#[derive(Debug, Clone)]
pub struct Act<T> {
    time: Duration,
    ends: T,
    deaf: bool,
}

pub fn takes<T>(seconds: u64, ends: T) -> Act<T> {
    Act { time: Duration::from_secs(seconds), ends, deaf: false }
}

/// Less than a second.
pub fn flits<T>(ends: T) -> Act<T> {
    Act { time: Duration::from_millis(900), ..takes(0, ends) }
}

/// It goes on when it is asked to end with grace.
pub fn deaf<T>(seconds: u64, ends: T) -> Act<T> {
    Act { deaf: true, ..takes(seconds, ends) }
}

pub fn failure(class: FailureClass) -> Failure {
    Failure::new(class, "no")
}

pub fn fails(class: FailureClass) -> Outcome {
    Outcome::Failed(failure(class))
}

pub fn done() -> Outcome {
    Outcome::Done { commit: "c".into() }
}

pub fn landed() -> Landed {
    Landed::Landed { commit: "c".into(), result: Stamp::of(b"r"), changed: true }
}

pub fn in_the_way() -> Landed {
    Landed::Waits { why: "`x` is in the way".into(), path: Some("x".into()) }
}

#[derive(Default)]
struct Script {
    judgements: HashMap<String, VecDeque<Judgement>>,
    attempts: HashMap<String, VecDeque<Act<Outcome>>>,
    landings: HashMap<String, VecDeque<Act<Landed>>>,
    works: HashMap<String, Footprint>,
    done: HashSet<Place>,
    loads: Vec<(u64, Load)>,
    costs: HashMap<String, f64>,
    spent: f64,
}

struct Played {
    project: Arc<Project>,
    graph: Arc<StageGraph>,
    script: Arc<Mutex<Script>>,
    reporter: Reporter,
    began: Instant,
}

impl Played {
    fn id(&self, place: Place) -> StageId {
        self.graph.stage_id(place).unwrap()
    }

    fn agent_of(&self, order: &Order) -> Option<AgentName> {
        let PlaceKind::Stage { spec, stage } = self.graph.kind(order.place) else { return None };
        if order.settles {
            return settler(&self.project.specs[spec], stage, order.rung.as_ref()).cloned();
        }
        order.agent_of(&self.project.specs[spec].stages[stage]).cloned()
    }

    fn says(&self, place: Place, line: &str) -> Event {
        Event::Output { stage: self.id(place), line: line.to_owned() }
    }
}

/// Waits for an act to be over; whether it was stopped.
async fn play<T>(act: &Act<T>, stop: &Stop) -> bool {
    let known = if act.deaf { Urgency::Graceful } else { Urgency::None };
    tokio::select! {
        () = sleep(act.time) => false,
        _ = stop.beyond(known) => true,
    }
}

impl Hands for Played {
    type Red = Vec<Place>;

    fn judge(&self, place: Place, _: Stop) -> Answer<Judgement> {
        let name = self.id(place).to_string();
        let mut script = self.script.lock().unwrap();
        let scripted = script.judgements.get_mut(&name).and_then(VecDeque::pop_front);
        let usual = if script.done.contains(&place) {
            Judgement::UpToDate(Done::UpToDate)
        } else {
            Judgement::OutOfDate(vec![Reason::NeverRan])
        };
        let judgement = scripted.unwrap_or(usual);
        Box::pin(async move { judgement })
    }

    fn work_of(&self, spec: usize) -> Answer<Option<Footprint>> {
        let name = self.graph.spec_name(spec).to_string();
        let work = self.script.lock().unwrap().works.get(&name).cloned();
        Box::pin(async move { work })
    }

    fn attempt(&self, order: Order, stop: Stop) -> Answer<Outcome> {
        let stage = self.id(order.place);
        let mut script = self.script.lock().unwrap();
        let act = script.attempts.get_mut(&stage.to_string()).and_then(VecDeque::pop_front);
        let usual = if order.settles { Outcome::Settled { tried: true } } else { done() };
        let act = act.unwrap_or_else(|| takes(1, usual));
        let cost = script.costs.get(&stage.to_string()).copied().unwrap_or_default();
        let step = order.rung.as_ref().map_or("run", |rung| rung.step.name());
        self.reporter.report(Event::AttemptStarted {
            stage,
            attempt: order.attempt,
            of: Some(order.of),
            step: step.to_owned(),
            agent: self.agent_of(&order),
            model: None,
            worktree: String::new(),
            log: String::new(),
        });
        let (script, reporter) = (Arc::clone(&self.script), self.reporter.clone());
        let stopped = self.says(order.place, "is stopped");
        Box::pin(async move {
            if play(&act, &stop).await {
                reporter.report(stopped);
                return Outcome::Stopped;
            }
            script.lock().unwrap().spent += cost;
            if let Outcome::Done { .. } = &act.ends {
                script.lock().unwrap().done.insert(order.place);
            }
            act.ends
        })
    }

    fn leave_conflict(&self, place: Place, failure: Failure, tried: bool) -> Answer<LeftToPerson> {
        let how = if tried { "is left in conflict after a try" } else { "is left in conflict" };
        self.reporter.report(self.says(place, how));
        let lands = matches!(self.graph.kind(place), PlaceKind::Landing { .. });
        Box::pin(async move { LeftToPerson { failure, lands } })
    }

    fn hold(&self, place: Place, _: Failure) -> Answer<()> {
        self.reporter.report(self.says(place, "is recorded as held"));
        Box::pin(async {})
    }

    fn hold_spec(&self, spec: usize, failure: Failure) -> Answer<Result<(), String>> {
        let first = self.graph.stages_of(spec).next().unwrap();
        self.reporter.report(self.says(first, &format!("recorded: {}", failure.message)));
        Box::pin(async { Ok(()) })
    }

    fn release(&self, spec: usize, release: Release) -> Answer<Result<Vec<String>, String>> {
        let first = self.graph.stages_of(spec).next().unwrap();
        let mut script = self.script.lock().unwrap();
        if release.from.is_some() || release.force || release.clean {
            let places: Vec<Place> = self.graph.stages_of(spec).collect();
            script.done.retain(|place| !places.contains(place));
        }
        self.reporter.report(self.says(first, "is released"));
        Box::pin(async { Ok(vec![]) })
    }

    fn skip(&self, place: Place, _: Failure) -> Answer<Result<(), Failure>> {
        self.reporter.report(self.says(place, "is recorded as skipped"));
        self.script.lock().unwrap().done.insert(place);
        Box::pin(async { Ok(()) })
    }

    fn rewind(&self, place: Place, from: StageName, _: Failure) -> Answer<Result<(), Failure>> {
        self.reporter.report(self.says(place, &format!("goes back to {from}")));
        let spec = self.graph.spec_of(place).unwrap();
        let first = self.graph.stage(self.id(place).spec.as_str(), from.as_str()).unwrap();
        let mut script = self.script.lock().unwrap();
        script.done.retain(|done| self.graph.spec_of(*done) != Some(spec) || *done < first);
        Box::pin(async { Ok(()) })
    }

    fn load(&self) -> Load {
        let now = self.began.elapsed().as_secs();
        let readings = &self.script.lock().unwrap().loads;
        readings.iter().rev().find(|(from, _)| *from <= now).map_or(Load::default(), |(_, load)| *load)
    }

    fn spent(&self) -> f64 {
        self.script.lock().unwrap().spent
    }

    fn land(&self, places: Vec<Place>, stop: Stop) -> Answer<(Ends, Batch<Vec<Place>>)> {
        let mut script = self.script.lock().unwrap();
        let names: Vec<String> = places.iter().map(|place| self.id(*place).spec.to_string()).collect();
        let acts: Vec<(Place, Act<Landed>)> = (places.iter().zip(&names))
            .map(|(place, name)| {
                let act = script.landings.get_mut(name).and_then(VecDeque::pop_front);
                (*place, act.unwrap_or_else(|| takes(1, landed())))
            })
            .collect();
        for (place, act) in &acts {
            let Landed::Stale(stages) = &act.ends else { continue };
            let spec = self.graph.spec_of(*place).unwrap();
            let of: Vec<Place> = self.graph.stages_of(spec).collect();
            script.done.retain(|place| !stages.iter().any(|stage| of[*stage] == *place));
        }
        drop(script);
        let is_red = names.len() > 1 && names.iter().any(|name| name.starts_with("red"));
        if names.len() > 1 {
            let line = format!("lands with {}", names.join(", "));
            self.reporter.report(self.says(places[0], &line));
        }
        Box::pin(async move {
            if is_red {
                return (Vec::new(), Batch::Red(places));
            }
            let mut ends = Vec::new();
            for (place, act) in acts {
                ends.push((place, if play(&act, &stop).await { Landed::Stopped } else { act.ends }));
            }
            (ends, Batch::Over)
        })
    }

    /// Those that are red fail, the ones before them land, the ones behind them come again.
    fn split(&self, red: Vec<Place>, at_once: usize, _: Stop) -> Answer<Ends> {
        self.reporter.report(self.says(red[0], &format!("is split, {at_once} at once")));
        let is_red = |place: &Place| self.id(*place).spec.as_str().starts_with("red");
        let culprit = red.iter().position(is_red).unwrap();
        let end = |at: usize| match at.cmp(&culprit) {
            Ordering::Less => landed(),
            Ordering::Equal => Landed::Held(failure(FailureClass::Check)),
            Ordering::Greater => Landed::Again,
        };
        let ends: Vec<(Place, Landed)> = red.into_iter().enumerate().map(|(at, p)| (p, end(at))).collect();
        Box::pin(async move { ends })
    }
}

/// A run to be played.
pub struct Story {
    pub sample: Sample,
    pub terms: Terms,
    pub retries: Option<u32>,
    pub goals: Vec<String>,
    script: Script,
    interrupts: Vec<(u64, Which)>,
    requests: Vec<(u64, SpecName, Wish)>,
}

/// How it went.
pub struct Told {
    pub ending: Ending,
    /// What the hands did and what was reported, in order; verdicts "out of date" are left out.
    pub said: Vec<String>,
    /// What people were answered, as far as they were.
    pub answers: Vec<Option<crate::run::requests::Answer>>,
    /// Virtual seconds it took.
    pub seconds: u64,
}

impl Told {
    /// The lines that hold one of these words.
    pub fn of(&self, words: &[&str]) -> Vec<&str> {
        let about = |line: &&str| words.iter().any(|word| line.contains(word));
        self.said.iter().map(String::as_str).filter(about).collect()
    }

    pub fn says(&self, expect: &[&str]) -> &Self {
        assert_eq!(self.said, expect, "{:#?}", self.said);
        self
    }

    /// The numbers of stages that ran and of specs that landed, and whether something is stuck.
    pub fn ends(&self, ran: usize, landed: usize, stuck: bool) -> &Self {
        let Ending { ran: r, landed: l, stuck: s, .. } = self.ending;
        assert_eq!((r, l, s), (ran, landed, stuck), "{:#?}", self.said);
        self
    }
}

impl Story {
    /// With two jobs; each attempt and landing takes a second and succeeds unless the script says otherwise.
    pub fn of(sample: Sample) -> Self {
        let terms = Terms { jobs: 2, ..Terms::default() };
        let script = Script::default();
        Self { sample, terms, retries: None, goals: vec![], script, interrupts: vec![], requests: vec![] }
    }

    pub fn jobs(mut self, jobs: u32) -> Self {
        self.terms.jobs = jobs;
        self
    }

    pub fn judged(mut self, stage: &str, judgement: Judgement) -> Self {
        self.script.judgements.entry(stage.into()).or_default().push_back(judgement);
        self
    }

    pub fn attempt(mut self, stage: &str, act: Act<Outcome>) -> Self {
        self.script.attempts.entry(stage.into()).or_default().push_back(act);
        self
    }

    pub fn landing(mut self, spec: &str, act: Act<Landed>) -> Self {
        self.script.landings.entry(spec.into()).or_default().push_back(act);
        self
    }

    /// What an attempt at a stage costs.
    pub fn cost(mut self, stage: &str, usd: f64) -> Self {
        self.script.costs.insert(stage.into(), usd);
        self
    }

    /// How much of the machine is in use from this second on.
    pub fn load(mut self, second: u64, load: Load) -> Self {
        self.script.loads.push((second, load));
        self
    }

    /// What a spec is seen to work on, whenever that is asked.
    pub fn works_on(mut self, spec: &str, work: Footprint) -> Self {
        self.script.works.insert(spec.into(), work);
        self
    }

    pub fn interrupt(mut self, second: u64, which: Which) -> Self {
        self.interrupts.push((second, which));
        self
    }

    /// A person asks something of the run, half a second after this.
    pub fn ask(mut self, second: u64, spec: &str, wish: Wish) -> Self {
        self.requests.push((second, SpecName::new(spec).unwrap(), wish));
        self
    }

    /// Plays it.
    pub async fn tell(self) -> Told {
        let graph = Arc::new(StageGraph::new(&self.sample.project).unwrap());
        let wanted = resolve(&self.sample.project, &graph, &self.goals, None).unwrap();
        let schedule = Schedule::new(&self.sample.project, Arc::clone(&graph), wanted, &self.terms);
        let script = Arc::new(Mutex::new(self.script));
        let (reports, heard) = std::sync::mpsc::channel();
        let reporter = Reporter::new(reports);
        let project = Arc::new(self.sample.project);
        let hands = Arc::new(Played {
            project: Arc::clone(&project),
            graph,
            script,
            reporter: reporter.clone(),
            began: Instant::now(),
        });
        let dispatcher = Dispatcher::new(project, schedule, hands, reporter, self.retries, 0).seeded(7);
        let (to, interrupts) = mpsc::channel(4);
        let planned = self.interrupts;
        let began = Instant::now();
        let asking = tokio::spawn(async move {
            for (second, which) in planned {
                tokio::time::sleep_until(began + Duration::from_secs(second)).await;
                let _ = to.send(Interrupt { signal: 2, which }).await;
            }
            std::future::pending::<()>().await;
        });
        let (ask, requests) = mpsc::channel(4);
        let (asked, answers) = (self.requests, Arc::new(Mutex::new(Vec::new())));
        let told = Arc::clone(&answers);
        let people = tokio::spawn(async move {
            for (second, spec, wish) in asked {
                let at = Duration::from_millis(second * 1000 + 500);
                tokio::time::sleep_until(began + at).await;
                let (answer, said) = oneshot::channel();
                let _ = ask.send(Heard { spec, wish, answer }).await;
                let told = Arc::clone(&told);
                tokio::spawn(async move {
                    let said = said.await.ok();
                    told.lock().unwrap().push(said);
                });
            }
            std::future::pending::<()>().await;
        });
        let ending = timeout(FOR_EVER, dispatcher.hearing(requests).run(interrupts)).await;
        asking.abort();
        people.abort();
        tokio::task::yield_now().await;
        let answers = answers.lock().unwrap().clone();
        let said: Vec<String> = heard.try_iter().filter_map(|record| line(&record.event)).collect();
        let Ok(ending) = ending else { panic!("it never ends: {said:#?}") };
        Told { ending: ending.unwrap(), said, answers, seconds: began.elapsed().as_secs() }
    }
}

fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::Judged { verdict: Verdict::OutOfDate { .. }, .. } => return None,
        Event::Judged { stage, .. } => format!("{stage} is up to date"),
        Event::Waiting { stage, on } => {
            let on = serde_json::to_value(on).unwrap();
            let words = |on: &serde_json::Value| {
                let mut words = on.as_object().unwrap().values().filter_map(serde_json::Value::as_str);
                let first = words.next().unwrap_or_default().to_owned();
                words.next().map_or(first.clone(), |second| format!("{first} {second}"))
            };
            let on: Vec<String> = on.as_array().unwrap().iter().map(words).collect();
            format!("{stage} waits: {}", on.join(", "))
        }
        Event::AttemptStarted { stage, attempt, of, step, agent, .. } => {
            let by = agent.as_ref().map(|agent| format!(" by {agent}")).unwrap_or_default();
            format!("{stage} {step} {attempt}/{}{by}", of.unwrap_or_default())
        }
        Event::Output { stage, line } => format!("{stage} {line}"),
        Event::StageDone { stage, how, .. } => format!("{stage} done {how:?}"),
        Event::StageHeld { stage, failure, next } => format!("{stage} held: {}; {next}", failure.message),
        Event::StageFailed { stage, failure, next } => format!("{stage} failed: {}; {next}", failure.message),
        Event::GateWaiting { stage } => format!("{stage} gate"),
        Event::SpecBlocked { spec, by, why } => format!("{spec} blocked by {by}: {why}"),
        Event::SpecSkipped { spec, why } => format!("{spec} skipped: {why}"),
        Event::Landing { spec, phase } => format!("{spec} {phase:?}"),
        Event::LandingWaits { spec, why, .. } => format!("{spec} landing waits: {why}"),
        Event::Landed { spec, .. } => format!("{spec} landed"),
        Event::Delivered { spec, .. } => format!("{spec} delivered"),
        Event::PoolPaused { agent, pool, until, why, .. } => {
            let pool = pool.as_ref().map(|pool| format!(" with pool {pool}")).unwrap_or_default();
            let until = until.map_or("somebody lifts it".to_owned(), |until| (until / 1000).to_string());
            format!("{agent}{pool} paused until {until}: {why}")
        }
        Event::PoolResumed { agent, .. } => format!("{agent} resumed"),
        Event::BudgetReached { spent, budget } => format!("the run has cost {spent} of {budget}"),
        Event::LoadHigh { what, why } => format!("short of {what}: {why}"),
        Event::LoadFine { what } => format!("enough {what}"),
        Event::Warning { message } => format!("warning: {message}"),
        Event::Stopping { at_once } => format!("stopping{}", if *at_once { " at once" } else { "" }),
        other => format!("{other:?}"),
    })
}
