//! KDL 2 text to a tree in which every word has its place, and every mistake on the way. Knows no names.
//!
//! The reader is our own: it must find every mistake of a text in one go, stay within its stack and memory on
//! hostile text, and cost milliseconds for ten thousand specs. The `kdl` crate is its oracle in the tests.
pub mod ast;
pub mod edit;
pub mod format;
mod lexer;
mod literal;
pub mod read;

#[cfg(test)]
mod tests;

pub use ast::{Document, Node, Prop, Value, ValueKind, Word};
pub use edit::{append, quote};
pub use format::format;
pub use read::{DEEPEST, LARGEST, MOST_WORDS, decode, parse};
