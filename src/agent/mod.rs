//! What an agent is told, how it is started, and how what it prints is read. Knows no schedule and no git.
pub mod acp;
pub mod clash;
pub mod command;
pub mod demo;
pub mod dialect;
pub mod facts;
mod json;
pub mod limit;
pub mod placeholder;
pub mod prompt;
pub mod refusal;
mod words;

pub use command::{AgentCall, CommandError, Limits, Surroundings};
pub use dialect::{Dialect, EndReason, Said};
pub use prompt::{PromptRequest, render};
