//! What was recorded of runs, for commands that look back.
use super::status::events;
use super::trouble::Trouble;
use crate::base::{SpecName, english};
use crate::store::{RunRow, Store};
use crate::sys::git::Git;
use crate::sys::lock::BuildLock;
use crate::view::View;
use std::collections::BTreeSet;

/// A run, folded.
#[derive(Debug)]
pub struct Recorded {
    /// Its row.
    pub row: RunRow,
    /// Whether it is on.
    pub on: bool,
    /// What happened.
    pub view: View,
}

/// The recorded runs of a repository. A reader: it never disturbs a builder.
#[derive(Debug)]
pub struct Runs {
    store: Option<Store>,
    /// The process of the run that is on, if one is.
    builder: Option<u32>,
}

impl Runs {
    /// Those of a repository; none where nothing was recorded yet.
    ///
    /// # Errors
    /// The state file or the lock cannot be read.
    pub fn open(git: &Git) -> Result<Self, Trouble> {
        let builder = BuildLock::holder(git)?.map(|holder| holder.pid);
        let store = Store::open_existing(&git.state_dir())
            .map_err(|error| Trouble::environment(&error).hint(error.hint()))?;
        Ok(Self { store, builder })
    }

    /// All of them, oldest first.
    ///
    /// # Errors
    /// The state file cannot be read.
    pub fn all(&self) -> Result<Vec<Recorded>, Trouble> {
        let mut rows = self.rows()?;
        rows.reverse();
        rows.into_iter().map(|row| self.read(row)).collect()
    }

    /// The newest one that is meant.
    ///
    /// # Errors
    /// The state file cannot be read.
    pub fn newest(&self, is_meant: impl Fn(&Recorded) -> bool) -> Result<Option<Recorded>, Trouble> {
        for row in self.rows()? {
            let run = self.read(row)?;
            if is_meant(&run) {
                return Ok(Some(run));
            }
        }
        Ok(None)
    }

    /// The run of that name.
    ///
    /// # Errors
    /// There is none, or the state file cannot be read.
    pub fn named(&self, name: &str) -> Result<Recorded, Trouble> {
        let rows = self.rows()?;
        let Some(row) = rows.iter().find(|row| row.name == name) else {
            let known: Vec<String> = rows.iter().take(3).map(|row| format!("`{}`", row.name)).collect();
            let trouble = Trouble::usage(format!("no run `{name}` is recorded"));
            return Err(match known.is_empty() {
                true => trouble,
                false => trouble.hint(format!("the newest: {}", english::list(&known, "and"))),
            });
        };
        self.read(row.clone())
    }

    fn rows(&self) -> Result<Vec<RunRow>, Trouble> {
        let Some(store) = &self.store else { return Ok(Vec::new()) };
        store.runs(usize::MAX >> 1).map_err(Trouble::environment)
    }

    fn read(&self, row: RunRow) -> Result<Recorded, Trouble> {
        let records = match &self.store {
            Some(store) => events(store, row.id).map_err(Trouble::environment)?,
            None => Vec::new(),
        };
        let on = row.ended.is_none() && self.builder == Some(row.pid);
        Ok(Recorded { on, view: View::of(&records), row })
    }
}

/// The spec of these runs that is meant by a name, or by a prefix that only one has.
///
/// # Errors
/// No spec has it, or several have.
pub fn spec_of(runs: &[Recorded], text: &str) -> Result<SpecName, Trouble> {
    spec_among(runs.iter().flat_map(|run| run.view.specs.keys()), text)
}

/// The same among these.
///
/// # Errors
/// No spec has it, or several have.
pub fn spec_among<'a>(
    names: impl IntoIterator<Item = &'a SpecName>,
    text: &str,
) -> Result<SpecName, Trouble> {
    let names: BTreeSet<&SpecName> = names.into_iter().collect();
    if let Some(exact) = names.iter().find(|name| name.as_str() == text) {
        return Ok((*exact).clone());
    }
    let found: Vec<&SpecName> = names.into_iter().filter(|name| name.as_str().starts_with(text)).collect();
    match &found[..] {
        [one] => Ok((*one).clone()),
        [] => Err(Trouble::usage(format!("nothing is recorded of a spec `{text}`"))),
        many => {
            let many: Vec<String> = many.iter().map(|name| format!("`{name}`")).collect();
            Err(Trouble::usage(format!("`{text}` may mean {}", english::list(&many, "or"))))
        }
    }
}
