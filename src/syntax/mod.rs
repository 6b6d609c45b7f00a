//! KDL 2 text to a tree in which every word has its place, and every mistake on the way. Knows no names.
pub mod ast;

pub use ast::{Document, Node, Prop, Value, ValueKind, Word};
