//! Projects made by hand for the tests of this room and of those above it.
#![expect(missing_docs, reason = "for tests alone")]
use crate::base::{AgentName, LayerName, PipelineName, PoolName, ResourceName, Span, SpecName, StageName};
use crate::model::{
    Agent, CommitInputs, ConflictsPolicy, Ladders, Land, LandStrategy, Layer, LoadLimits, Need, Pattern,
    Project, Prompt, PromptSource, Settings, Spec, Stage, StageSettings, Target, TouchesPolicy, Work,
};
use indexmap::IndexMap;
use std::collections::BTreeMap;

/// A project to which specs, layers, pools are added; spans count up, so that each edge has its own.
pub struct Sample {
    pub project: Project,
    spans: usize,
}

impl Default for Sample {
    fn default() -> Self {
        Self::new()
    }
}

impl Sample {
    pub fn new() -> Self {
        let settings = Settings {
            base: None,
            jobs: 4,
            specs: "specs/{spec}".into(),
            copy: vec![],
            link: vec![],
            keep: vec![],
            setup: vec![],
            context: vec![],
            notify: None,
            commit_inputs: CommitInputs::Ask,
            agent_is_ingredient: false,
            model_is_ingredient: false,
            touches: TouchesPolicy::Warn,
            conflicts: ConflictsPolicy::Warn,
            secrets: vec![],
            budget_usd: None,
            limits: LoadLimits::NONE,
            default_agent: None,
            trust: vec![],
        };
        let land = Land {
            on: true,
            span: None,
            check: vec![],
            batch: 1,
            parallel: 1,
            on_conflict: vec![],
            into: None,
            strategy: LandStrategy::default(),
            timeout: None,
        };
        let project = Project {
            settings,
            agents: IndexMap::new(),
            pools: IndexMap::new(),
            resources: IndexMap::new(),
            layers: IndexMap::new(),
            specs: IndexMap::new(),
            land,
        };
        Self { project, spans: 0 }
    }

    fn span(&mut self) -> Span {
        self.spans += 1;
        Span { start: self.spans, len: 1, ..Span::default() }
    }

    fn target(&self, text: &str) -> Target {
        match text.strip_prefix('@') {
            Some(layer) => Target::Layer(LayerName::new(layer).unwrap()),
            None => Target::Spec(SpecName::new(text).unwrap()),
        }
    }

    /// A layer; its members are those specs added with its name.
    pub fn layer(&mut self, name: &str, needs: &[&str]) -> &mut Layer {
        let name = LayerName::new(name).unwrap();
        let needs = needs.iter().map(|need| (self.target(need), self.span())).collect();
        let layer = Layer {
            name: name.clone(),
            span: self.span(),
            title: None,
            specs: vec![],
            needs,
            after: vec![],
            alone: false,
            cancel_on_failure: false,
        };
        self.project.layers.entry(name).insert_entry(layer).into_mut()
    }

    /// A spec with stages in a row. A need is `050`, `@layer`, `050?` (optional) or `050>implement`; `~050` is an
    /// `after`.
    pub fn spec(&mut self, name: &str, layer: &str, stages: &[&str], edges: &[&str]) -> &mut Spec {
        let name = SpecName::new(name).unwrap();
        let layer = (!layer.is_empty()).then(|| LayerName::new(layer).unwrap());
        let mut needs = Vec::new();
        let mut after = Vec::new();
        for edge in edges {
            let span = self.span();
            if let Some(target) = edge.strip_prefix('~') {
                after.push((self.target(target), span));
                continue;
            }
            let (edge, for_stage) = edge.split_once('>').map_or((*edge, None), |(e, s)| (e, Some(s)));
            let optional = edge.ends_with('?');
            let target = self.target(edge.trim_end_matches('?'));
            let for_stage = for_stage.map(|stage| StageName::new(stage).unwrap());
            needs.push(Need { target, span, for_stage, optional, why: None, via_layer: false });
        }
        if let Some(layer) = &layer {
            let layer = self.project.layers.get_mut(layer).unwrap();
            layer.specs.push(name.clone());
            needs.extend(layer.needs.iter().map(|(target, span)| Need {
                target: target.clone(),
                span: *span,
                for_stage: None,
                optional: false,
                why: None,
                via_layer: true,
            }));
        }
        let span = self.span();
        let stages = stages.iter().enumerate().map(|(at, stage)| self::stage(stage, at)).collect();
        let spec = Spec {
            name: name.clone(),
            span,
            declared: true,
            description: Some("what".into()),
            layer,
            template: None,
            pipeline: PipelineName::new("sample").unwrap(),
            stages,
            folder: format!("specs/{name}"),
            branch: format!("spec/{name}"),
            worktree: format!("../w/{name}"),
            needs,
            after,
            touches: vec![],
            exports: vec![],
            estimate: None,
            priority: 0,
            when: None,
            was: None,
            parked: None,
            params: BTreeMap::new(),
            cancel_on_failure: false,
        };
        self.project.specs.entry(name).insert_entry(spec).into_mut()
    }

    /// An agent of that name, which waits five minutes for a limit that does not say how long.
    pub fn agent(&mut self, name: &str) -> &mut Agent {
        let name = AgentName::new(name).unwrap();
        let agent = Agent::new(name.clone());
        self.project.agents.entry(name).or_insert(agent)
    }

    /// Gives a stage to an agent.
    pub fn by(&mut self, agent: &str, spec: &str, stage: &str) {
        let prompt = Prompt { text: "".into(), source: PromptSource::Inline };
        let agent = AgentName::new(agent).unwrap();
        let pool = self.project.agents[&agent].pool.clone();
        let stages = &mut self.project.specs[spec].stages;
        let stage = stages.iter_mut().find(|at| at.name.as_str() == stage).unwrap();
        stage.pools.extend(pool);
        stage.work = Work::Agent { agent, model: None, prompt };
    }

    pub fn pool(&mut self, name: &str, depth: u32) {
        self.project.pools.insert(PoolName::new(name).unwrap(), depth);
    }

    pub fn resource(&mut self, name: &str, depth: u32) {
        self.project.resources.insert(ResourceName::new(name).unwrap(), depth);
    }
}

/// A stage behind the one before it.
pub fn stage(name: &str, at: usize) -> Stage {
    Stage::new(StageSettings {
        name: StageName::new(name).unwrap(),
        span: Span::default(),
        work: Work::Run { line: "true".into() },
        declared_agent: None,
        waits_for: at.checked_sub(1).into_iter().collect(),
        symbolic_env: vec![],
        when: None,
        timeout: None,
        stall: None,
        ladders: Ladders::default(),
        pools: vec![],
        resources: vec![],
        alone: false,
    })
}

/// A pattern that says what it says.
pub fn pattern(text: &str) -> Pattern {
    Pattern::new(text, text).unwrap()
}
