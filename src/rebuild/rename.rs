//! Where a spec's files were under its former name.
use super::result::lies_in;
use crate::model::Spec;

/// The path that a file of a renamed spec had before: each part of it that is the name, or the name with an
/// extension, carries the former one. `None` if no part does.
pub fn former_path(spec: &Spec, path: &str) -> Option<String> {
    let was = spec.was.as_ref()?;
    let part = |part: &str| match part.strip_prefix(spec.name.as_str()) {
        Some(rest) if rest.is_empty() || rest.starts_with('.') => format!("{was}{rest}"),
        _ => part.to_owned(),
    };
    let former = path.split('/').map(part).collect::<Vec<_>>().join("/");
    (former != path).then_some(former)
}

/// Whether a path lies in the spec's folder, or in the one it had before.
pub fn is_own(spec: &Spec, path: &str) -> bool {
    lies_in(path, &spec.folder)
        || former_path(spec, &spec.folder).is_some_and(|former| lies_in(path, &former))
}
