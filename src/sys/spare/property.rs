//! Random trees, random mischief in a worktree and in what is kept of it: the next one is as git makes it anew.
use super::garden::{Garden, SOME};
use super::{Cloning, Keep, Sparing, spares};
use crate::sys::files::tidy;
use crate::sys::worktree::Worktree;
use fastrand::Rng;
use std::fs::{self, File, FileTimes};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many histories; `SPECMAKE_HISTORIES` says how many else.
const HISTORIES: u64 = 12;

/// How many worktrees come one after another in each.
const LINE: usize = 4;

const NAMES: [&str; 8] = ["a", "b.txt", "c d", "é", "-e", "f.log", "g", ".h"];

#[test]
fn whatever_was_done_to_one_the_next_is_as_made_anew() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let first: u64 = number("SPECMAKE_SEED").unwrap_or(1);
    let mut served = 0;
    for seed in first..first + number("SPECMAKE_HISTORIES").unwrap_or(HISTORIES) {
        // What a failed test shows.
        println!("seed {seed}");
        served += history(seed);
    }
    assert!(served > 0, "no file ever went on");
}

fn history(seed: u64) -> usize {
    let mut random = Rng::with_seed(seed);
    let garden = Garden::new(&[(".gitignore", "*.log\ntarget\n"), ("kept/1", "1\n"), ("kept/2", "2\n")]);
    let outside = garden.world.root().join("outside");
    fs::create_dir_all(outside.join("deep")).unwrap();
    fs::write(outside.join("deep/mine"), "a person's\n").unwrap();
    fs::write(outside.join("mine"), "a person's\n").unwrap();
    let before = super::garden::listing(&outside);
    let keep = Keep::new(&["target", "p/target"].map(str::to_owned), []);
    let cloning = if random.bool() { Cloning::Copied } else { Cloning::Shared };
    let some = Sparing { cloning, keep: random.bool().then_some(&keep), ..SOME };
    let mut served = 0;
    for round in 0..LINE {
        grow(&garden, &mut random);
        let name = format!("s{round}");
        // A person is at work in the main checkout.
        for _ in 0..random.usize(..3) {
            mischief(&mut random, &garden.world.top(), &outside);
        }
        served += garden.check(&name, None, some);
        garden.world.git(&["clean", "-q", "-ffdx"]);
        garden.world.git(&["checkout", "-q", "-f", "--", "."]);
        let made = garden.place(&name);
        keep.folders.iter().for_each(|folder| nothing_leads_out(&made, folder));
        let worktree = Worktree::open(&garden.git, &garden.place(&name)).unwrap();
        for _ in 0..random.usize(..4) {
            mischief(&mut random, worktree.top(), &outside);
        }
        if random.bool() {
            // What git would tell of is committed, as a stage's end does.
            garden.world.git_at(worktree.top(), &["add", "-A"]);
            garden.world.git_at(worktree.top(), &["commit", "-q", "--allow-empty", "-m", "work"]);
        }
        if worktree.retire(Some(&format!("spec/{name}")), some).unwrap().stays().is_some() {
            fs::remove_dir_all(worktree.top()).unwrap();
        }
        for spare in spares(&garden.git) {
            for _ in 0..random.usize(..3) {
                mischief(&mut random, &spare.folder().join("worktree"), &outside);
            }
        }
    }
    assert_eq!(super::garden::listing(&outside), before);
    served
}

/// However it came there.
fn nothing_leads_out(top: &Path, folder: &str) {
    for (path, _) in super::garden::listing(top).into_iter().filter(|(path, _)| path.starts_with(folder)) {
        assert!(!path.ends_with(".git"), "{}", path.display());
        let Ok(text) = fs::read_link(top.join(&path)) else { continue };
        let from = Path::new("/top").join(path.parent().unwrap());
        assert!(text.is_relative() && tidy(&from.join(&text)).starts_with("/top"), "{}", path.display());
    }
}

/// The next commit of the base.
fn grow(garden: &Garden, random: &mut Rng) {
    let top = garden.world.top();
    for _ in 0..random.usize(2..12) {
        let path = somewhere(random);
        match random.u8(..10) {
            0 => drop(fs::remove_file(top.join(&path))),
            1 => drop(fs::remove_dir_all(top.join(path.parent().unwrap()))),
            2 => {
                garden.world.write(".gitattributes", ["", "*.txt eol=crlf\n", "a ident\n"][random.usize(..3)])
            }
            3 if top.join(&path).symlink_metadata().is_err() => {
                fs::create_dir_all(top.join(&path).parent().unwrap()).unwrap();
                symlink(["/", "../kept/1", "nowhere"][random.usize(..3)], top.join(&path)).unwrap();
            }
            4 if top.join(&path).is_file() => {
                fs::set_permissions(top.join(&path), PermissionsExt::from_mode(0o755)).unwrap();
            }
            5 => {
                let value = ["true", "input", "false"][random.usize(..3)];
                garden.world.git(&["config", "core.autocrlf", value]);
            }
            _ if top.join(&path).is_dir() || top.join(&path).is_symlink() => {}
            _ => garden.world.write(path.to_str().unwrap(), format!("$Id$\n{}\n", random.u8(..4))),
        }
    }
    garden.world.commit("more");
}

fn somewhere(random: &mut Rng) -> PathBuf {
    let mut path = PathBuf::from(["p", "q", "p/r", "p/r/s"][random.usize(..4)]);
    path.push(NAMES[random.usize(..NAMES.len())]);
    path
}

/// All that is there, so that mischief hits something.
fn anything(random: &mut Rng, top: &Path) -> PathBuf {
    let all: Vec<PathBuf> =
        super::garden::listing(top).into_keys().filter(|path| !path.starts_with(".git")).collect();
    top.join(random.choice(&all).unwrap())
}

/// What an agent, or anybody, may do there.
fn mischief(random: &mut Rng, top: &Path, outside: &Path) {
    if !top.is_dir() {
        return;
    }
    let path = anything(random, top);
    let Ok(stat) = path.symlink_metadata() else { return };
    let beside = path.parent().filter(|_| path != top).unwrap_or(top).join("new.log");
    match random.u8(..16) {
        0 | 1 if stat.is_file() => {
            let mut bytes = fs::read(&path).unwrap();
            bytes.iter_mut().for_each(|byte| *byte ^= 1);
            // In place, of the same size and with the same time.
            if let Ok(file) = File::options().write(true).open(&path) {
                std::io::Write::write_all(&mut &file, &bytes).unwrap();
                let times = FileTimes::new().set_modified(stat.modified().unwrap());
                file.set_times(times).unwrap();
            }
        }
        2 if stat.is_file() => {
            // Another file of that name with all that can be said alike.
            let copy = beside.with_file_name("copy.log");
            if fs::copy(&path, &copy).is_ok() {
                let file = File::options().append(true).open(&copy).unwrap();
                file.set_times(FileTimes::new().set_modified(stat.modified().unwrap())).unwrap();
                fs::rename(copy, &path).unwrap();
            }
        }
        3 if !stat.is_symlink() => {
            let mode = [0o600, 0o755, 0o4755, 0o2755, 0o1777, 0o700][random.usize(..6)];
            fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        }
        4 if stat.is_file() => drop(fs::hard_link(&path, &beside)),
        5 if stat.is_file() => {
            drop(fs::hard_link(&path, outside.with_file_name(format!("link-{}", random.u64(..)))))
        }
        6 if path != top => {
            let aside = outside.with_file_name(format!("aside-{}", random.u64(..)));
            fs::rename(&path, &aside).unwrap();
            symlink(if random.bool() { aside } else { outside.to_owned() }, &path).unwrap();
        }
        7 if stat.is_dir() => {
            fs::create_dir_all(path.join("nested/.git")).unwrap();
            fs::write(path.join("nested/.git/HEAD"), "ref: refs/heads/main\n").unwrap();
        }
        8 => drop(Command::new("mkfifo").arg(&beside).status()),
        9 => drop(fs::create_dir_all(path.join("target/empty"))),
        15 => drop(fs::create_dir_all(top.join(["target/deep", "p/target"][random.usize(..2)]))),
        10 => drop(fs::write(&beside, "noise")),
        11 => drop(fs::write(top.join(".gitattributes"), "* -text\n")),
        12 if stat.is_file() => fs::remove_file(&path).unwrap(),
        13 => drop(symlink(outside, beside)),
        14 if stat.is_file() => {
            // Away and back again.
            let away = beside.with_file_name("away.log");
            fs::rename(&path, &away).unwrap();
            fs::rename(&away, &path).unwrap();
        }
        _ => {}
    }
}
