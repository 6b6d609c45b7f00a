//! Disks that are full or cannot be written, and a state that is damaged: said with the next step, or made good;
//! in each case the next run goes on, and nothing runs twice.
//!
//! What needs a disk of its own mounts a small one; who may not mount is told so by name, loudly.
use crate::outcome::Outcome;
use crate::world::{ONE, World};
use rusqlite::Connection;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Two stages, of which the second takes what the first made, and a landing check.
const TWO: &str = r#"
project { pipeline "two"; limits disk="1KB" }
pipeline "two" {
    stage "draft" { prompt "Draft."; output "drafts/{spec}.txt" }
    stage "build" { prompt "Build."; input "drafts/{spec}.txt"; output "out/{spec}.txt" }
}
land { check "test ! -e $W/fill || dd if=/dev/zero of=$W/small/ballast bs=4k 2>/dev/null || :" }
spec "a" "A"
spec "b" "B" { needs "a" }
"#;

/// Fills the small disk.
const FILL: &str = "dd if=/dev/zero of=$W/small/ballast bs=4k 2>/dev/null || :\n";

/// A small disk; taken away when dropped.
struct Disk(PathBuf);

impl Disk {
    /// Mounts one there. `None`, and a word about it, if that is not allowed here.
    fn mounted(test: &str, at: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "specmake-test"]).arg(at);
        if mount.output().is_ok_and(|output| output.status.success()) {
            return Some(Self(at.to_owned()));
        }
        // Past the capture of tests that pass: a test that was left out must be seen to be.
        let _ = writeln!(std::io::stderr().lock(), "SKIPPED disk::{test}: mounting a small disk needs root");
        None
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Leaves no byte free.
    fn fill(&self) {
        let mut file = fs::File::create(self.ballast()).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    fn free(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn read_only(&self) {
        let remount = Command::new("mount").args(["-o", "remount,ro"]).arg(&self.0).status().unwrap();
        assert!(remount.success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn two(world: &World) {
    world.specfile(TWO).commit("two");
    world.script("any/draft", "mkdir -p drafts\necho \"draft of $S\" > drafts/$S.txt");
}

/// A world whose repository and worktrees lie on a small disk.
fn on_a_small_disk(test: &str) -> Option<(World, Disk)> {
    let world = World::new();
    let disk = Disk::mounted(test, &world.top().join("small"), "12m")?;
    let small = world.clone_as("small/repo", &[]);
    two(&small);
    Some((small, disk))
}

/// What every word about a full disk must say.
#[track_caller]
fn says_what_to_do(outcome: &Outcome) {
    outcome.exits(3).said_any(&["no space", "full"]).said("free some space");
}

#[test]
fn a_disk_that_is_full_from_the_start() {
    let Some((world, disk)) = on_a_small_disk("a_disk_that_is_full_from_the_start") else { return };
    disk.fill();
    let full = world.run([]);
    full.calls([]);
    says_what_to_do(&full);
    disk.free();
    world.run([]).exits(0).calls(["a:draft", "a:build", "b:draft", "b:build"]);
    world.again().calls([]);
}

#[test]
fn a_disk_that_an_agent_fills() {
    let Some((world, disk)) = on_a_small_disk("a_disk_that_an_agent_fills") else { return };
    world.script("a/build", &format!("play build\n{FILL}"));
    let full = world.run([]);
    full.calls(["a:draft", "a:build"]);
    says_what_to_do(&full);
    disk.free();
    world.unscript("a/build");
    world.run([]).exits(0).calls(["a:build", "b:draft", "b:build"]);
    assert_eq!(world.read("out/a.txt"), "a\n");
    world.again().calls([]);
    world.git(&["fsck", "--strict", "--no-dangling"]);
}

#[test]
fn a_disk_that_leaves_an_agent_no_room() {
    let Some((world, disk)) = on_a_small_disk("a_disk_that_leaves_an_agent_no_room") else { return };
    world.script("a/build", &format!("{FILL}mkdir -p out\nseq 100000 > out/a.txt"));
    let full = world.run([]);
    says_what_to_do(&full);
    disk.free();
    world.unscript("a/build");
    world.run([]).exits(0).calls(["a:build", "b:draft", "b:build"]);
    assert_eq!(world.read("out/a.txt"), "a\n");
    world.again().calls([]);
}

#[test]
fn a_disk_that_is_full_when_a_spec_lands() {
    let Some((world, disk)) = on_a_small_disk("a_disk_that_is_full_when_a_spec_lands") else { return };
    let mine = ["README.txt", "mine.txt"];
    world.append("README.txt", "edited").file("mine.txt", "mine\n");
    let before = world.state_of(&mine);
    fs::write(world.top().join("fill"), "").unwrap();
    let full = world.run(["a"]);
    full.calls(["a:draft", "a:build"]);
    says_what_to_do(&full);
    assert_eq!(world.state_of(&mine), before);
    disk.free();
    fs::remove_file(world.top().join("fill")).unwrap();
    world.run([]).exits(0).calls(["b:draft", "b:build"]);
    assert_eq!(world.state_of(&mine), before);
    world.again().calls([]);
    world.git(&["fsck", "--strict", "--no-dangling"]);
}

/// A world whose state alone lies on a disk of this size, at this place below `.specmake`.
fn with_state_on(test: &str, size: &str, below: &str) -> Option<(World, Disk)> {
    let world = World::new();
    two(&world);
    let disk = Disk::mounted(test, &world.repo().join(".specmake").join(below), size)?;
    Some((world, disk))
}

#[test]
fn no_room_for_the_state_from_the_start() {
    let Some((world, disk)) = with_state_on("no_room_for_the_state_from_the_start", "64k", "") else {
        return;
    };
    disk.fill();
    let full = world.run([]);
    full.calls([]);
    says_what_to_do(&full);
    drop(disk);
    world.run([]).exits(0).calls(["a:draft", "a:build", "b:draft", "b:build"]);
}

#[test]
fn room_for_the_state_that_ends_in_mid_run_costs_history_alone() {
    let test = "room_for_the_state_that_ends_in_mid_run_costs_history_alone";
    let Some((world, disk)) = with_state_on(test, "1m", "") else { return };
    world
        .script("a/build", "dd if=/dev/zero of=$W/repo/.specmake/ballast bs=4k 2>/dev/null || :\nplay build");
    let run = world.run([]);
    run.exits(0).calls(["a:draft", "a:build", "b:draft", "b:build"]).said("not recorded");
    disk.free();
    world.again().calls([]);
}

#[test]
fn a_log_that_cannot_be_written_is_a_warning() {
    let Some((world, disk)) = with_state_on("a_log_that_cannot_be_written_is_a_warning", "64k", "logs")
    else {
        return;
    };
    disk.fill();
    world.run([]).exits(0).calls(["a:draft", "a:build", "b:draft", "b:build"]).said("log");
    world.again().calls([]);
}

#[test]
fn a_state_that_may_only_be_read() {
    let Some((world, disk)) = with_state_on("a_state_that_may_only_be_read", "4m", "") else { return };
    disk.read_only();
    world.run([]).exits(3).calls([]).said(".specmake").said_any(&["read-only", "write"]);
    drop(disk);
    world.run([]).exits(0).calls(["a:draft", "a:build", "b:draft", "b:build"]);
}

#[test]
fn a_file_in_the_place_of_the_state() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.file(".specmake", "mine\n");
    world.run([]).exits(3).calls([]).said(".specmake").said("remove");
    assert_eq!(world.read(".specmake"), "mine\n");
    fs::remove_file(world.repo().join(".specmake")).unwrap();
    world.run([]).exits(0).calls(["a:build"]);
}

/// A world that ran once, so that there is a state to lose, and the file it lies in.
fn with_history() -> (World, PathBuf) {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.run([]).exits(0).calls(["a:build"]);
    let file = world.repo().join(".specmake/state.db");
    (world, file)
}

/// A state damaged like this is set aside, and a new one is made of what git knows.
#[track_caller]
fn is_made_good(damage: impl FnOnce(&Path)) {
    let (world, file) = with_history();
    damage(&file);
    let bytes = fs::read(&file).unwrap();
    world.run([]).exits(0).calls([]).said("damaged").said("git knows the rest");
    assert_eq!(fs::read(file.with_file_name("state.db.corrupt-1")).unwrap(), bytes);
    world.again().calls([]).unsaid("damaged");
    world.append("Specfile", "spec \"b\" \"B\"").run([]).exits(0).calls(["b:build"]);
}

#[test]
fn a_state_overwritten_with_junk() {
    is_made_good(|file| fs::write(file, "junk ".repeat(4000)).unwrap());
}

#[test]
fn a_state_that_was_cut_off() {
    is_made_good(|file| {
        let bytes = fs::read(file).unwrap();
        fs::write(file, &bytes[..bytes.len() / 2 + 100]).unwrap();
    });
}

#[test]
fn a_state_with_a_hole_in_it() {
    is_made_good(|file| {
        let mut bytes = fs::read(file).unwrap();
        bytes.iter_mut().skip(4096).for_each(|byte| *byte = 0xA5);
        fs::write(file, bytes).unwrap();
    });
}

#[test]
fn an_empty_state_is_a_new_one() {
    let (world, file) = with_history();
    fs::write(file, "").unwrap();
    world.again().calls([]);
}

#[test]
fn a_state_of_a_later_version_is_left_as_it_is() {
    let (world, file) = with_history();
    let db = Connection::open(&file).unwrap();
    db.pragma_update(None, "user_version", 999).unwrap();
    drop(db);
    let bytes = fs::read(&file).unwrap();
    world.run([]).exits(3).calls([]).said("newer specmake").said("update specmake");
    assert_eq!(fs::read(&file).unwrap(), bytes);
    fs::remove_file(&file).unwrap();
    world.again().calls([]);
}

#[test]
fn a_state_that_another_process_holds() {
    let (world, file) = with_history();
    let db = Connection::open(&file).unwrap();
    db.execute_batch("PRAGMA locking_mode = exclusive; BEGIN EXCLUSIVE").unwrap();
    world.append("Specfile", "spec \"b\" \"B\"");
    world.run([]).exits(3).calls([]).said("locked by another process").said("wait");
    drop(db);
    world.run([]).exits(0).calls(["b:build"]);
}
