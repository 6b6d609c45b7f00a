//! The processes of a run: all are started here, and none goes on once the one it belongs to has ended.
use super::attempt::blocking;
use super::site::Site;
use crate::base::english;
use crate::sys::child::{self, ChildError, Exit, Launch, Talk};
use crate::sys::stop::Stop;
use crate::sys::strays::end_strays_in;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The most names that a warning shows.
const SHOWN: usize = 5;

impl Site {
    /// Runs a process to its end, and to that of everything it started; `who` is what a warning calls it.
    ///
    /// # Errors
    /// It could not be started.
    pub(super) async fn process(
        &self,
        who: &str,
        launch: Launch,
        stop: &Stop,
        each: impl FnMut(&str) + Send,
    ) -> Result<Exit, ChildError> {
        let launch = self.kept(launch);
        let cwd = launch.cwd.clone();
        self.cleared(who, cwd, child::run(launch, stop, each).await).await
    }

    /// The same with a process that is talked with.
    ///
    /// # Errors
    /// It could not be started.
    pub(super) async fn talked(
        &self,
        who: &str,
        launch: Launch,
        stop: &Stop,
        with: &mut impl Talk,
    ) -> Result<Exit, ChildError> {
        let launch = self.kept(launch);
        let cwd = launch.cwd.clone();
        self.cleared(who, cwd, child::talk(launch, stop, with).await).await
    }

    fn kept(&self, launch: Launch) -> Launch {
        Launch { keeper: self.keeper.clone(), mask: self.mask.clone(), ..launch }
    }

    /// Ends what a process left running in its folder, and tells what else was wrong with it.
    async fn cleared(
        &self,
        who: &str,
        cwd: PathBuf,
        exit: Result<Exit, ChildError>,
    ) -> Result<Exit, ChildError> {
        // What a keeper could not see: there was none, or the process killed it.
        let strays = blocking(move || end_strays_in(&cwd)).await;
        let exit = exit?;
        if let Some(left) = left_running(&exit.left, strays) {
            self.reporter.warn(format!("{who}: ended {left} that it left running"));
        }
        if let Some(trouble) = &exit.log_trouble {
            self.reporter.warn(format!("{who}: its log is not whole: {trouble}"));
        }
        Ok(exit)
    }
}

/// "2 processes (`node` and `sleep`)".
fn left_running(names: &[String], strays: usize) -> Option<String> {
    let total = names.len() + strays;
    if total == 0 {
        return None;
    }
    let count = english::count(total, "process");
    let distinct: BTreeSet<&String> = names.iter().collect();
    let shown: Vec<String> = distinct.into_iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    Some(if shown.is_empty() { count } else { format!("{count} ({})", shown.join(", ")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_running_is_named_once_each() {
        let check = |names: &[&str], strays: usize, expect: Option<&str>| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            assert_eq!(left_running(&names, strays).as_deref(), expect);
        };
        check(&[], 0, None);
        check(&[], 1, Some("1 process"));
        check(&["sleep", "node", "sleep"], 1, Some("4 processes (`node`, `sleep`)"));
        check(&["a", "b", "c", "d", "e", "f"], 0, Some("6 processes (`a`, `b`, `c`, `d`, `e`)"));
    }
}
