//! Stages that are taken as done as they are.
use super::record::Unrecorded;
use super::site::Site;
use crate::event::Verdict;
use crate::rebuild::How;
use std::collections::BTreeSet;

impl Site {
    /// Takes those of these stages, each with the position of its spec, as done that are not: how many there were.
    ///
    /// # Errors
    /// git fails, or the base cannot move now.
    pub fn touch(&self, stages: &[(usize, usize)]) -> Result<usize, Unrecorded> {
        let mut touched = BTreeSet::new();
        // What one hands on that was void, or what a spec amounts to that never ran, is known of those behind only
        // when that is recorded: then they are taken as done with it, too.
        for _ in 0..=stages.len() {
            let mut marks = Vec::new();
            for (position, stage) in stages {
                let spec = self.spec(*position);
                let standing = self.standing(spec)?;
                if matches!(self.judged(spec, *stage, &standing)?.verdict, Verdict::UpToDate { .. }) {
                    continue;
                }
                let mark = self.taken_as_done(spec, *stage, How::Touched, &standing)?;
                marks.push((*position, mark));
                touched.insert((*position, *stage));
            }
            if marks.is_empty() {
                break;
            }
            self.record("touch", marks)?;
        }
        Ok(touched.len())
    }
}
