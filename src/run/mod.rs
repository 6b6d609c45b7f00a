//! The loop: a dispatcher that feeds the schedule, executors that make attempts in worktrees, and the
//! landing that moves the base. Never imports a face.
pub mod adopting;
pub mod attempt;
pub mod beside;
pub mod blame;
mod check;
pub mod contents;
pub mod dispatcher;
mod elsewhere;
mod evidence;
pub mod executor;
pub mod forecast;
mod foreign;
pub mod fork;
pub mod hands;
pub mod inputs;
pub mod journal;
pub mod judging;
pub mod ladder;
pub mod landing;
pub mod landings;
pub mod launch;
mod leak;
mod own_moves;
pub mod progress;
pub mod record;
pub mod recover;
pub mod report;
pub mod rewind;
#[cfg(test)]
mod sample;
pub mod site;
pub mod slots;
pub mod standing;
pub mod tidy;
pub mod waiting;
pub mod when;
pub mod workplace;
