//! One stage of one spec: what its pipeline, the top of the Specfile, its layer and the spec itself say of it.
use super::declared::{StageText, WorkText};
use super::fill::{fill, placeholders};
use super::notes::{At, Notes, did_you_mean};
use super::resolve::Resolver;
use crate::base::{AgentName, Span, StageName};
use crate::builtin;
use crate::model::{
    FailureClass, Ladders, Pattern, Prompt, PromptSource, Rung, Stage, StageSettings, Step, Tasks,
    USUAL_TIMEOUT, Work,
};
use crate::syntax;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is the same for all stages of a spec.
#[derive(Debug)]
pub(crate) struct Scope<'s> {
    /// Where the spec is declared.
    pub(crate) span: Span,
    /// The spec's name.
    pub(crate) spec: &'s str,
    /// Its folder, `{spec}` in it.
    pub(crate) folder: &'s str,
    pub(crate) params: &'s BTreeMap<String, String>,
    /// Whether the last level is a built-in text.
    pub(crate) built_in: bool,
}

impl Scope<'_> {
    /// A text with everything filled in but `{spec}`.
    fn symbolic<'t>(&'t self, text: &'t str) -> std::borrow::Cow<'t, str> {
        fill(text, |word| match word {
            "folder" => Some(self.folder),
            _ => self.params.get(word).map(String::as_str),
        })
    }

    /// The same with `{spec}` filled in too.
    fn resolved<'t>(&'t self, symbolic: &'t str) -> std::borrow::Cow<'t, str> {
        fill(symbolic, |word| (word == "spec").then_some(self.spec))
    }

    /// A path or glob.
    pub(crate) fn pattern(&self, notes: &mut Notes, said: &At<String>) -> Option<Pattern> {
        let symbolic = self.symbolic(&said.value);
        let resolved = self.resolved(&symbolic);
        if let Some(word) = placeholders(&resolved).next() {
            let known = ["spec", "folder"].into_iter().chain(self.params.keys().map(String::as_str));
            let what = format!("nothing is known here by the name of `{{{word}}}`");
            notes.error(said.span, what, did_you_mean(word, known));
            return None;
        }
        match Pattern::new(&symbolic, &resolved) {
            Ok(pattern) => Some(pattern),
            Err(why) => {
                notes.error(said.span, format!("`{resolved}`: {why}"), "");
                None
            }
        }
    }

    /// Several of them, each once.
    pub(crate) fn patterns<'t>(
        &self,
        notes: &mut Notes,
        said: impl IntoIterator<Item = &'t At<String>>,
    ) -> Vec<Pattern> {
        let mut patterns: Vec<Pattern> = Vec::new();
        for pattern in said.into_iter().filter_map(|said| self.pattern(notes, said)) {
            if !patterns.contains(&pattern) {
                patterns.push(pattern);
            }
        }
        patterns
    }
}

/// An agent and its model.
type DeclaredAgent = (AgentName, Option<String>);

/// What one place says, and whether of one stage or of all.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Level<'l> {
    /// `stage "name" { ... }`.
    One(&'l StageText),
    /// A spec, a layer or the project.
    All(&'l StageText),
}

impl<'l> Level<'l> {
    fn text(self) -> &'l StageText {
        match self {
            Self::One(text) | Self::All(text) => text,
        }
    }
}

/// The closest place that says something of this stage alone.
fn one<'l, T>(levels: &[Level<'l>], get: impl Fn(&'l StageText) -> Option<T>) -> Option<T> {
    levels.iter().find_map(|level| match level {
        Level::One(text) => get(text),
        Level::All(_) => None,
    })
}

/// The closest place that says something.
fn any<'l, T>(levels: &[Level<'l>], get: impl Fn(&'l StageText) -> Option<T>) -> Option<T> {
    levels.iter().find_map(|level| get(level.text()))
}

impl Resolver<'_> {
    /// The stage, from what is said of it, closest first; its `waits_for` is left empty.
    pub(crate) fn stage(
        &mut self,
        scope: &Scope<'_>,
        name: &StageName,
        levels: &[Level<'_>],
    ) -> Option<Stage> {
        let span = any(levels, |text| Some(text.span))?;
        let Some(said) = one(levels, |text| text.work.as_ref()) else {
            let help = "write `prompt \"...\"`, `run \"...\"` or `gate` into it";
            self.notes.error(span, format!("stage `{name}` does nothing"), help);
            return None;
        };
        let work = self.work(scope, levels, said);
        let inputs = one(levels, |text| text.inputs.as_ref()).into_iter().flatten();
        let everywhere = levels.iter().filter_map(|level| match level {
            Level::All(text) => text.inputs.as_ref(),
            Level::One(_) => None,
        });
        let inputs = scope.patterns(&mut self.notes, inputs.chain(everywhere.flatten()));
        let outputs = one(levels, |text| text.outputs.as_ref()).into_iter().flatten();
        let outputs = scope.patterns(&mut self.notes, outputs);
        let tasks = one(levels, |text| text.tasks.as_ref());
        let tasks = tasks.and_then(|(file, parallel)| {
            let file = scope.pattern(&mut self.notes, file)?;
            Some(Tasks { file, parallel: *parallel })
        });
        let (env, symbolic_env) = env(scope, levels);
        let when = one(levels, |text| text.when.as_ref());
        if let Some(line) = when {
            self.shell_line(scope, line);
        }
        let ladders = self.ladders(scope, levels, &said.value);
        let (pools, resources) = self.tokens(levels, work.as_ref());
        let (work, declared_agent) = work?;
        let settings = Arc::new(StageSettings {
            name: name.clone(),
            span,
            work,
            declared_agent,
            waits_for: Vec::new(),
            symbolic_env,
            when: when.map(|said| said.value.clone()),
            timeout: any(levels, |text| text.timeout).or(Some(USUAL_TIMEOUT)),
            stall: any(levels, |text| text.stall),
            ladders,
            pools,
            resources,
            alone: any(levels, |text| text.alone).unwrap_or(false),
        });
        Some(Stage { settings, inputs, outputs, env, tasks })
    }

    fn work(
        &mut self,
        scope: &Scope<'_>,
        levels: &[Level<'_>],
        said: &At<WorkText>,
    ) -> Option<(Work, Option<DeclaredAgent>)> {
        match &said.value {
            WorkText::Gate => return Some((Work::Gate, None)),
            WorkText::Run(line) => {
                self.shell_line(scope, &At::new(line.clone(), said.span));
                return Some((Work::Run { line: line.clone() }, None));
            }
            _ => {}
        }
        let prompt = self.prompt(scope, said);
        let (agent, model) = self.agent_and_model(scope, levels)?;
        let of_agent = self.agents.get(&agent).and_then(|a| a.as_ref()).and_then(|a| a.model.clone());
        let declared = (agent.clone(), model.clone().or(of_agent));
        let wishes = self.wishes;
        let (agent, model) = match &wishes.agent {
            Some(wish) => (wish.value.clone(), wishes.model.clone()),
            None => (agent, wishes.model.clone().or(model)),
        };
        Some((Work::Agent { agent, model, prompt: prompt? }, Some(declared)))
    }

    /// The agent that is declared, and the model that is declared for it.
    fn agent_and_model(&mut self, scope: &Scope<'_>, levels: &[Level<'_>]) -> Option<DeclaredAgent> {
        let by = levels.iter().position(|level| level.text().agent.is_some());
        // A model that is said farther away than the agent was meant for another one.
        let near = by.map_or(levels, |by| &levels[..=by]);
        let model = any(near, |text| text.model.as_ref()).map(|said| said.value.clone());
        let said = any(levels, |text| text.agent.clone()).or_else(|| self.default_agent());
        let Some(said) = said.or_else(|| self.wishes.agent.clone()) else {
            if !std::mem::replace(&mut self.told_of_no_agent, true) {
                let help =
                    "add `agent \"claude\"`, or another built-in one: demo, opencode, codex, pi, gemini";
                self.notes.error(scope.span, "no agent is declared to work on this", help);
            }
            return None;
        };
        self.agent(&said.value, said.span)?;
        Some((said.value, model))
    }

    fn prompt(&mut self, scope: &Scope<'_>, said: &At<WorkText>) -> Option<Prompt> {
        let prompt = match &said.value {
            WorkText::BuiltIn(name) => {
                let Some(text) = builtin::named(builtin::PROMPTS, name) else {
                    let help = did_you_mean(name, builtin::PROMPTS.iter().map(|text| text.name));
                    self.notes.error(said.span, format!("there is no built-in prompt `{name}`"), help);
                    return None;
                };
                let prompts = &mut self.prompts;
                let known = prompts.entry(format!("built-in:{name}")).or_insert_with(|| {
                    Some(Prompt { text: Arc::from(text.text), source: PromptSource::BuiltIn })
                });
                return known.clone();
            }
            WorkText::File(path) => {
                let path = scope.pattern(&mut self.notes, &At::new(path.clone(), said.span))?;
                self.prompt_file(path.resolved(), said.span)?
            }
            WorkText::Inline(text) => prompt_of(text, PromptSource::Inline),
            _ => return None,
        };
        if prompt.text.trim().is_empty() {
            self.notes.error(said.span, "the prompt is empty", "");
            return None;
        }
        if scope.params.is_empty() || !prompt.is_ingredient() {
            return Some(prompt);
        }
        let filled = fill(&prompt.text, |word| scope.params.get(word).map(String::as_str)).into_owned();
        Some(Prompt { text: Arc::from(filled), source: prompt.source })
    }

    pub(crate) fn prompt_file(&mut self, path: &str, span: Span) -> Option<Prompt> {
        if let Some(known) = self.prompts.get(path) {
            return known.clone();
        }
        let read = match self.files.read(path) {
            Ok(bytes) if bytes.len() > syntax::LARGEST => Err("it is too large for a prompt".to_owned()),
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()),
            Err(why) => Err(why.to_string()),
        };
        let prompt = match read {
            Ok(text) => {
                self.read.push(path.to_owned());
                Some(prompt_of(&text, PromptSource::File(path.to_owned())))
            }
            Err(why) => {
                let help = "a path is read from the top of the repository";
                self.notes.error(span, format!("the prompt `{path}` cannot be read: {why}"), help);
                None
            }
        };
        self.prompts.insert(path.to_owned(), prompt.clone());
        prompt
    }

    /// A shell line is given to `sh` as written; a placeholder in it is a mistake.
    pub(crate) fn shell_line(&mut self, scope: &Scope<'_>, line: &At<String>) {
        for word in placeholders(&line.value) {
            let instead = match word {
                "spec" => "`$SPECMAKE_SPEC`".to_owned(),
                "folder" => "`$SPECIFY_FEATURE_DIRECTORY`".to_owned(),
                word if scope.params.contains_key(word) => {
                    format!("`env {}=\"{{{word}}}\"` and `${}`", word.to_uppercase(), word.to_uppercase())
                }
                _ => continue,
            };
            let what = format!("a shell line is run as written: `{{{word}}}` is not filled in");
            self.notes.warning(line.span, what, format!("write {instead}"));
        }
    }

    fn ladders(&mut self, scope: &Scope<'_>, levels: &[Level<'_>], work: &WorkText) -> Ladders {
        let by = levels.iter().position(|level| level.text().plain.is_some());
        let plain = match by.and_then(|by| levels[by].text().plain.as_ref()) {
            Some(rungs) => self.ladder_for(scope, levels, work, rungs),
            None => default_ladder(work),
        };
        let mut by_class = BTreeMap::new();
        for (at, level) in levels.iter().enumerate() {
            // Who says what a failure means is not asked to take back the built-in ladders class by class.
            if scope.built_in && at + 1 == levels.len() && by.is_some_and(|by| by < at) {
                continue;
            }
            for (class, rungs) in &level.text().by_class {
                if !by_class.contains_key(class) {
                    by_class.insert(*class, self.ladder_for(scope, levels, work, rungs));
                }
            }
        }
        if !matches!(work, WorkText::Gate) {
            by_class.entry(FailureClass::Limit).or_insert_with(|| vec![Rung::new(Step::Wait, 1)]);
            by_class.entry(FailureClass::Leak).or_insert_with(|| vec![Rung::new(Step::Hold, 1)]);
        }
        Ladders { plain, by_class }
    }

    /// A ladder; what a command finds wrong is mended by the agent that its spec has, unless a step names one.
    fn ladder_for(
        &mut self,
        scope: &Scope<'_>,
        levels: &[Level<'_>],
        work: &WorkText,
        rungs: &[At<Rung>],
    ) -> Vec<Rung> {
        let mut ladder = self.ladder(rungs);
        if !matches!(work, WorkText::Run(_)) {
            return ladder;
        }
        for rung in &mut ladder {
            if let Step::Fix { agent: agent @ None } = &mut rung.step {
                let own = self.agent_and_model(scope, levels).map(|(agent, _)| agent);
                *agent = self.wishes.agent.as_ref().map(|wish| wish.value.clone()).or(own);
            }
        }
        ladder
    }

    fn tokens(
        &mut self,
        levels: &[Level<'_>],
        work: Option<&(Work, Option<DeclaredAgent>)>,
    ) -> (Vec<crate::base::PoolName>, Vec<crate::base::ResourceName>) {
        let (mut pools, mut resources) = (Vec::new(), Vec::new());
        for level in levels {
            for pool in &level.text().pools {
                if self.require_pool(pool) && !pools.contains(&pool.value) {
                    pools.push(pool.value.clone());
                }
            }
            for resource in &level.text().resources {
                if self.require_resource(resource) && !resources.contains(&resource.value) {
                    resources.push(resource.value.clone());
                }
            }
        }
        if let Some((Work::Agent { agent, .. }, _)) = work {
            let pool = self.agents.get(agent).and_then(|a| a.as_ref()).and_then(|a| a.pool.clone());
            pools.extend(pool.filter(|pool| !pools.contains(pool)));
        }
        (pools, resources)
    }
}

fn prompt_of(text: &str, source: PromptSource) -> Prompt {
    let source = if builtin::is_prompt(text) { PromptSource::BuiltIn } else { source };
    Prompt { text: Arc::from(text), source }
}

fn default_ladder(work: &WorkText) -> Vec<Rung> {
    let hold = Rung::new(Step::Hold, 1);
    match work {
        WorkText::Run(_) | WorkText::Gate => vec![hold],
        _ => vec![Rung::new(Step::Restart { from: None }, 1), hold],
    }
}

/// Names and values; filled in, and with `{spec}` symbolic.
type Env = Vec<(String, String)>;

fn env(scope: &Scope<'_>, levels: &[Level<'_>]) -> (Env, Env) {
    let mut symbolic: Env = Vec::new();
    for (name, value) in levels.iter().flat_map(|level| &level.text().env) {
        if !symbolic.iter().any(|(known, _)| known == name) {
            symbolic.push((name.clone(), scope.symbolic(&value.value).into_owned()));
        }
    }
    let filled = symbolic.iter().map(|(name, value)| (name.clone(), scope.resolved(value).into_owned()));
    (filled.collect(), symbolic)
}
