//! What was read of a project, as bytes: so that a Specfile that did not change is not read again. What it rests on goes
//! with it: the stamp of the request, and every question asked of the checkout with the stamp of its answer. The only
//! importer of `postcard`; the bytes are read by the very program that wrote them.
use super::asked::{Question, Recording, Told};
use super::{Agent, Files, Land, Layer, LoadRequest, Loaded, Project, Settings, Spec, Stage, lower};
use crate::base::{
    AgentName, Diagnostic, LayerName, PoolName, ResourceName, SourceId, Sources, Stamp, Stamper,
};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// The number of this form: another one is not read.
const FORM: u32 = 1;

/// All of it, by parts that are written and parts that are read.
#[derive(Debug, Serialize, Deserialize)]
struct Whole<Specs, Shapes, Rest> {
    /// Of the request.
    key: [u8; 16],
    asked: Vec<(Question, Told)>,
    sources: Vec<(String, Text)>,
    diagnostics: Vec<Diagnostic>,
    read: Vec<String>,
    rest: Rest,
    /// Stages of which those of specs differ by the spec's name alone.
    shapes: Shapes,
    /// Specs without their stages, and the number of their shape.
    specs: Specs,
}

/// What there is of a project beside specs.
type Rest = (
    Settings,
    IndexMap<AgentName, Agent>,
    IndexMap<PoolName, u32>,
    IndexMap<ResourceName, u32>,
    IndexMap<LayerName, Layer>,
    Land,
);

/// Where a text that spans point into comes from.
#[derive(Debug, Serialize, Deserialize)]
enum Text {
    Specfile,
    User,
    /// A file that was asked for, by the number of the question.
    Asked(usize),
    /// Itself.
    Own(String),
}

/// The bytes of what was loaded. `None` if there was a mistake in it: that is told anew each time. `program` says who
/// asks.
pub fn pack(
    loaded: &Loaded,
    request: &LoadRequest,
    files: &Recording<'_>,
    program: Stamp,
) -> Option<Vec<u8>> {
    let project = loaded.project.as_ref()?;
    let mut shapes = Shapes::default();
    let specs: Vec<(&Spec, usize)> =
        project.specs.values().map(|spec| (spec, shapes.number_of(spec))).collect();
    let Project { settings, agents, pools, resources, layers, land, specs: _ } = project;
    let asked = files.asked();
    let whole = Whole {
        key: key(request, program),
        sources: sources(loaded, request, &asked),
        asked,
        diagnostics: loaded.diagnostics.clone(),
        read: loaded.read.clone(),
        rest: (settings, agents, pools, resources, layers, land),
        shapes: shapes.all,
        specs,
    };
    postcard::to_stdvec(&whole).ok()
}

/// What was loaded, if these are the bytes of the same request, and every question that was asked is answered as it was.
pub fn unpack(bytes: &[u8], request: &LoadRequest, files: &dyn Files, program: Stamp) -> Option<Loaded> {
    if bytes.get(..16)? != key(request, program) {
        return None;
    }
    let whole: Whole<Vec<(Spec, usize)>, Vec<Vec<Stage>>, Rest> = postcard::from_bytes(bytes).ok()?;
    let mut texts = Vec::with_capacity(whole.asked.len());
    for (question, told) in &whole.asked {
        let (now, text) = question.ask(files);
        if now != *told {
            return None;
        }
        texts.push(text);
    }
    let mut sources = Sources::default();
    for (name, text) in whole.sources {
        let bytes = match &text {
            Text::Specfile => &request.specfile.bytes,
            Text::User => &request.user_config.as_ref()?.bytes,
            Text::Asked(at) => texts.get(*at)?.as_ref()?,
            Text::Own(text) => text.as_bytes(),
        };
        sources.add(&name, std::str::from_utf8(bytes).ok()?);
    }
    let mut specs = IndexMap::with_capacity(whole.specs.len());
    for (mut spec, shape) in whole.specs {
        let shape = whole.shapes.get(shape)?;
        let stages = shape.iter().map(|stage| lower::of_spec(stage, spec.name.as_str()));
        spec.stages = stages.collect::<Option<_>>()?;
        specs.insert(spec.name.clone(), spec);
    }
    let (settings, agents, pools, resources, layers, land) = whole.rest;
    let project = Project { settings, agents, pools, resources, layers, specs, land };
    Some(Loaded {
        project: Some(project),
        flawed: None,
        diagnostics: whole.diagnostics,
        sources,
        read: whole.read,
        looked_at: files.looked_at(),
    })
}

/// The stamp of all that a project is made from, files apart, and of who makes it.
fn key(request: &LoadRequest, program: Stamp) -> [u8; 16] {
    let LoadRequest { specfile, user_config, env, jobs, agent, model, repo } = request;
    let stamper = Stamper::new("request").field(&FORM.to_le_bytes()).stamped(program);
    let mut stamper = stamper.field(specfile.name.as_bytes()).field(&specfile.bytes).field(repo.as_bytes());
    stamper = stamper.field(format!("{env:?} {jobs:?} {agent:?} {model:?}").as_bytes());
    if let Some(config) = user_config {
        stamper = stamper.field(config.name.as_bytes()).field(&config.bytes);
    }
    *stamper.stamp().as_bytes()
}

fn sources(loaded: &Loaded, request: &LoadRequest, asked: &[(Question, Told)]) -> Vec<(String, Text)> {
    let files = (0..).map_while(|number| loaded.sources.file(SourceId(number)));
    let origin = |text: &str| {
        let bytes = text.as_bytes();
        if bytes == request.specfile.bytes {
            return Text::Specfile;
        }
        if request.user_config.as_ref().is_some_and(|config| bytes == config.bytes) {
            return Text::User;
        }
        let told = *Stamp::of(bytes).as_bytes();
        let is_it =
            |(question, now): &(Question, Told)| matches!(question, Question::Read(_)) && *now == told;
        asked.iter().position(is_it).map_or_else(|| Text::Own(text.to_owned()), Text::Asked)
    };
    files.map(|file| (file.name.to_string(), origin(&file.text))).collect()
}

/// Stages that are to be written, each kind once.
#[derive(Default)]
struct Shapes<'p> {
    all: Vec<&'p [Stage]>,
    /// By the settings that they share.
    known: HashMap<Vec<*const super::StageSettings>, Vec<usize>>,
}

impl<'p> Shapes<'p> {
    fn number_of(&mut self, spec: &'p Spec) -> usize {
        let key = spec.stages.iter().map(|stage| Arc::as_ptr(&stage.settings)).collect();
        let known = self.known.entry(key).or_default();
        let is_like = |shape: &&usize| {
            let stages = self.all[**shape].iter().zip(&spec.stages);
            stages.into_iter().all(|(like, stage)| {
                lower::of_spec(like, spec.name.as_str()).is_some_and(|like| is_same(&like, stage))
            })
        };
        // Where the names of specs make more of a difference than that, not all of them are compared.
        if let Some(found) = known.iter().take(4).find(is_like) {
            return *found;
        }
        self.all.push(&spec.stages);
        known.push(self.all.len() - 1);
        self.all.len() - 1
    }
}

/// Whether two stages of the same settings are the same.
fn is_same(one: &Stage, other: &Stage) -> bool {
    let tasks = |stage: &Stage| stage.tasks.as_ref().map(|tasks| (tasks.file.clone(), tasks.parallel));
    (&one.inputs, &one.outputs, &one.env) == (&other.inputs, &other.outputs, &other.env)
        && tasks(one) == tasks(other)
}
