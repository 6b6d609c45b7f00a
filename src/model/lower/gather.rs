//! The nodes at the top of the Specfile and of what it includes, each declared once.
use super::declared::Declared;
use super::notes::{At, Notes, did_you_mean};
use super::shape::{self, Shape};
use super::{agent, pipeline, project, spec};
use crate::base::{Diagnostic, PoolName, ResourceName, Sources, Span};
use crate::model::{Files, Pattern};
use crate::syntax::{self, Node};
use indexmap::IndexMap;
use std::collections::HashSet;
use std::fmt::Display;
use std::hash::Hash;

const TOP: &[&str] = &[
    "project", "agent", "pool", "resource", "pipeline", "stage", "land", "layer", "spec", "template",
    "include",
];

/// The most levels of includes in includes.
const DEEPEST_INCLUDE: usize = 32;

/// Reads texts into declarations.
pub(crate) struct Gather<'a> {
    pub(crate) files: &'a dyn Files,
    pub(crate) notes: Notes,
    pub(crate) sources: Sources,
    pub(crate) declared: Declared,
    /// The files read so far.
    pub(crate) read: Vec<String>,
    /// The files that are being read, each included by the one before.
    open: Vec<String>,
    seen: HashSet<String>,
}

impl<'a> Gather<'a> {
    pub(crate) fn new(files: &'a dyn Files) -> Self {
        Self {
            files,
            notes: Notes::default(),
            sources: Sources::default(),
            declared: Declared::default(),
            read: Vec::new(),
            open: Vec::new(),
            seen: HashSet::new(),
        }
    }

    /// Reads a text and all that it includes.
    pub(crate) fn text(&mut self, name: &str, bytes: &[u8]) {
        self.seen.insert(name.to_owned());
        self.read.push(name.to_owned());
        self.open.push(name.to_owned());
        for node in tree(&mut self.notes, &mut self.sources, name, bytes) {
            self.top(&node);
        }
        self.open.pop();
    }

    fn top(&mut self, node: &Node) {
        let Self { notes, declared, .. } = self;
        let shown = ["project", "land", "pool", "resource", "agent", "pipeline", "stage"];
        if shown.contains(&node.name.text.as_str()) {
            declared.said.push(node.clone());
        }
        match node.name.text.as_str() {
            "project" => {
                if let Some(first) = declared.project.span {
                    let found = Diagnostic::error(node.name.span, "`project` is said twice");
                    notes.push(found.related(first, "said here first").help("put both into one"));
                    return;
                }
                declared.project = project::read(notes, node);
            }
            "land" => {
                let land = project::land(notes, node);
                if let Some(first) = &declared.land {
                    let found = Diagnostic::error(node.name.span, "`land` is said twice");
                    notes.push(found.related(first.span, "said here first").help("put both into one"));
                    return;
                }
                declared.land = Some(land);
            }
            "agent" => {
                let read = agent::read(notes, node);
                insert(notes, &mut declared.agents, "agent", read, |agent| agent.span);
            }
            "pool" => {
                let read = depth(notes, node, PoolName::new);
                insert(notes, &mut declared.pools, "pool", read, |depth| depth.span);
            }
            "resource" => {
                let read = depth(notes, node, ResourceName::new);
                insert(notes, &mut declared.resources, "resource", read, |depth| depth.span);
            }
            "pipeline" => {
                let read = pipeline::read(notes, node);
                insert(notes, &mut declared.pipelines, "pipeline", read, |pipeline| pipeline.span);
            }
            "template" => {
                let read = spec::template(notes, node);
                insert(notes, &mut declared.templates, "template", read, |template| template.span);
            }
            "stage" => pipeline::insert(notes, &mut declared.stages, node),
            "layer" => self.layer(node),
            "spec" => self.spec(node, None),
            "include" => self.include(node),
            name => {
                let help = did_you_mean(name, TOP.iter().copied());
                notes.error(node.name.span, format!("`{name}` means nothing at the top of a Specfile"), help);
            }
        }
    }

    fn layer(&mut self, node: &Node) {
        let read = spec::layer(&mut self.notes, node);
        let name = read.as_ref().map(|(name, _)| name.value.clone());
        insert(&mut self.notes, &mut self.declared.layers, "layer", read, |layer| layer.span);
        for child in shape::each(node, "spec") {
            self.spec(child, name.as_ref());
        }
    }

    fn spec(&mut self, node: &Node, layer: Option<&crate::base::LayerName>) {
        let spec = spec::read(&mut self.notes, node, layer);
        let read = spec.map(|spec| (spec.name.clone(), spec));
        insert(&mut self.notes, &mut self.declared.specs, "spec", read, |spec| spec.name.span);
    }

    fn include(&mut self, node: &Node) {
        for said in shape::texts(&mut self.notes, node) {
            let pattern = match Pattern::new(&said.value, &said.value) {
                Ok(pattern) => pattern,
                Err(why) => {
                    self.notes.error(said.span, why, "");
                    continue;
                }
            };
            if self.open.len() > DEEPEST_INCLUDE {
                self.notes.error(
                    said.span,
                    format!("includes nest deeper than {DEEPEST_INCLUDE} levels"),
                    "",
                );
                continue;
            }
            if !pattern.is_glob() {
                self.include_file(pattern.resolved(), &said, false);
                continue;
            }
            for path in self.files.glob(&pattern) {
                self.include_file(&path, &said, true);
            }
        }
    }

    /// Includes a file. A glob that matches a file being read means the others.
    fn include_file(&mut self, path: &str, said: &At<String>, by_glob: bool) {
        if let Some(first) = self.open.iter().position(|open| open == path) {
            if !by_glob {
                let chain: Vec<String> = self.open[first..]
                    .iter()
                    .map(String::as_str)
                    .chain([path])
                    .map(|p| format!("`{p}`"))
                    .collect();
                let what = format!("a file includes itself: {}", chain.join(" includes "));
                self.notes.error(said.span, what, "leave this `include` out");
            }
            return;
        }
        if self.seen.contains(path) {
            return;
        }
        match self.files.read(path) {
            Ok(bytes) => self.text(path, &bytes),
            Err(why) => {
                let help = "a path is read from the top of the repository";
                self.notes.error(said.span, format!("`{path}` cannot be read: {why}"), help);
            }
        }
    }
}

/// The nodes of a text, whose mistakes are noted.
pub(crate) fn tree(notes: &mut Notes, sources: &mut Sources, name: &str, bytes: &[u8]) -> Vec<Node> {
    let next = crate::base::SourceId(u32::try_from(sources.len()).unwrap_or(u32::MAX));
    match syntax::decode(next, bytes) {
        Ok(text) => {
            let source = sources.add(name, text);
            let (tree, mistakes) = syntax::parse(source, text);
            notes.extend(mistakes);
            tree.nodes
        }
        Err((mistake, shown)) => {
            sources.add(name, &shown);
            notes.push(*mistake);
            Vec::new()
        }
    }
}

/// Adds a declaration; a second one of its name is an error.
pub(crate) fn insert<K: Hash + Eq + Display, V>(
    notes: &mut Notes,
    map: &mut IndexMap<K, V>,
    what: &str,
    read: Option<(At<K>, V)>,
    span: impl Fn(&V) -> Span,
) {
    let Some((name, value)) = read else { return };
    if let Some(first) = map.get(&name.value) {
        let found = Diagnostic::error(name.span, format!("{what} `{}` is declared twice", name.value));
        notes.push(
            found.related(span(first), "declared here first").help("rename one of them, or leave it out"),
        );
        return;
    }
    map.insert(name.value, value);
}

/// `pool "name" depth=2` and `resource "name"`.
pub(crate) fn depth<T>(
    notes: &mut Notes,
    node: &Node,
    new: impl Fn(&str) -> Result<T, crate::base::id::BadName>,
) -> Option<(At<T>, At<u32>)> {
    const DEPTH: Shape = Shape { args: (1, 1), takes: "a name", props: &["depth"], children: &[] };
    DEPTH.check(node, notes);
    let depth = shape::prop(node, "depth").and_then(|value| shape::count(notes, value)).unwrap_or(1);
    let said = shape::text(notes, node.args.first()?)?;
    let name = shape::named(notes, &said, new)?;
    let span = name.span;
    Some((name, At::new(depth, span)))
}
