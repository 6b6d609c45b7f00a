//! What a history asks of whatever is held against the model.
use crate::model::{Edits, Files};
use crate::shape::Shape;
use crate::step::Manner;
use specmake::base::Reason;
use std::collections::{BTreeMap, BTreeSet};

/// What a stage's agent is to do.
#[derive(Debug, Clone)]
pub enum Act {
    Write(Edits),
    Fail,
    /// It does nothing, and says that all is well.
    Idle,
    /// It waits until everything is killed.
    Wait,
}

/// What a build did.
#[derive(Debug, Default)]
pub struct Told {
    pub calls: Vec<String>,
    /// Why stages were out of date when they were first judged so, by stage.
    pub reasons: BTreeMap<String, BTreeSet<String>>,
    pub code: i32,
    /// The stages that were said to run, or to do so perhaps, beforehand, and whether for certain; if it was asked.
    pub foreseen: Option<BTreeMap<String, bool>>,
    /// What is worth a look where something is wrong.
    pub text: String,
}

/// A repository, and the program on it.
pub trait Program {
    fn begin(files: &Files, shape: &Shape) -> Self;
    /// The Specfile lies in the checkout.
    fn specfile(&mut self, shape: &Shape);
    /// A person writes files of the checkout.
    fn write(&mut self, edits: &Edits);
    /// A person commits all that there is.
    fn commit(&mut self, message: &str);
    /// The base's last commit.
    fn tip(&self) -> String;
    /// What stands in the checkout, but for the Specfile.
    fn files(&self) -> Files;
    fn revert(&mut self, rev: &str);
    fn reset(&mut self, tip: &str);
    /// All that is kept beside git is lost.
    fn lose(&mut self);
    fn go_to_clone(&mut self);
    fn script(&mut self, spec: &str, stage: &str, act: &Act);
    /// A gate is approved, or a whole spec taken as done.
    fn approve(&mut self, spec: usize, stages: &[usize], touched: bool);
    fn build(&mut self, goals: &[String], manner: Manner, kill: bool) -> Told;
}

/// A reason in words that do not name a commit.
pub fn words(reason: &Reason) -> String {
    let words = reason.to_string();
    if words.starts_with("reverted by `") { "reverted".to_owned() } else { words }
}
