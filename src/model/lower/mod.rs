//! Tree to project. `gather` reads nodes into declarations, `resolve` makes a project of them, `checks` looks at
//! it as a whole; `notes` keeps everything that is wrong on the way.
mod agent;
mod alike;
mod checks;
mod declared;
mod fill;
mod gather;
mod ladder;
mod library;
mod limit;
mod look;
mod not_yet;
mod notes;
mod order;
mod permission;
mod pipeline;
mod project;
mod refs;
mod resolve;
mod resolve_spec;
mod resolve_stage;
mod shape;
mod spec;
mod stage;
mod targets;
mod taste;
mod worktree;

#[cfg(test)]
mod tests;

use super::load::{Files, LoadRequest, Loaded};
use super::project::Project;
use crate::base::Severity;
pub(super) use alike::of_spec;
use declared::Taste;
use gather::Gather;
use indexmap::IndexMap;
use library::Library;
pub(super) use look::look;
use resolve::Resolver;

/// Reads and resolves everything.
pub(super) fn lower(request: &LoadRequest, files: &dyn Files) -> Loaded {
    let mut gather = Gather::new(files);
    gather.text(&request.specfile.name, &request.specfile.bytes);
    let Gather { mut notes, mut sources, declared, mut read, .. } = gather;
    let taste = request
        .user_config
        .as_ref()
        .map_or_else(Taste::default, |text| taste::read(&mut notes, &mut sources, &text.name, &text.bytes));
    let wishes = taste::wishes(&mut notes, &mut sources, request);
    let library = Library::new(&mut sources);
    let mut resolver = Resolver::new(&declared, &taste, &wishes, &library, (files, &request.repo), notes);
    resolver.declared_agents();
    let (specs, layers) = targets::specs_and_layers(&mut resolver);
    resolver.unused_stages();
    let land = resolver.land();
    let settings = resolver.settings();
    let Resolver { mut notes, agents, read: prompts, .. } = resolver;
    let depth = |depth: &notes::At<u32>| depth.value;
    let pools = taste.pools.iter().chain(&declared.pools);
    let project = Project {
        settings,
        agents: agents.into_iter().filter_map(|(name, agent)| Some((name, agent?))).collect(),
        pools: pools.map(|(name, at)| (name.clone(), depth(at))).collect(),
        resources: declared
            .resources
            .iter()
            .map(|(name, at)| (name.clone(), depth(at)))
            .collect::<IndexMap<_, _>>(),
        layers,
        specs,
        land,
    };
    checks::check(&mut notes, &project);
    let diagnostics = notes.sorted();
    let has_errors = diagnostics.iter().any(|d| d.severity == Severity::Error);
    read.extend(prompts);
    let (project, flawed) = if has_errors { (None, Some(project)) } else { (Some(project), None) };
    Loaded { project, flawed, diagnostics, sources, read, looked_at: files.looked_at() }
}
