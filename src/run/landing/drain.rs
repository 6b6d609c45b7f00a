//! Landing because a person asked for it: the specs that are named, batch after batch, and nothing else.
use super::{Ends, REBUILDS};
use crate::base::SpecName;
use crate::event::Failure;
use crate::model::{FailureClass, Spec};
use crate::run::hands::{Batch, Landed};
use crate::run::judging::{Unjudged, setup_failure};
use crate::run::site::Site;
use crate::run::workplace::{Workplace, require_at_rest};
use crate::sys::git::GitError;
use crate::sys::stop::Stop;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Site {
    /// Lands specs, needed ones first, and says what became of each. Held ones are tried again.
    pub async fn land_all(self: &Arc<Self>, specs: Vec<usize>, stop: &Stop) -> Ends {
        let waves = self.graph.waves(|_| true);
        let mut by_wave: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for spec in specs {
            by_wave.entry(waves.get(spec).copied().unwrap_or_default()).or_default().push(spec);
        }
        let mut ends = Vec::new();
        for specs in by_wave.into_values() {
            let mut ready = Vec::new();
            for spec in specs {
                match self.lands_after(self.spec(spec)) {
                    Ok(None) => match self.keep_edits(self.spec(spec)) {
                        Ok(()) => ready.push(spec),
                        Err(failure) => ends.push((spec, Landed::Held(failure))),
                    },
                    Ok(Some(need)) => {
                        let why = format!("it needs `{need}`, which has not landed");
                        ends.push((spec, Landed::Held(Failure::new(FailureClass::Setup, why))));
                    }
                    Err(error) => ends.push((spec, Landed::Failed(setup_failure(&error)))),
                }
            }
            ends.extend(self.land_wave(ready, stop).await);
        }
        ends
    }

    /// Lands specs that do not wait for each other.
    async fn land_wave(self: &Arc<Self>, mut specs: Vec<usize>, stop: &Stop) -> Ends {
        let most = usize::try_from(self.project.land.batch).unwrap_or(1).max(1);
        let at_once = self.project.land.parallel.min(self.project.settings.jobs);
        let at_once = usize::try_from(at_once).unwrap_or(1).max(1);
        // Each that comes again was in the way of others, or they in its way: so often at most.
        let mut turns = specs.len() * 2 + usize::try_from(REBUILDS).unwrap_or_default();
        let mut ends = Vec::new();
        while !specs.is_empty() {
            let rest = specs.split_off(specs.len().min(most));
            let batch = std::mem::replace(&mut specs, rest);
            let (mut ended, left) = Arc::clone(self).land_batch(batch, stop.clone()).await;
            if let Batch::Red(red) = left {
                ended.extend(Arc::clone(self).split_batch(red, at_once, stop.clone()).await);
            }
            for (spec, landed) in ended {
                match landed {
                    Landed::Again if turns > 0 => {
                        turns -= 1;
                        specs.push(spec);
                    }
                    Landed::Again => {
                        let why = "something else was in its way again and again".to_owned();
                        ends.push((spec, Landed::Held(Failure::new(FailureClass::Conflict, why))));
                    }
                    landed => ends.push((spec, landed)),
                }
            }
        }
        ends
    }

    /// Commits what a person mended in a spec's worktree.
    fn keep_edits(&self, spec: &Spec) -> Result<(), Failure> {
        let setup = |error: GitError| setup_failure(&error);
        let branch = self.branch_of(spec);
        let Some(tip) = self.tip_of(&branch).map_err(setup)? else { return Ok(()) };
        let Some(worktree) = self.worktree_of(spec).map_err(setup)? else { return Ok(()) };
        let mut place = Workplace { worktree, branch, tip };
        require_at_rest(&place)?;
        if let Some(edits) = self.keep_hand_edits(spec, &mut place).map_err(setup)? {
            let (name, branch) = (&spec.name, &place.branch);
            self.reporter.warn(format!("{name}: your edits are now `{}` on `{branch}`", edits.short()));
        }
        Ok(())
    }

    /// A need of a spec that has never landed.
    fn lands_after(&self, spec: &Spec) -> Result<Option<SpecName>, Unjudged> {
        let standing = self.standing(spec)?;
        let optional = |name: &SpecName| {
            spec.needs.iter().any(|need| {
                need.optional && matches!(&need.target, crate::model::Target::Spec(one) if one == name)
            })
        };
        for stage in 0..spec.stages.len() {
            let needs = self.needs_now(spec, stage, &standing)?;
            let missing = needs.iter().find(|need| need.result.is_none() && !optional(&need.spec.name));
            if let Some(need) = missing {
                return Ok(Some(need.spec.name.clone()));
            }
        }
        Ok(None)
    }
}
