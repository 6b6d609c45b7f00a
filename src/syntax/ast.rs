//! A Specfile as a tree of nodes, each word with its place.
use crate::base::Span;

/// A whole text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    /// Its nodes in order.
    pub nodes: Vec<Node>,
}

/// `name arg prop=value { children }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: Word,
    /// Its arguments in order.
    pub args: Vec<Value>,
    /// Its properties in order, duplicates kept.
    pub props: Vec<Prop>,
    /// What stands between its braces; `None` without braces.
    pub children: Option<Vec<Node>>,
    /// The whole node.
    pub span: Span,
}

/// A word and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The text.
    pub text: String,
    /// The place.
    pub span: Span,
}

/// `name=value`.
#[derive(Debug, Clone, PartialEq)]
pub struct Prop {
    /// The name.
    pub name: Word,
    /// The value.
    pub value: Value,
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// The value.
    pub kind: ValueKind,
    /// The place.
    pub span: Span,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueKind {
    /// A string, quoted or not.
    Text(String),
    /// A whole number.
    Integer(i128),
    /// A number with a point, or one that is not finite.
    Decimal(f64),
    /// `#true` or `#false`.
    Bool(bool),
    /// `#null`.
    Null,
}

impl ValueKind {
    /// What it is, for a sentence: `a string`.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "a whole number",
            Self::Decimal(_) => "a decimal number",
            Self::Bool(_) => "a boolean",
            Self::Null => "null",
        }
    }
}
