//! Where a spec's files were under its former name.
use super::result::lies_in;
use crate::base::SpecName;
use crate::model::{Pattern, Spec};

/// The path that a file of a renamed spec had before: each part of it that is the name, or the name with an
/// extension, carries the former one. `None` if no part does.
pub fn former_path(spec: &Spec, path: &str) -> Option<String> {
    let was = spec.was.as_ref()?;
    let former = renamed(path, &spec.name, was);
    (former != path).then_some(former)
}

/// The pattern that one of a renamed spec was before. `None` if it is the same.
pub(super) fn former_pattern(spec: &Spec, pattern: &Pattern) -> Option<Pattern> {
    Pattern::new(pattern.symbolic(), &former_path(spec, pattern.resolved())?).ok()
}

/// The path that a file of a renamed spec has now: the way back from [`former_path`].
pub(super) fn present_path(spec: &Spec, path: &str) -> String {
    match &spec.was {
        Some(was) => renamed(path, was, &spec.name),
        None => path.to_owned(),
    }
}

fn renamed(path: &str, from: &SpecName, to: &SpecName) -> String {
    let part = |part: &str| match part.strip_prefix(from.as_str()) {
        Some(rest) if rest.is_empty() || rest.starts_with('.') => format!("{to}{rest}"),
        _ => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Whether a path lies in the spec's folder, or in the one it had before.
pub fn is_own(spec: &Spec, path: &str) -> bool {
    lies_in(path, &spec.folder)
        || former_path(spec, &spec.folder).is_some_and(|former| lies_in(path, &former))
}
