//! A model on loopback that plays scripts: what real agents talk to in tests, in the three dialects of HTTP that
//! they speak. Nothing of a conversation is kept: which turn to play is read off the request, so any number of
//! agents may talk to it at once, and one that was killed goes on where it stopped.
//!
//! A script rides in the prompt, `<<<script [TURN, ...]>>>`, or is set by words that the prompt holds.
pub mod chat;
pub mod http;
pub mod messages;
pub mod responses;
pub mod script;
pub mod server;
pub mod talk;
pub mod tools;
