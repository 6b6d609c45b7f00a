//! Outputs that a person removed.
use super::judge::{Question, Since};
use super::rename::{former_pattern, present_path};
use crate::base::Reason;
use crate::model::Pattern;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Question<'_> {
    /// Outputs of the stage that are not there because a person removed them since then, under the spec's
    /// present name or its former one.
    pub(super) fn removed_outputs(&self, since: &Since<'_>) -> Vec<Reason> {
        let mut removed = BTreeSet::new();
        for output in &self.stage().outputs {
            removed.extend(self.removals(output, since, &|path| path.into()));
            let Some(former) = former_pattern(self.spec, output) else { continue };
            // What a rename carried over was written under its present name, whatever became of it then.
            let carried: BTreeSet<Arc<str>> = self.line.writers(output).map(|(path, _)| path).collect();
            let missed = self.removals(&former, since, &|path| present_path(self.spec, path).into());
            removed.extend(missed.into_iter().filter(|path| !carried.contains(path)));
        }
        removed.into_iter().map(|path| Reason::OutputRemoved { path: path.to_string() }).collect()
    }

    /// The paths of a pattern that a person removed since then, as they are called `now` if nothing is there.
    fn removals(
        &self,
        pattern: &Pattern,
        since: &Since<'_>,
        now: &dyn Fn(&str) -> Arc<str>,
    ) -> Vec<Arc<str>> {
        let mut removed = Vec::new();
        for (path, seq) in self.line.writers(pattern) {
            let present = now(&path);
            if self.tree.file(&present).is_some() || since.has(self.line, seq) {
                continue;
            }
            let commit = self.line.commit(seq);
            let removes = || commit.changes.iter().any(|c| c.path == path && c.new.is_none());
            if commit.is_persons() && removes() {
                removed.push(present);
            }
        }
        removed
    }
}
