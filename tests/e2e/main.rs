//! The real binary on real git in temporary repositories.
//!
//! The agent is a scripted program whose call log, never a clock, proves what ran; the order of things
//! that run side by side is released causally, by files that scripts wait for.
#![expect(clippy::unwrap_used, reason = "a world that cannot be built is a failed test")]

mod outcome;
mod running;
mod scripts;
mod world;

mod acp;
mod advice;
mod agents;
mod beside;
mod brakes;
mod checked;
mod commands;
mod compiled;
mod conflict;
mod cost;
mod damage;
mod dead;
mod dialects;
mod disk;
mod environment;
mod evidence;
mod failure;
mod flags;
mod flood;
mod foresight;
mod forge;
mod gc;
mod glance;
mod goals;
mod harness;
mod hell;
mod hostile;
mod ingredients;
mod inputs;
mod interrupt;
mod journal;
mod kill;
mod ladder;
mod land;
mod landing;
mod landings;
mod limits;
mod looks;
mod merging;
mod notify;
mod order;
mod people;
mod queue;
mod real;
mod rebuild;
mod repair;
mod revert;
mod schemas;
mod secrets;
mod terminal;
mod trust;
mod watch;
mod worktrees;
