//! All that shapes what git writes for a commit, as one stamp: settings, attributes, git itself, the environment, and
//! the folder that it writes to. Where something shapes it that cannot be told so, there is none.
use super::cloned;
use super::ways::{Ways, is_exact};
use crate::base::{Stamp, Stamper};
use crate::sys::git::{Git, path};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What shapes a checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// All of it.
    pub(super) stamp: Stamp,
    /// The part of the folder in it.
    pub(super) ways: Ways,
    /// Whether filters are set up, that attributes may call for.
    pub(super) has_filters: bool,
    /// Whether files may be written as something else than the bytes of their blobs, by all but attributes of the
    /// commit's own.
    pub(super) converts: bool,
}

/// Lines of `git var -l` that say where attributes are, and one that git has said for as long.
const ATTRIBUTES: [&str; 2] = ["GIT_ATTR_SYSTEM=", "GIT_ATTR_GLOBAL="];
const OF_AGE: &str = "GIT_SHELL_PATH=";

/// Environment names that shape what git writes.
const ENVIRONMENT: [&str; 3] = ["GIT_ATTR_NOSYSTEM", "GIT_EXEC_PATH", "GIT_CONFIG_PARAMETERS"];

impl Shape {
    /// That of a worktree whose folder was just made; on `any_disk` even where changes may pass unseen.
    pub(crate) fn of(git: &Git, any_disk: bool) -> Option<Self> {
        let top = git.work_tree()?;
        if !(any_disk || is_exact(top)) || std::env::var_os("GIT_ATTR_SOURCE").is_some() || is_replacing(git)
        {
            return None;
        }
        let said = git.run(&git.command(["var", "-l"])).ok()?;
        let settings = Settings::read(&path::to_text(&said.stdout))?;
        let mut stamper = Stamper::new("shape").field(settings.text.as_bytes());
        let mut attributes = vec![git.common_dir().join("info/attributes")];
        attributes.extend(settings.attributes);
        let mut converts = settings.converts;
        for file in &attributes {
            let bytes = fs::read(file).unwrap_or_default();
            converts |= cloned::converts(&bytes);
            if settings.has_filters && calls_for_filters(&bytes) {
                return None;
            }
            stamper = stamper.field(&bytes);
        }
        for name in ENVIRONMENT {
            stamper = stamper.field(std::env::var_os(name).unwrap_or_default().as_encoded_bytes());
        }
        let ways = Ways::of(top)?;
        let stamp = stamper.field(&program()?).field(ways.to_string().as_bytes()).stamp();
        Some(Self { stamp, ways, has_filters: settings.has_filters, converts })
    }
}

/// Whether attributes may have a filter run over files.
pub(super) fn calls_for_filters(attributes: &[u8]) -> bool {
    attributes.windows(6).any(|window| window.eq_ignore_ascii_case(b"filter"))
}

/// What git says of itself.
struct Settings {
    text: String,
    attributes: Vec<PathBuf>,
    has_filters: bool,
    converts: bool,
}

impl Settings {
    /// `None`: git is too old to say it, or writes in a way of which nothing can be kept.
    fn read(said: &str) -> Option<Self> {
        let mut settings =
            Self { text: String::new(), attributes: Vec::new(), has_filters: false, converts: false };
        let mut is_of_age = false;
        for line in said.lines() {
            let file = ATTRIBUTES.iter().find_map(|name| line.strip_prefix(name));
            settings.attributes.extend(file.map(path::to_os));
            is_of_age |= line.starts_with(OF_AGE);
            settings.has_filters |= line.starts_with("filter.");
            let (name, value) = line.split_once('=').unwrap_or((line, "true"));
            let is_off = matches!(value, "" | "false" | "no" | "off" | "0");
            if name == "attr.tree" || name == "core.sparsecheckout" && !is_off {
                return None;
            }
            settings.converts |= match name {
                "core.autocrlf" => !is_off && !value.eq_ignore_ascii_case("input"),
                "core.eol" => value.eq_ignore_ascii_case("crlf"),
                _ => false,
            };
            // Branches come and go, and names of people with the time of day; they shape no file.
            let is_told = !name.starts_with("branch.") && (file.is_some() || !name.starts_with("GIT_"));
            if is_told {
                settings.text.push_str(line);
                settings.text.push('\n');
            }
        }
        is_of_age.then_some(settings)
    }
}

/// Whether objects may stand in for others.
fn is_replacing(git: &Git) -> bool {
    let common = git.common_dir();
    let packed = fs::read(common.join("packed-refs")).unwrap_or_default();
    let name = b"refs/replace/";
    fs::read_dir(common.join("refs/replace")).is_ok_and(|mut entries| entries.next().is_some())
        || packed.windows(name.len()).any(|window| window == name)
}

/// The git that runs: another version is another file.
fn program() -> Option<Vec<u8>> {
    let all = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&all).map(|folder| folder.join("git")).find(|file| file.is_file())?;
    let stat = fs::metadata(&found).ok()?;
    let mut bytes = Path::as_os_str(&found).as_encoded_bytes().to_vec();
    for number in [stat.dev(), stat.ino(), stat.size()] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    for number in [stat.mtime(), stat.mtime_nsec(), stat.ctime(), stat.ctime_nsec()] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::World;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_shapes_files_makes_another_and_what_does_not_makes_none() {
        let world = World::new(&[("a", "1")]);
        let shape = || Shape::of(&world.open(), true).map(|shape| shape.stamp);
        let first = shape().unwrap();
        let mut seen = vec![first];
        world.git(&["config", "branch.spec/a.specmake", "a"]);
        world.commit("more");
        assert_eq!(shape(), Some(first));
        for (name, value) in [
            ("core.autocrlf", "true"),
            ("core.eol", "crlf"),
            ("core.symlinks", "false"),
            ("core.autocrlf", "input"),
        ] {
            world.git(&["config", name, value]);
            let now = shape().unwrap();
            assert!(!seen.contains(&now), "{name}={value}");
            seen.push(now);
        }
        for file in ["repo/.git/info/attributes", "git/attributes"] {
            let file = world.root().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "* text\n").unwrap();
            let now = shape().unwrap();
            assert!(!seen.contains(&now), "{}", file.display());
            seen.push(now);
        }
        fs::set_permissions(world.top(), PermissionsExt::from_mode(0o700)).unwrap();
        assert!(!seen.contains(&shape().unwrap()));
    }

    #[test]
    fn what_cannot_be_told_shapes_nothing_that_is_kept() {
        let check = |setting: &[&str]| {
            let world = World::new(&[("a", "1")]);
            assert!(Shape::of(&world.open(), true).is_some());
            world.git(setting);
            world.git(&["config", "pack.window", "1"]);
            assert_eq!(Shape::of(&world.open(), true), None, "{setting:?}");
        };
        check(&["config", "core.sparseCheckout", "true"]);
        check(&["config", "attr.tree", "HEAD"]);
        check(&["replace", "HEAD:a", "HEAD^{tree}", "-f"]);
    }

    #[test]
    fn filters_matter_where_attributes_call_for_them() {
        let world = World::new(&[("a", "1")]);
        world.git(&["config", "filter.lfs.smudge", "cat"]);
        assert!(Shape::of(&world.open(), true).unwrap().has_filters);
        world.write(".git/info/attributes", "*.bin filter=lfs\n");
        assert_eq!(Shape::of(&world.open(), true), None);
    }

    #[test]
    fn a_git_that_does_not_say_where_attributes_are_is_too_old() {
        assert!(Settings::read("core.eol=lf\n").is_none());
        assert!(Settings::read("core.eol=lf\nGIT_SHELL_PATH=/bin/sh\n").is_some());
    }
}
