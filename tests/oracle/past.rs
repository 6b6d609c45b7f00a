//! Where the base was before, and the model as it was then: what a reset goes back to.
use crate::model::{Memory, Model, Standing};
use std::collections::BTreeMap;

/// The commits that the base was at.
pub struct Past {
    /// The last one that it was at stands last.
    models: Vec<(String, Model)>,
    at: String,
    /// The commit before each.
    before: BTreeMap<String, String>,
}

impl Past {
    /// With the base at its first commit.
    pub fn new(at: String) -> Self {
        Self { models: Vec::new(), at, before: BTreeMap::new() }
    }

    /// The base is at this commit, and the model is as it is.
    pub fn remember(&mut self, rev: String, model: &Model) {
        self.lose(&rev);
        self.models.push((rev.clone(), model.clone()));
        if rev != self.at {
            let before = std::mem::replace(&mut self.at, rev.clone());
            self.before.entry(rev).or_insert(before);
        }
    }

    /// Nobody goes back to this commit.
    pub fn lose(&mut self, rev: &str) {
        self.models.retain(|(other, _)| other != rev);
    }

    /// The index is lost.
    pub fn forget(&mut self) {
        self.models.iter_mut().for_each(|(_, model)| model.forget());
    }

    /// One of them, by a number that is taken modulo how many there are.
    pub fn pick(&self, at: usize) -> (String, Model) {
        self.models[at % self.models.len()].clone()
    }

    /// The base is moved to a commit that it was at.
    pub fn go_to(&mut self, rev: &str) {
        rev.clone_into(&mut self.at);
    }

    /// Whether something was found done by hand on a commit before this one since the base was here. That is remembered,
    /// and what people wrote up to here came later.
    pub fn knows_more(&self, rev: &str, then: &Model) -> bool {
        let is_new = |(place, memory): (&(usize, usize), &Memory)| {
            matches!(memory.standing, Standing::Adopted { .. }) && !then.memories.contains_key(place)
        };
        let mut before = std::iter::successors(self.before.get(rev), |rev| self.before.get(*rev));
        before.any(|rev| {
            let model = self.models.iter().find(|(other, _)| other == rev).map(|(_, model)| model);
            model.is_some_and(|model| model.memories.iter().any(is_new))
        })
    }
}
