//! The repository that is killed in: twelve specs in chains and side by side, and a user's unfinished work.
use super::point::{After, Point, Way};
use crate::outcome::Outcome;
use crate::world::World;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The specs.
pub const SPECS: [&str; 12] = ["a1", "a2", "a3", "b1", "b2", "b3", "c1", "c2", "d1", "d2", "e1", "e2"];

/// The files of one spec that land.
pub const FILES: [&str; 5] = ["1.txt", "2.txt", "3.txt", "4.txt", "5.txt"];

/// What the user has lying about.
const MINE: [&str; 4] = ["README.txt", "half.txt", "mine.txt", "staged.txt"];

const SPECFILE: &str = r#"
project { pipeline "two"; setup "mkdir -p cache; echo warm >> cache/log; echo ready > .ready"; keep "cache" }
pipeline "two" {
    stage "draft" { prompt "Draft."; output "drafts/{spec}.txt" }
    stage "build" {
        prompt "Build."; input "drafts/{spec}.txt"; output "out/{spec}/1.txt"
        on-failure { restart 1; hold }
    }
}
land { check "test -e .ready" }
spec "a1" "A"
spec "a2" "A" { needs "a1" }
spec "a3" "A" { needs "a2" }
spec "b1" "B"
spec "b2" "B" { needs "b1" }
spec "b3" "B" { needs "b2" }
spec "c1" "C"
spec "c2" "C" { needs "c1" "b1" }
spec "d1" "D"
spec "d2" "D" { after "d1" }
spec "e1" "E"
spec "e2" "E" { needs "e1" }
"#;

/// Made of the shell's own words alone, so that it is quick. The first build of `c1` in a run fails.
const AGENT: &str = r#"#!/bin/sh
S=$SPECMAKE_SPEC
echo "$S:$SPECMAKE_STAGE" >> "$W/calls"
if [ $SPECMAKE_STAGE = draft ]; then echo "draft of $S" > drafts/$S.txt; exit; fi
if [ $S$SPECMAKE_ATTEMPT = c11 ]; then echo junk > junk.txt; exit 1; fi
mkdir -p out/$S
for n in 1 2 3 4 5; do echo "$n of $S" > out/$S/$n.txt; done
"#;

/// Stands before git: writes down the calls of the program that are like `KILL_LIKE`, and at number `KILL_AT` of
/// them kills it.
const GIT: &str = r#"#!/bin/sh
read comm < /proc/$PPID/comm
if [ "$comm" != specmake ]; then exec REAL "$@"; fi
case "$*" in $KILL_LIKE) ;; *) exec REAL "$@" ;; esac
echo "$*" >> "$W/gits"
if [ "$KILL_AT" = 0 ] || [ "$(wc -l < "$W/gits")" -lt "$KILL_AT" ]; then exec REAL "$@"; fi
mkdir "$W/killing" 2>/dev/null || exec REAL "$@"
spin() { i=0; while [ $i -lt $KILL_SPIN ]; do i=$((i + 1)); done; }
case "$KILL_HOW" in
    before) kill -9 $PPID; exit 1 ;;
    during) kill -9 $PPID; exec REAL "$@" ;;
    after) REAL "$@"; kill -9 $PPID ;;
    later) { spin; kill -9 $PPID; } </dev/null >/dev/null 2>&1 & exec REAL "$@" ;;
    both) { spin; kill -9 $$ $PPID; } </dev/null >/dev/null 2>&1 & exec REAL "$@" ;;
esac
"#;

/// A world with all of that.
pub struct Garden {
    pub world: World,
    path: String,
}

impl Garden {
    pub fn new() -> Self {
        Self::of(0)
    }

    /// One with so many more files that those of a worktree are kept for the next one.
    pub fn large() -> Self {
        Self::of(1_000)
    }

    fn of(files: usize) -> Self {
        let path = std::env::var("PATH").unwrap();
        let mut world = World::new();
        let real = std::env::split_paths(&path).map(|folder| folder.join("git")).find(|file| file.is_file());
        let shim = GIT.replace("REAL", real.unwrap().to_str().unwrap());
        program(&world.top().join("counted/git"), &shim);
        program(&world.top().join("quick.sh"), AGENT);
        let agent =
            format!("agent \"quick\" {{ command {:?}; prompt \"stdin\" }}", world.top().join("quick.sh"));
        world.file("Specfile", &format!("{agent}\n{SPECFILE}"));
        for file in 0..files {
            world.file(&format!("many/{}/{file}.txt", file / 100), "one of many\n");
        }
        world
            .file(".gitignore", ".ready\ncache\n")
            .file("half.txt", "one\n")
            .file("drafts/.keep", "")
            .commit("start");
        world.append("half.txt", "two").file("staged.txt", "staged\n");
        world.git(&["add", "half.txt", "staged.txt"]);
        world.append("half.txt", "three").append("README.txt", "edited").file("mine.txt", "mine\n");
        // The same in both runs: what differs is only where they end.
        world.env("KILL_AT", "0").env("KILL_LIKE", "*").env("KILL_SPIN", "0");
        Self { world, path }
    }

    /// A whole run, its calls of git written down.
    pub fn recorded(&mut self) -> Outcome {
        self.watch_git(true);
        let outcome = self.world.run(["-j4"]);
        self.watch_git(false);
        outcome
    }

    /// The calls of git that were written down.
    pub fn gits(&self) -> Vec<String> {
        let text = fs::read_to_string(self.world.top().join("gits")).unwrap_or_default();
        text.lines().map(ToOwned::to_owned).collect()
    }

    /// A run that ends at this point, unless it never comes.
    pub fn killed_at(&mut self, point: &Point) -> Outcome {
        let outcome = match &point.way {
            Way::Call { like, nth, how, spin } => {
                self.watch_git(true);
                self.world.env("KILL_LIKE", like).env("KILL_HOW", how);
                self.world.env("KILL_AT", &nth.to_string()).env("KILL_SPIN", &spin.to_string());
                let outcome = self.world.run(["-j4"]);
                self.watch_git(false);
                outcome
            }
            Way::Sight(sights) => {
                let mut left = sights.as_slice();
                let mut before = None;
                let all = point.after != After::Orphans;
                self.world.start(["-j4"]).kill_when(all, || {
                    while let Some((sight, rest)) = left.split_first() {
                        if !sight.is_there(&self.world, &mut before) {
                            return false;
                        }
                        (left, before) = (rest, None);
                    }
                    true
                })
            }
        };
        if point.after != After::Orphans {
            self.world.kill_strays();
        }
        if point.after == After::Copies {
            self.copy();
        }
        outcome
    }

    /// Puts copies in the place of the repository and its worktrees: the same bytes and times, other inodes.
    fn copy(&self) {
        let repo = self.world.repo();
        for folder in [repo, self.world.worktree("a1").parent().unwrap()].into_iter().filter(|f| f.exists()) {
            let copy = folder.with_extension("copy");
            let copied = Command::new("cp").arg("-a").args([folder, &copy]).status().unwrap();
            assert!(copied.success());
            fs::remove_dir_all(folder).unwrap();
            fs::rename(copy, folder).unwrap();
        }
    }

    fn watch_git(&mut self, on: bool) {
        let counted = self.world.top().join("counted");
        let path = if on { format!("{}:{}", counted.display(), self.path) } else { self.path.clone() };
        self.world.env("PATH", &path);
    }

    /// Stages that some commit says are done.
    pub fn finished(&self) -> BTreeSet<String> {
        // Not `--all`: that reads every worktree's HEAD too, and an orphaned git may be about to write one.
        let text = self.world.git(&["log", "--branches", "--format=%B"]);
        let traces = text.lines().filter_map(|line| line.strip_prefix("Specmake-Trace: v1 "));
        traces.filter_map(|trace| Some(trace.split_once(" how=")?.0.replace(' ', ":"))).collect()
    }

    /// The user's files and their index entries.
    pub fn mine(&self) -> Vec<String> {
        self.world.state_of(&MINE)
    }

    /// Everything landed once, and nothing is left of how.
    #[track_caller]
    pub fn is_tidy(&self, here: &str) {
        let world = &self.world;
        let landed = world.git(&["log", "--first-parent", "--format=%s", "main"]);
        let mut landed: Vec<&str> = landed.lines().filter_map(|line| line.strip_prefix("land ")).collect();
        landed.sort_unstable();
        assert_eq!(landed, SPECS, "{here}");
        for spec in SPECS {
            for (n, file) in (1..).zip(FILES) {
                assert_eq!(world.read(&format!("out/{spec}/{file}")), format!("{n} of {spec}\n"), "{here}");
            }
        }
        assert!(!world.has("junk.txt"), "{here}");
        assert_eq!(world.dirt(), " M README.txt\nMM half.txt\nA  staged.txt\n?? mine.txt", "{here}");
        let refs = world.git(&["for-each-ref", "--format=%(refname)"]);
        let refs: Vec<&str> =
            refs.lines().filter(|name| !name.starts_with("refs/specmake/backup/")).collect();
        assert_eq!(refs, ["refs/heads/main"], "{here}");
        let trees = world.git(&["worktree", "list", "--porcelain"]);
        let trees: Vec<&str> = trees.lines().filter_map(|line| line.strip_prefix("worktree ")).collect();
        assert!(
            trees.len() <= 2 && trees.iter().skip(1).all(|t| t.ends_with(".landing")),
            "{trees:?}\n{here}"
        );
        let folders = fs::read_dir(world.worktree("a1").parent().unwrap()).into_iter().flatten().flatten();
        let folders: Vec<_> =
            folders.map(|entry| entry.file_name()).filter(|name| name != ".landing").collect();
        assert!(folders.is_empty(), "{folders:?}\n{here}");
        let (fine, marks) = world.try_git(world.repo(), &["config", "--get-regexp", r"^branch\."]);
        assert!(!fine, "{marks}\n{here}");
        assert_eq!(left_over(&world.repo().join(".git")), [""; 0], "{here}");
        assert_eq!(world.strays(), [0; 0], "{here}");
        world.git(&["fsck", "--strict", "--no-dangling"]);
    }
}

/// Locks, journals and files on their way, below a git directory; not the two that are `flock`ed, nor what is kept of
/// worktrees that have landed.
fn left_over(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let is_ours = name.starts_with("specmake-") && name != "specmake-ready" && name != "specmake-landing";
        let is_flock = folder.ends_with("specmake");
        if is_ours || name.ends_with(".journal") || name.ends_with(".lock") && !is_flock {
            found.push(path.display().to_string());
        } else if path.is_dir() && !path.is_symlink() && name != "objects" && name != "spares" {
            found.extend(left_over(&path));
        }
    }
    found
}

fn program(path: &PathBuf, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
