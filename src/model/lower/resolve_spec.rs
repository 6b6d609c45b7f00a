//! One spec: its template, its pipeline, its place, its stages.
use super::alike::Kin;
use super::declared::{PipelineText, SettingsText, SpecText, StageText};
use super::fill::{KNOWN, fill, placeholders};
use super::notes::{At, did_you_mean};
use super::order;
use super::refs;
use super::resolve::Resolver;
use super::resolve_stage::{Level, Scope};
use crate::base::{Diagnostic, PipelineName, Span, SpecName, StageName};
use crate::model::{Need, Spec, Step, Target};
use std::collections::{BTreeMap, BTreeSet};

/// The pipeline of a spec that nobody gives one.
const PIPELINE: &str = "specmake";

impl<'a> Resolver<'a> {
    /// The spec without its needs, which may name specs that come later.
    pub(crate) fn spec(&mut self, text: &'a SpecText) -> Option<Spec> {
        let template = self.template(text);
        let settings: Vec<&'a SettingsText> = std::iter::once(&text.settings).chain(template).collect();
        let params = self.params(text, template);
        let layer = text.layer.as_ref().and_then(|name| self.declared.layers.get(name));
        let pipeline =
            settings.iter().find_map(|s| s.pipeline.as_ref()).or(layer.and_then(|l| l.pipeline.as_ref()));
        let mut spec = self.blank(&text.name, pipeline)?;
        spec.layer.clone_from(&text.layer);
        spec.template = text.from.as_ref().filter(|_| template.is_some()).map(|from| from.value.clone());
        spec.params = params;
        if let Some(said) = settings.iter().find_map(|s| s.branch.as_ref()) {
            spec.branch = self.branch(said, &spec)?;
        }
        let description = settings.iter().find_map(|s| s.description.as_ref());
        spec.description = description
            .map(|said| fill(&said.value, |word| spec.params.get(word).map(String::as_str)).trim().to_owned())
            .filter(|text| !text.is_empty());
        spec.priority =
            settings.iter().find_map(|s| s.priority).or(layer.and_then(|l| l.priority)).unwrap_or_default();
        spec.estimate = settings.iter().find_map(|s| s.estimate);
        spec.parked = settings.iter().find_map(|s| s.parked.clone());
        spec.was = text.was.as_ref().map(|was| was.value.clone());
        spec.cancel_on_failure = settings.iter().any(|s| s.cancel_on_failure);
        let folder = spec.folder.clone();
        let (touches, exports, when) = {
            let symbolic = self.symbolic_folder(&spec.pipeline);
            let scope = Scope {
                span: text.name.span,
                spec: text.name.value.as_str(),
                folder: &symbolic,
                params: &spec.params,
                built_in: false,
            };
            let mut closest = |said: Vec<&'a Vec<At<String>>>| {
                let said = said.into_iter().find(|said| !said.is_empty());
                scope.patterns(&mut self.notes, said.into_iter().flatten())
            };
            let touches = closest(settings.iter().map(|s| &s.touches).collect());
            let exports = closest(settings.iter().map(|s| &s.exports).collect());
            let when = settings.iter().find_map(|s| s.when.as_ref());
            if let Some(line) = when {
                self.shell_line(&scope, line);
            }
            (touches, exports, when.map(|said| said.value.clone()))
        };
        (spec.touches, spec.exports, spec.when) = (touches, exports, when);
        let all: Vec<&'a StageText> = settings.iter().map(|s| &s.all).chain(layer.map(|l| &l.all)).collect();
        self.stages(&mut spec, &settings, &all);
        if spec.description.is_none() && !self.files.spec_folder_has_text(&folder) {
            let help =
                format!("write `spec \"{0}\" \"what it is\"`, or a text in `{folder}`", text.name.value);
            let what = format!("spec `{}` has no description, and no text in its folder", text.name.value);
            self.notes.push(Diagnostic::error(text.name.span, what).help(help));
        }
        Some(spec)
    }

    /// A spec that is only needed: fine if it was done by hand.
    pub(crate) fn undeclared(&mut self, name: &SpecName, span: Span) -> Option<Spec> {
        let mut spec = self.blank(&At::new(name.clone(), span), None)?;
        spec.declared = false;
        self.stages(&mut spec, &[], &[]);
        Some(spec)
    }

    /// The folder of a spec that is only needed.
    pub(crate) fn undeclared_folder(&self, name: &SpecName) -> Option<String> {
        let pipeline = self.default_pipeline()?;
        let text = self.pipeline_text(&pipeline)?;
        Some(
            fill(self.folder(text.specs.as_ref()), |word| (word == "spec").then_some(name.as_str()))
                .into_owned(),
        )
    }

    fn blank(&mut self, name: &At<SpecName>, pipeline: Option<&At<PipelineName>>) -> Option<Spec> {
        let said = pipeline.or(self.declared.project.pipeline.as_ref());
        let pipeline = said.map_or_else(|| self.default_pipeline(), |said| Some(said.value.clone()))?;
        let text = self.pipeline_text(&pipeline);
        if text.is_none() {
            let known = self.declared.pipelines.keys().map(PipelineName::as_str);
            let help =
                did_you_mean(pipeline.as_str(), known.chain(super::library::Library::pipeline_names()));
            let span = said.map_or(name.span, |said| said.span);
            self.notes.error(span, format!("there is no pipeline `{pipeline}`"), help);
        }
        let fills = |word: &str| match word {
            "spec" => Some(name.value.as_str()),
            "repo" => Some(self.repo),
            _ => None,
        };
        Some(Spec {
            name: name.value.clone(),
            span: name.span,
            declared: true,
            description: None,
            layer: None,
            template: None,
            folder: fill(self.folder(text.and_then(|text| text.specs.as_ref())), fills).into_owned(),
            branch: fill(&self.templates.branch, fills).into_owned(),
            worktree: fill(&self.templates.worktrees, fills).into_owned(),
            pipeline,
            stages: Vec::new(),
            needs: Vec::new(),
            after: Vec::new(),
            touches: Vec::new(),
            exports: Vec::new(),
            estimate: None,
            priority: 0,
            when: None,
            was: None,
            parked: None,
            params: BTreeMap::new(),
            cancel_on_failure: false,
        })
    }

    fn default_pipeline(&self) -> Option<PipelineName> {
        let said = self.declared.project.pipeline.as_ref().map(|said| said.value.clone());
        said.or_else(|| PipelineName::new(PIPELINE).ok())
    }

    pub(crate) fn pipeline_text(&self, name: &PipelineName) -> Option<&'a PipelineText> {
        let (declared, library) = (self.declared, self.library);
        declared.pipelines.get(name).or_else(|| library.pipeline(name))
    }

    fn symbolic_folder(&self, pipeline: &PipelineName) -> String {
        self.folder(self.pipeline_text(pipeline).and_then(|p| p.specs.as_ref())).to_owned()
    }

    fn branch(&mut self, said: &At<String>, spec: &Spec) -> Option<String> {
        let branch = fill(&said.value, |word| match word {
            "spec" => Some(spec.name.as_str()),
            "repo" => Some(self.repo),
            _ => spec.params.get(word).map(String::as_str),
        });
        match refs::check_branch(&branch) {
            Ok(()) => Some(branch.into_owned()),
            Err(why) => {
                self.notes.error(said.span, why, "");
                None
            }
        }
    }

    fn stages(&mut self, spec: &mut Spec, settings: &[&'a SettingsText], all: &[&'a StageText]) {
        let kin = kin(spec, settings);
        if let Some(stages) = kin.as_ref().and_then(|kin| self.alike.stages(kin, &spec.name)) {
            spec.stages = stages;
            order::check_side_by_side(&mut self.notes, spec);
            return;
        }
        let noted = self.notes.noted;
        self.resolve_stages(spec, settings, all);
        if let Some(kin) = kin.filter(|_| self.notes.noted == noted) {
            self.alike.learn(kin, &spec.stages);
        }
    }

    fn resolve_stages(&mut self, spec: &mut Spec, settings: &[&'a SettingsText], all: &[&'a StageText]) {
        let Some(pipeline) = self.pipeline_text(&spec.pipeline) else { return };
        let (declared, built_in) = (self.declared, !self.declared.pipelines.contains_key(&spec.pipeline));
        for text in settings {
            for (name, stage) in text.stages.iter().filter(|(name, _)| !pipeline.stages.contains_key(*name)) {
                let help = did_you_mean(name.as_str(), pipeline.stages.keys().map(StageName::as_str));
                let what = format!("pipeline `{}` has no stage `{name}`", spec.pipeline);
                self.notes.error(stage.span, what, help);
            }
        }
        let folder = self.symbolic_folder(&spec.pipeline);
        let scope = Scope {
            span: spec.span,
            spec: spec.name.as_str(),
            folder: &folder,
            params: &spec.params,
            built_in,
        };
        let mut stages = Vec::with_capacity(pipeline.stages.len());
        let mut needs = Vec::with_capacity(pipeline.stages.len());
        for (name, in_pipeline) in &pipeline.stages {
            let mut levels: Vec<Level<'a>> =
                settings.iter().filter_map(|s| s.stages.get(name)).map(Level::One).collect();
            levels.extend(all.iter().copied().map(Level::All));
            levels.extend(declared.stages.get(name).map(Level::One));
            levels.push(Level::All(&declared.project.all));
            levels.push(Level::One(in_pipeline));
            // Where a stage is declared is where its pipeline says so, unless the spec says more.
            let span = match levels.first() {
                Some(Level::One(text)) => text.span,
                _ => declared.stages.get(name).map_or(in_pipeline.span, |text| text.span),
            };
            if let Some(mut stage) = self.stage(&scope, name, &levels) {
                stage.span = span;
                stages.push(stage);
                needs.push(levels.iter().find_map(|level| match level {
                    Level::One(text) => text.needs.as_ref(),
                    Level::All(_) => None,
                }));
                self.restarts(&levels, pipeline);
            }
        }
        spec.stages = order::order(&mut self.notes, stages, &needs);
        go_back_to_earlier_ones(spec);
        order::check_side_by_side(&mut self.notes, spec);
    }

    /// `restart from=` must name a stage of the pipeline.
    fn restarts(&mut self, levels: &[Level<'a>], pipeline: &PipelineText) {
        for level in levels {
            let (Level::One(text) | Level::All(text)) = level;
            for rung in text.plain.iter().chain(text.by_class.values()).flatten() {
                let Step::Restart { from: Some(from) } = &rung.value.step else { continue };
                if !pipeline.stages.contains_key(from) {
                    let help = did_you_mean(from.as_str(), pipeline.stages.keys().map(StageName::as_str));
                    self.notes.error(
                        rung.span,
                        format!("the pipeline has no stage `{from}` to restart from"),
                        help,
                    );
                }
            }
        }
    }

    fn template(&mut self, text: &SpecText) -> Option<&'a SettingsText> {
        let from = text.from.as_ref()?;
        let declared = self.declared;
        let found = declared.templates.get(&from.value);
        if found.is_none() {
            let help = did_you_mean(&from.value, declared.templates.keys().map(String::as_str));
            self.notes.error(from.span, format!("there is no template `{}`", from.value), help);
        }
        found
    }

    /// The parameters of a spec, checked against the placeholders of its template.
    fn params(&mut self, text: &SpecText, template: Option<&SettingsText>) -> BTreeMap<String, String> {
        let mut params: BTreeMap<String, String> =
            text.params.iter().map(|(name, value)| (name.value.clone(), value.clone())).collect();
        let (Some(template), Some(from)) = (template, &text.from) else { return params };
        let (wanted, all) = wanted(template);
        for (word, span) in &wanted {
            if !params.contains_key(*word) {
                let what = format!("template `{}` needs `{word}`", from.value);
                let found = Diagnostic::error(from.span, what).related(*span, "used here");
                self.notes.push(found.help(format!("add `{word}=\"...\"`")));
                // So that it is missed once, not in every path.
                params.insert((*word).to_owned(), (*word).to_owned());
            }
        }
        if all {
            for (name, _) in text.params.iter().filter(|(name, _)| !wanted.contains_key(name.value.as_str()))
            {
                let what = format!("template `{}` has no parameter `{}`", from.value, name.value);
                self.notes.error(name.span, what, did_you_mean(&name.value, wanted.keys().copied()));
            }
        }
        params
    }

    /// Needs with their targets looked up.
    pub(crate) fn needs(
        &mut self,
        text: &SpecText,
        spec: &mut Spec,
        find: &mut dyn FnMut(&mut Self, &At<String>) -> Option<Target>,
    ) {
        let template = text.from.as_ref().and_then(|from| self.declared.templates.get(&from.value));
        let settings: Vec<&SettingsText> = std::iter::once(&text.settings).chain(template).collect();
        let mut seen = BTreeSet::new();
        for need in settings.iter().flat_map(|s| &s.needs) {
            if let Some(stage) = need.for_stage.as_ref().filter(|stage| spec.stage(&stage.value).is_none()) {
                let help = did_you_mean(stage.value.as_str(), spec.stages.iter().map(|s| s.name.as_str()));
                let what = format!("pipeline `{}` has no stage `{}`", spec.pipeline, stage.value);
                self.notes.error(stage.span, what, help);
            }
            let Some(target) = find(self, &need.target) else { continue };
            if seen.insert(target.clone()) {
                spec.needs.push(Need {
                    target,
                    span: need.target.span,
                    for_stage: need.for_stage.as_ref().map(|stage| stage.value.clone()),
                    optional: need.optional,
                    why: need.why.clone(),
                    via_layer: false,
                });
            } else {
                self.notes.warning(need.target.span, format!("`{}` is needed twice", need.target.value), "");
            }
        }
        for said in settings.iter().flat_map(|s| &s.after) {
            if let Some(target) = find(self, said) {
                spec.after.push((target, said.span));
            }
        }
    }
}

/// What the stages of a spec depend on, if it says nothing of its own about them. `settings` are its own and those of its
/// template.
fn kin(spec: &Spec, settings: &[&SettingsText]) -> Option<Kin> {
    let says_nothing = |own: &&SettingsText| own.stages.is_empty() && own.all.says_nothing();
    let is_alike = spec.params.is_empty() && settings.first().is_none_or(says_nothing);
    let template = settings.get(1).map(|template| std::ptr::from_ref(*template));
    is_alike.then(|| Kin { pipeline: spec.pipeline.clone(), layer: spec.layer.clone(), template })
}

/// The parameters that a template uses, and whether that is all of them: a prompt file may use more.
fn wanted(template: &SettingsText) -> (BTreeMap<&str, Span>, bool) {
    use super::declared::WorkText;
    let mut texts: Vec<(&str, Span)> = Vec::new();
    let mut all = true;
    let lists =
        [template.description.as_slice(), template.branch.as_slice(), &template.touches, &template.exports];
    texts.extend(lists.into_iter().flatten().map(|said| (said.value.as_str(), said.span)));
    for stage in template.stages.values().chain([&template.all]) {
        let lists = [&stage.inputs, &stage.outputs];
        texts.extend(lists.into_iter().flatten().flatten().map(|said| (said.value.as_str(), said.span)));
        texts.extend(stage.env.iter().map(|(_, value)| (value.value.as_str(), value.span)));
        texts.extend(stage.tasks.iter().map(|(file, _)| (file.value.as_str(), file.span)));
        match stage.work.as_ref().map(|work| (&work.value, work.span)) {
            Some((WorkText::File(path), span)) => {
                texts.push((path, span));
                all = false;
            }
            Some((WorkText::Inline(text), span)) => texts.push((text, span)),
            _ => {}
        }
    }
    let mut wanted = BTreeMap::new();
    for (text, span) in texts {
        for word in placeholders(text).filter(|word| !KNOWN.contains(word)) {
            wanted.entry(word).or_insert(span);
        }
    }
    (wanted, all)
}

/// `restart from=` goes back to a stage before; said for all stages, it is a plain `restart` for the others.
fn go_back_to_earlier_ones(spec: &mut Spec) {
    for at in 0..spec.stages.len() {
        let before: Vec<StageName> =
            spec.before(at).into_iter().map(|before| spec.stages[before].name.clone()).collect();
        let ladders = &mut spec.stages[at].ladders;
        for rung in ladders.by_class.values_mut().chain([&mut ladders.plain]).flatten() {
            if let Step::Restart { from: from @ Some(_) } = &mut rung.step
                && !from.as_ref().is_some_and(|from| before.contains(from))
            {
                *from = None;
            }
        }
    }
}
