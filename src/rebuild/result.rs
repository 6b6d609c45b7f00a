//! What a landed spec amounts to for the specs that need it.
use super::history::Seq;
use super::line::Line;
use super::mark::Trace;
use super::rename::is_own;
use super::tree::{FileId, Tree, Trees, Unreadable, stamp_of};
use crate::base::{SpecName, Stamp, Stamper};
use crate::model::Spec;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a landing changed: a path and the file it left there, if any.
pub type Changed = (Arc<str>, Option<FileId>);

/// The result of a spec that was done by hand. A constant, so that it is the same on every clone and under every name.
pub fn adopted_result() -> Stamp {
    Stamper::new("adopted").stamp()
}

/// The result of a landing: the former one if it changed none of what counts; else the stamp over the
/// `exports` of the landed tree, or, without `exports`, of the former result and what the landing changed
/// outside the spec's own folder.
///
/// # Errors
/// When a blob cannot be read.
pub fn landing_result(
    spec: &Spec,
    former: Option<Stamp>,
    changed: &[Changed],
    landed: &Tree,
    trees: &dyn Trees,
) -> Result<Stamp, Unreadable> {
    let counts = |path: &str| match spec.exports.as_slice() {
        [] => !is_own(spec, path),
        exports => exports.iter().any(|pattern| pattern.matches(path)),
    };
    let mut counted: Vec<&Changed> = changed.iter().filter(|(path, _)| counts(path)).collect();
    if let (Some(former), true) = (former, counted.is_empty()) {
        return Ok(former);
    }
    if !spec.exports.is_empty() {
        let mut stamper = Stamper::new("exports");
        for pattern in &spec.exports {
            stamper = stamper.stamped(stamp_of(landed, pattern, trees)?);
        }
        return Ok(stamper.stamp());
    }
    counted.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut stamper = Stamper::new("result");
    if let Some(former) = former {
        stamper = stamper.stamped(former);
    }
    Ok(stamper.stamped(stamp_changes(&counted, trees)?).stamp())
}

/// The stamp of a list of changes sorted by path.
///
/// # Errors
/// When a blob cannot be read.
pub fn stamp_changes(changed: &[&Changed], trees: &dyn Trees) -> Result<Stamp, Unreadable> {
    let files: Vec<FileId> = changed.iter().filter_map(|(_, file)| *file).collect();
    let mut stamps = trees.stamps(&files)?.into_iter();
    let mut stamper = Stamper::new("change");
    for (path, file) in changed {
        stamper = stamper.field(path.as_bytes());
        if file.is_some() {
            stamper = stamps.next().map_or(Stamper::new("lost"), |stamp| stamper.stamped(stamp));
        } else {
            stamper = stamper.field(b"removed");
        }
    }
    Ok(stamper.stamp())
}

/// The result that a spec's last landing fixed. Where a forge dropped the landing's trailer it is computed
/// from the commits that carry the spec's traces. `None` for a spec that has neither.
///
/// # Errors
/// When a blob cannot be read.
pub fn result_of(spec: &Spec, line: &Line<'_>, trees: &dyn Trees) -> Result<Option<Stamp>, Unreadable> {
    result_as_of(spec, line, trees, &|_| true)
}

/// [`result_of`], of the part of history that `counts`.
///
/// # Errors
/// When a blob cannot be read.
pub fn result_as_of(
    spec: &Spec,
    line: &Line<'_>,
    trees: &dyn Trees,
    counts: &dyn Fn(Seq) -> bool,
) -> Result<Option<Stamp>, Unreadable> {
    let names: Vec<&SpecName> = std::iter::once(&spec.name).chain(spec.was.as_ref()).collect();
    let landings = names.iter().flat_map(|name| line.standing_landings_as_of(name, counts));
    let landing = landings.max_by_key(|(seq, _)| *seq);
    let fixed = match landing.and_then(|(_, trace): (Seq, &Trace)| trace.result) {
        Some(result) => Some(result),
        None => names.iter().any(|name| line.adoptions(name).any(counts)).then(adopted_result),
    };
    let landed_since = |seq: &Seq| landing.is_none_or(|(landing, _)| !line.is_ancestor(*seq, landing));
    let traced = names.iter().flat_map(|name| line.traced_as_of(name, counts));
    let loose: Vec<Seq> = traced.filter(landed_since).collect();
    if loose.is_empty() { Ok(fixed) } else { computed(spec, fixed, &loose, line, trees).map(Some) }
}

/// Whether [`result_as_of`] knows a result.
pub(super) fn had_result(spec: &Spec, line: &Line<'_>, counts: &dyn Fn(Seq) -> bool) -> bool {
    let mut names = std::iter::once(&spec.name).chain(spec.was.as_ref());
    names.any(|name| {
        line.standing_landings_as_of(name, counts).next().is_some()
            || line.adoptions(name).any(counts)
            || line.traced_as_of(name, counts).next().is_some()
    })
}

/// What commits that reached the base without a landing of ours amount to.
fn computed(
    spec: &Spec,
    former: Option<Stamp>,
    traced: &[Seq],
    line: &Line<'_>,
    trees: &dyn Trees,
) -> Result<Stamp, Unreadable> {
    let mut changed: BTreeMap<Arc<str>, Option<FileId>> = BTreeMap::new();
    for seq in traced {
        changed.extend(line.commit(*seq).changes.iter().map(|change| (change.path.clone(), change.new)));
    }
    let changed: Vec<Changed> = changed.into_iter().collect();
    let landed =
        Tree::new(changed.iter().filter_map(|(path, file)| Some((path.clone(), (*file)?))).collect());
    landing_result(spec, former, &changed, &landed, trees)
}

/// Whether a path is a folder or lies in it.
pub fn lies_in(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
