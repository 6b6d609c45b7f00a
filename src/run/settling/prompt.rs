//! What an agent is told that settles a conflict with the base.
use super::Clash;
use crate::agent::clash::{self, Other};
use crate::agent::prompt::{Earlier, PromptRequest, render};
use crate::base::{Oid, SpecName};
use crate::builtin;
use crate::model::{Spec, Stage};
use crate::run::hands::Order;
use crate::run::journal::commits;
use crate::run::launch::Ground;
use crate::run::site::Site;
use crate::sys::git::GitError;
use std::collections::BTreeSet;

impl Site {
    /// The prompt of an attempt to settle a conflict.
    pub(in crate::run) fn settling_prompt(
        &self,
        order: &Order,
        spec: &Spec,
        stage: &Stage,
        ground: &Ground<'_>,
        clash: &Clash,
    ) -> String {
        let top = ground.worktree.top();
        let context = self.context(top);
        let own = order.rung.as_ref().and_then(|rung| rung.prompt.as_ref()).map(|prompt| &*prompt.text);
        let built_in = builtin::named(builtin::PROMPTS, "conflict").map_or("", |prompt| prompt.text);
        // The first one has nothing but the conflict itself before it.
        let earlier = order.former.iter().filter(|failure| failure.log.is_some());
        let earlier: Vec<Earlier> = earlier.map(|failure| self.earlier(order, failure)).collect();
        let (tip, _) = ground.since;
        let told = self.told_of(spec, tip, clash).unwrap_or_default();
        render(&PromptRequest {
            text: own.unwrap_or(built_in),
            spec: &spec.name,
            stage: &stage.name,
            folder: &spec.folder,
            description: spec.description.as_deref(),
            params: &spec.params,
            worktree: &top.to_string_lossy(),
            outputs: &[],
            tasks: None,
            context: &context,
            missing: &[],
            again: None,
            asked: None,
            clash: Some(&told),
            handed_over: None,
            earlier: &earlier,
        })
    }

    /// Both sides of a conflict.
    fn told_of(&self, spec: &Spec, tip: Oid, clash: &Clash) -> Result<clash::Clash, GitError> {
        let Clash { base, paths, .. } = clash;
        let fork = self.git.merge_base(tip, *base)?.unwrap_or(tip);
        let mut others = BTreeSet::new();
        let mut by_hand = Vec::new();
        for commit in commits(self.git.log(&[*base], &[tip])?) {
            if !commit.changes.iter().any(|change| paths.iter().any(|path| **path == *change.path)) {
                continue;
            }
            others.extend(commit.marks.iter().map(|mark| mark.spec().clone()));
            if commit.is_persons() {
                let subject = self.git.line(["log", "-1", "--format=%s", &commit.oid.to_string()])?;
                by_hand.push(format!("`{}` {subject}", commit.oid.short()));
            }
        }
        let other = |name: SpecName| {
            let declared = self.spec_named(&name)?;
            let (folder, description) = (declared.folder.clone(), declared.description.clone());
            (name != spec.name).then_some(Other { spec: name, folder, description })
        };
        Ok(clash::Clash {
            base: self.base_branch.clone(),
            paths: paths.clone(),
            others: others.into_iter().filter_map(other).collect(),
            by_hand,
            theirs: self.git.diff_text(fork, *base, paths)?,
            ours: self.git.diff_text(fork, tip, paths)?,
        })
    }
}
