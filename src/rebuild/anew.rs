//! Traces whose commits were written anew: by a rebase, a replay or a squash.
use super::history::Seq;
use super::ingredient::Key;
use super::judge::{Question, Since, recorded};
use super::line::Last;
use super::tree::{Unreadable, stamp_of};
use crate::base::Stamp;
use crate::model::Pattern;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Question<'_> {
    /// Files that changed behind a trace whose commit was written anew: a rebase, a replay or a squash puts
    /// other commits behind it than those that the stage saw, so there only the recorded stamps tell.
    pub(super) fn slipped_in(
        &self,
        key: &Key,
        pattern: &Pattern,
        since: &Since<'_>,
    ) -> Result<BTreeSet<Arc<str>>, Unreadable> {
        if !self.was_written_anew(since) {
            return Ok(BTreeSet::new());
        }
        let known = self.stamps_left(key, since);
        let commit = self.line.commit(since.seq).oid;
        let then = stamp_of(&*self.trees.tree(commit)?, pattern, self.trees)?;
        if known.contains(&then) || known.contains(&stamp_of(self.tree, pattern, self.trees)?) {
            return Ok(BTreeSet::new());
        }
        let own = self.names();
        let is_own = |seq: Seq| self.line.commit(seq).marks.iter().any(|mark| own.contains(&mark.spec()));
        let writers = self.line.writers(pattern).filter(|(_, seq)| self.counts(*seq, since) && !is_own(*seq));
        Ok(writers.map(|(path, _)| path).collect())
    }

    fn was_written_anew(&self, since: &Since<'_>) -> bool {
        let Some(from) = since.trace.and_then(|trace| trace.from) else { return false };
        !self.line.grew_on(since.seq, from, &self.names())
    }

    /// As which stamps an ingredient was left: by the stage itself, and by those behind it that have it too.
    fn stamps_left(&self, key: &Key, since: &Since<'_>) -> Vec<Stamp> {
        let names = self.names();
        let stages = self.spec.stages.iter().filter(|stage| !since.before.contains(&stage.name));
        stages
            .filter_map(|stage| match self.line.last(&names, &stage.name) {
                Last::Done { trace, .. } => recorded(trace, self, key),
                _ => None,
            })
            .map(|stamps| stamps.left.unwrap_or(stamps.seen))
            .collect()
    }
}
