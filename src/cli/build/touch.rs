//! `-t`: stages are taken as done without running them.
use super::Build;
use crate::base::english;
use crate::cli::exit::Exit;
use crate::cli::opening::{lock, open_store};
use crate::cli::trouble::Trouble;
use crate::cli::user::{Ask, Surroundings, Terminal};
use crate::graph::PlaceKind;
use crate::report::Voice;
use crate::run::report::Reporter;
use std::io::Write;

impl Build<'_> {
    /// `-t`: the goals are taken as done.
    pub(super) fn touch(self, here: &Surroundings, err: &mut dyn Write) -> Result<Exit, Trouble> {
        let _lock = lock(&self.ground.git, &self.wish.goals.join(" "), self.wish.wait, err)?;
        let store = open_store(&self.ground.git, err)?;
        let site = self.open_site("touch", Reporter::silent(), store, here, err)?;
        let mut half_done = Vec::new();
        for spec in self.wanted.goals().map(|position| site.spec(position)) {
            if site.standing(spec)?.branch.is_some() {
                half_done.push(&spec.name);
            }
        }
        if !half_done.is_empty() && !self.wish.yes {
            let names = english::list(&half_done, "and");
            let question = format!("{names}: work is half done there; take it as done?");
            if !Terminal::of(here).yes(&question).unwrap_or(false) {
                return Err(Trouble::environment(format!("{names}: work is half done there"))
                    .hint("`--yes` takes it as done"));
            }
        }
        let stages = self.wanted.places().filter_map(|place| match site.graph.kind(place) {
            PlaceKind::Stage { spec, stage } if self.wanted.is_goal(spec) => Some((spec, stage)),
            _ => None,
        });
        let touched = site.touch(&stages.collect::<Vec<_>>()).map_err(Trouble::environment)?;
        if self.wish.voice != Voice::Quiet {
            writeln!(err, "specmake: touched {}", english::count(touched, "stage"))?;
        }
        Ok(Exit::Done)
    }
}
