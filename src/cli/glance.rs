//! From what is asked to what was answered before: a question is everything that an answer depends on and that does
//! not lie in a repository; the rest is what `sys::glance` looks at.
use super::args::Command;
use super::ground::Ground;
use super::user::UserFolders;
use super::wishes::{FaceKind, Mode, Wish, Wishes};
use crate::base::{Stamp, Stamper};
use crate::run::sights::sights;
use crate::sys::glance::repository::{self, environment, has_config_of_its_own};
use crate::sys::glance::stat::{Depth, Stat};
use crate::sys::glance::{Answer, Kept, Moment};
use crate::sys::lock::BuildLock;
use rustix::fs::CWD;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where what we remember lies: no repository brings it along, as it might what is in its checkout.
const OWN: &str = ".git/specmake";

/// A question that may have been asked before.
pub struct Glance {
    /// The top of the checkout.
    top: PathBuf,
    question: Stamp,
    began: Moment,
    former: Option<Kept>,
}

impl Glance {
    /// The question that is asked here and now, in the current directory. `None`: its answer is no other each time, or
    /// this is no main checkout.
    pub fn of(wishes: &Wishes) -> Option<Self> {
        if !can_be_answered_again(&wishes.wish) || has_config_of_its_own() {
            return None;
        }
        let began = Moment::now();
        let here = std::env::current_dir().ok()?;
        let top = top_of(&here)?;
        let question = question(wishes, &here)?;
        let former = Kept::read(&top.join(OWN));
        Some(Self { top, question, began, former })
    }

    /// What was answered before, if nothing that the answer rests on has changed, and nobody builds.
    pub fn answer(&self) -> Option<&Answer> {
        let answer = self.former.as_ref()?.answer(self.question, &self.top)?;
        (!BuildLock::is_held(&self.top.join(OWN))).then_some(answer)
    }

    /// Keeps an answer for the next one who asks, unless what it rests on may have changed since the question was asked.
    pub fn keep(&self, ground: &Ground, answer: Answer) {
        // Who never built has no such folder yet; where it cannot be made nothing is kept.
        drop(std::fs::create_dir(ground.git.own_dir()));
        if let Some(seen) = self.look(ground) {
            Kept::write(
                &ground.git.own_dir(),
                (self.question, answer),
                (seen, &self.began),
                self.former.as_ref(),
            );
        }
    }

    fn look(&self, ground: &Ground) -> Option<Vec<u8>> {
        if ground.git.main_work_tree() != Some(self.top.as_path()) {
            return None;
        }
        let mut all = repository::sights(&ground.git)?;
        all.extend(sights(&ground.git, &ground.project)?);
        for path in &ground.looked_at {
            all.add(Path::new(path), Depth::Followed);
        }
        if let Some(config) = UserFolders::here().config {
            all.add(&config, Depth::Followed);
        }
        if let Some(file) = &ground.specfile {
            all.add(&std::path::absolute(file).ok()?, Depth::Followed);
        }
        all.add_ways();
        all.look(&self.top, &self.began)
    }
}

fn can_be_answered_again(wish: &Wish) -> bool {
    match wish {
        Wish::Build(wish) => {
            let is_plain = !wish.always && wish.what_if.is_empty() && wish.fix.is_none();
            // Events carry the run's name and the time.
            let is_same = match wish.mode {
                Mode::Run => wish.face != FaceKind::Json,
                Mode::DryRun | Mode::Explain | Mode::Question => true,
                Mode::Touch => false,
            };
            is_plain && is_same
        }
        Wish::Command(command) => matches!(command, Command::Status(_)),
    }
}

/// The top of the main checkout that a folder lies in, as git finds it. `None`: there is none, or better ask git.
fn top_of(here: &Path) -> Option<PathBuf> {
    let seen = |path: &Path| {
        let path = CString::new(path.as_os_str().as_bytes()).ok()?;
        Some(Stat::of(CWD, &path, Depth::Kind)?.0)
    };
    let disk = seen(here)?.device();
    for folder in here.ancestors() {
        let git = folder.join(".git");
        if seen(&git)? != Stat::NOTHING {
            let is_there = git.is_dir() && !git.is_symlink() && seen(folder)?.device() == disk;
            return is_there.then(|| folder.to_owned());
        }
        // A bare repository would be found here.
        if seen(&folder.join("HEAD"))? != Stat::NOTHING {
            return None;
        }
    }
    None
}

/// Who answers: the version, and this very file of it.
pub(super) fn program() -> Option<Stamp> {
    let program = std::env::current_exe().ok()?;
    let path = CString::new(program.as_os_str().as_bytes()).ok()?;
    let (stat, _) = Stat::of(CWD, &path, Depth::Followed)?;
    let stamper = Stamper::new("program").field(env!("CARGO_PKG_VERSION").as_bytes());
    (stat != Stat::NOTHING).then(|| stamper.field(path.as_bytes()).field(&stat.0).stamp())
}

/// The stamp of everything that is asked, of who asks, and of who answers.
fn question(wishes: &Wishes, here: &Path) -> Option<Stamp> {
    let user = rustix::process::geteuid().as_raw();
    let mut stamper = Stamper::new("question")
        .stamped(program()?)
        .field(&user.to_le_bytes())
        .field(here.as_os_str().as_bytes())
        .field(format!("{wishes:?}").as_bytes());
    for (name, value) in environment() {
        stamper = stamper.field(name.as_bytes()).field(value.as_bytes());
    }
    Some(stamper.stamp())
}
