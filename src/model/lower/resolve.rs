//! Declarations to a project: names looked up, settings where the closest one wins.
use super::alike::Alike;
use super::declared::{Declared, Taste};
use super::fill::{fill, placeholders};
use super::library::Library;
use super::notes::{At, Notes, did_you_mean};
use super::taste::Wishes;
use super::{agent, limit, refs, worktree};
use crate::base::{AgentName, Diagnostic, PoolName, ResourceName, Span, StageName};
use crate::model::{
    Agent, Files, Land, LandStrategy, LoadLimits, Notify, Pattern, Prompt, PromptSource, Rung, Settings,
    Step, USUAL_TIMEOUT,
};
use indexmap::IndexMap;
use std::collections::HashMap;

/// What a spec's folder is called unless the project or the pipeline says otherwise.
const SPECS: &str = "specs/{spec}";
const WORKTREES: &str = "../{repo}.worktrees/{spec}";
const BRANCH: &str = "spec/{spec}";

/// All that resolving looks at, and what it has found so far.
pub(crate) struct Resolver<'a> {
    pub(crate) declared: &'a Declared,
    pub(crate) taste: &'a Taste,
    pub(crate) wishes: &'a Wishes,
    pub(crate) library: &'a Library,
    pub(crate) files: &'a dyn Files,
    pub(crate) repo: &'a str,
    pub(crate) notes: Notes,
    /// Agents that were looked up; `None` for those with an error.
    pub(crate) agents: IndexMap<AgentName, Option<Agent>>,
    /// Prompt files that were read; `None` for those that could not be.
    pub(crate) prompts: HashMap<String, Option<Prompt>>,
    /// The prompt files that were read.
    pub(crate) read: Vec<String>,
    pub(crate) templates: Templates,
    pub(crate) alike: Alike,
    pub(crate) told_of_no_agent: bool,
}

/// Texts with `{spec}` that the project gives to every spec.
#[derive(Debug)]
pub(crate) struct Templates {
    /// The folder, if the project says one.
    pub(crate) specs: Option<String>,
    pub(crate) worktrees: String,
    pub(crate) branch: String,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(
        declared: &'a Declared,
        taste: &'a Taste,
        wishes: &'a Wishes,
        library: &'a Library,
        (files, repo): (&'a dyn Files, &'a str),
        notes: Notes,
    ) -> Self {
        let mut notes = notes;
        let templates = templates(&mut notes, declared, repo);
        Self {
            declared,
            taste,
            wishes,
            library,
            files,
            repo,
            notes,
            agents: IndexMap::new(),
            prompts: HashMap::new(),
            read: Vec::new(),
            templates,
            alike: Alike::default(),
            told_of_no_agent: false,
        }
    }

    /// The folder of specs, `{spec}` in it, for a pipeline that says or does not say one.
    pub(crate) fn folder<'t>(&'t self, pipeline: Option<&'t At<String>>) -> &'t str {
        self.templates.specs.as_deref().or(pipeline.map(|said| said.value.as_str())).unwrap_or(SPECS)
    }

    /// Looks an agent up; says once if there is none.
    pub(crate) fn agent(&mut self, name: &AgentName, span: Span) -> Option<&Agent> {
        if !self.agents.contains_key(name) {
            let found = if agent::exists(self.declared, self.taste, self.library, name) {
                agent::resolve(&mut self.notes, self.declared, self.taste, self.library, name)
            } else {
                None
            };
            self.agents.insert(name.clone(), found);
        }
        if !agent::exists(self.declared, self.taste, self.library, name) {
            agent::unknown(&mut self.notes, self.declared, self.taste, name, span);
        }
        self.agents.get(name)?.as_ref()
    }

    /// The agent of stages that name none.
    pub(crate) fn default_agent(&self) -> Option<At<AgentName>> {
        let first = self.declared.agents.iter().next().map(|(name, agent)| At::new(name.clone(), agent.span));
        first.or_else(|| self.taste.agent.clone())
    }

    /// Looks up all agents that are declared, and those that were asked for.
    pub(crate) fn declared_agents(&mut self) {
        let (declared, taste, wishes) = (self.declared, self.taste, self.wishes);
        for (name, text) in declared.agents.iter().chain(&taste.agents) {
            self.agent(name, text.span);
            if let Some(pool) = &text.pool {
                self.require_pool(pool);
            }
        }
        if let Some(wish) = &wishes.agent {
            self.agent(&wish.value, wish.span);
        }
        if let (Some(model), Some(default)) = (&taste.model, self.default_agent())
            && let Some(Some(agent)) = self.agents.get_mut(&default.value)
        {
            agent.model.get_or_insert_with(|| model.value.clone());
        }
    }

    /// Whether there is such a pool; says so if not.
    pub(crate) fn require_pool(&mut self, pool: &At<PoolName>) -> bool {
        let (declared, taste) = (self.declared, self.taste);
        if declared.pools.contains_key(&pool.value) || taste.pools.contains_key(&pool.value) {
            return true;
        }
        let known = declared.pools.keys().chain(taste.pools.keys()).map(PoolName::as_str);
        let help = nearest_or_declare(pool.value.as_str(), known, "pool");
        self.notes.error(pool.span, format!("there is no pool `{}`", pool.value), help);
        false
    }

    /// Whether there is such a resource; says so if not.
    pub(crate) fn require_resource(&mut self, resource: &At<ResourceName>) -> bool {
        if self.declared.resources.contains_key(&resource.value) {
            return true;
        }
        let known = self.declared.resources.keys().map(ResourceName::as_str);
        let help = nearest_or_declare(resource.value.as_str(), known, "resource");
        self.notes.error(resource.span, format!("there is no resource `{}`", resource.value), help);
        false
    }

    /// A ladder whose agents exist.
    pub(crate) fn ladder(&mut self, rungs: &[At<Rung>]) -> Vec<Rung> {
        let mut ladder = Vec::with_capacity(rungs.len());
        for rung in rungs {
            if let Step::Fallback { agent } | Step::Fix { agent: Some(agent) } = &rung.value.step {
                self.agent(agent, rung.span);
            }
            let mut own = rung.value.clone();
            if let Some(Prompt { source: PromptSource::File(path), .. }) = &rung.value.prompt {
                own.prompt = self.prompt_file(path, rung.span);
            }
            ladder.push(own);
        }
        ladder
    }

    /// A `stage` at the top that no pipeline knows is a mistake.
    pub(crate) fn unused_stages(&mut self) {
        let (declared, library) = (self.declared, self.library);
        for (name, text) in &declared.stages {
            let own = declared.pipelines.values();
            let known: Vec<&StageName> =
                own.chain(library.pipelines()).flat_map(|p| p.stages.keys()).collect();
            if !known.contains(&name) {
                let help = did_you_mean(name.as_str(), known.iter().map(|known| known.as_str()));
                self.notes.error(text.span, format!("no pipeline has a stage `{name}`"), help);
            }
        }
    }

    /// `project { ... }` with its defaults.
    pub(crate) fn settings(&self) -> Settings {
        let project = &self.declared.project;
        let plain = |said: &[At<String>]| said.iter().map(|at| at.value.clone()).collect::<Vec<_>>();
        let own = |said: &At<String>| Notify { line: said.value.clone(), is_own: true };
        let notify = self.wishes.notify.as_ref().map(own);
        let declared = project.notify.as_ref().map(|said| Notify { is_own: false, ..own(said) });
        let notify = notify.or(declared).or_else(|| self.taste.notify.as_ref().map(own));
        Settings {
            base: project.base.as_ref().map(|said| said.value.clone()),
            jobs: self.wishes.jobs.or(project.jobs).or(self.taste.jobs).unwrap_or(4),
            specs: self.folder(None).to_owned(),
            copy: plain(&project.copy),
            link: plain(&project.link),
            keep: plain(&project.keep),
            setup: plain(&project.setup),
            context: plain(&project.context),
            notify: notify.filter(Notify::tells),
            commit_inputs: project.commit_inputs.unwrap_or_default(),
            agent_is_ingredient: project.agent_is_ingredient,
            model_is_ingredient: project.model_is_ingredient,
            touches: project.touches.unwrap_or_default(),
            conflicts: project.conflicts.unwrap_or_default(),
            default_agent: self.wishes.agent.clone().or_else(|| self.default_agent()).map(|at| at.value),
            trust: self.taste.trust.clone(),
            secrets: plain(&project.secrets),
            budget_usd: project.budget_usd,
            limits: if self.wishes.no_limits {
                LoadLimits::NONE
            } else {
                limit::holding(project.limits, self.taste.limits)
            },
        }
    }

    /// `land { ... }` with its defaults.
    pub(crate) fn land(&mut self) -> Land {
        let hold = || vec![Rung::new(Step::Hold, 1)];
        let Some(text) = &self.declared.land else {
            return Land {
                on: true,
                span: None,
                check: Vec::new(),
                batch: 1,
                parallel: 1,
                on_conflict: hold(),
                into: None,
                strategy: LandStrategy::Merge,
                timeout: Some(USUAL_TIMEOUT),
            };
        };
        Land {
            on: !text.off,
            span: Some(text.span),
            check: text.check.iter().map(|at| at.value.clone()).collect(),
            batch: text.batch.unwrap_or(1),
            parallel: text.parallel.unwrap_or(1),
            on_conflict: text.on_conflict.as_ref().map_or_else(hold, |rungs| self.ladder(rungs)),
            into: text.into.as_ref().map(|said| said.value.clone()),
            strategy: text.strategy.unwrap_or_default(),
            timeout: text.timeout.or(Some(USUAL_TIMEOUT)),
        }
    }
}

fn nearest_or_declare<'k>(word: &str, known: impl Iterator<Item = &'k str>, what: &str) -> String {
    let help = did_you_mean(word, known);
    if help.is_empty() { format!("declare it: `{what} \"{word}\"`") } else { help }
}

/// The project's texts for folder, worktree and branch, checked once for all specs.
fn templates(notes: &mut Notes, declared: &Declared, repo: &str) -> Templates {
    let project = &declared.project;
    let specs = project.specs.as_ref().filter(|said| names_spec(notes, said, &["spec"]));
    let specs = specs.filter(|said| match Pattern::new(&said.value, &fill(&said.value, |_| Some("x"))) {
        Ok(pattern) if !pattern.is_glob() => true,
        Ok(_) => {
            notes.error(said.span, "a spec's folder is one folder, not a glob", "");
            false
        }
        Err(why) => {
            notes.error(said.span, why, "");
            false
        }
    });
    for pipeline in declared.pipelines.values() {
        if let Some(said) = &pipeline.specs {
            names_spec(notes, said, &["spec"]);
        }
    }
    let worktrees = project.worktrees.as_ref().filter(|said| names_spec(notes, said, &["spec", "repo"]));
    let worktrees = worktrees.filter(|said| {
        let place = fill(&said.value, |word| if word == "repo" { Some(repo) } else { None });
        let inside = worktree::is_inside(&place, repo);
        if inside {
            let found = Diagnostic::error(said.span, "the worktrees would lie inside the repository");
            notes.push(found.help("put them beside it: `../{repo}.worktrees/{spec}`"));
        }
        !inside
    });
    let branch = project.branch.as_ref().filter(|said| names_spec(notes, said, &["spec", "repo"]));
    let branch = branch.filter(|said| match refs::check_branch(&fill(&said.value, |_| Some("x"))) {
        Ok(()) => true,
        Err(why) => {
            notes.error(said.span, why, "");
            false
        }
    });
    let or = |said: Option<&At<String>>, default: &str| said.map_or(default, |said| &said.value).to_owned();
    Templates {
        specs: specs.map(|said| said.value.trim_end_matches('/').to_owned()),
        worktrees: or(worktrees, WORKTREES),
        branch: or(branch, BRANCH),
    }
}

/// Whether a text holds `{spec}` and no placeholder but those.
fn names_spec(notes: &mut Notes, said: &At<String>, known: &[&str]) -> bool {
    let mut fine = true;
    for word in placeholders(&said.value).filter(|word| !known.contains(word)) {
        let what = format!("nothing is known here by the name of `{{{word}}}`");
        notes.error(said.span, what, did_you_mean(word, known.iter().copied()));
        fine = false;
    }
    if !placeholders(&said.value).any(|word| word == "spec") {
        notes.error(said.span, "all specs would share this: it needs `{spec}`", "");
        fine = false;
    }
    fine
}
