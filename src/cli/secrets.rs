//! What a run must not show: secrets of its own environment, of the Specfile's `env` and of the user's `.env` files.
use crate::base::Mask;
use crate::run::site::Site;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The largest `.env` file that is read, in bytes.
const LARGEST: u64 = 64 * 1024;

/// The mask of a run in this environment.
pub fn mask(site: &Site, environment: &BTreeMap<String, String>) -> Mask {
    let stages = site.project.specs.values().flat_map(|spec| &spec.stages);
    let declared = stages.flat_map(|stage| &stage.env);
    let inherited = environment.iter();
    let known = inherited.map(|(name, value)| (Cow::Borrowed(name.as_str()), Cow::Borrowed(value.as_str())));
    let known = known.chain(declared.map(|(name, value)| (name.as_str().into(), value.as_str().into())));
    let texts: Vec<String> = site.git.main_work_tree().map(env_files).unwrap_or_default();
    let written = texts.iter().flat_map(|text| text.lines()).filter_map(assigned);
    let written = written.map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value)));
    Mask::of(known.chain(written), &site.project.settings.secrets)
}

/// The texts of `.env`, `.env.local` and the like at the top of a checkout.
fn env_files(top: &Path) -> Vec<String> {
    let entries = fs::read_dir(top).into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".env"));
    let small =
        files.filter(|entry| entry.metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST));
    small.filter_map(|entry| fs::read_to_string(entry.path()).ok()).collect()
}

/// A line `export NAME='value'`, its words and quotes aside.
fn assigned(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let value = value.trim();
    let quoted = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    Some((name.trim(), quoted('"').or_else(|| quoted('\'')).unwrap_or(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_is_read_without_its_quotes() {
        let check = |line: &str, expect: Option<(&str, &str)>| assert_eq!(assigned(line), expect);
        check("A_TOKEN=x y", Some(("A_TOKEN", "x y")));
        check(" export A = 'b=c' ", Some(("A", "b=c")));
        check("A=\"b", Some(("A", "\"b")));
        check("# a remark", None);
    }
}
