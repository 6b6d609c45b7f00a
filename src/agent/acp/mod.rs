//! The client's side of the Agent Client Protocol, version 1: JSON-RPC, one message a line. A state machine over
//! lines, without a process or a clock: a line goes in, what is to be done comes out. Whatever the other side
//! sends, it neither panics nor takes a failure for success.
//! Format: the published schema of the protocol, and what real agents were seen to send.
mod client;
mod end;
mod permission;
mod prose;
mod tools;
mod updates;
mod used;
mod wire;

#[cfg(test)]
mod tests;

pub use client::{Act, Client, Opening, Session};
pub use permission::Policy;
pub use updates::Log;

/// The version of the protocol that is spoken here.
pub const VERSION: u32 = 1;
