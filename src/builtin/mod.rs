//! Agents, pipelines and prompts that come with the program, as the texts that a user could have written.

/// A built-in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltIn {
    /// Its name in a Specfile.
    pub name: &'static str,
    /// Specfile text, or for a prompt Markdown.
    pub text: &'static str,
}

/// Agents: each text declares one `agent`.
pub const AGENTS: &[BuiltIn] = &[];

/// Pipelines: each text declares one `pipeline`.
pub const PIPELINES: &[BuiltIn] = &[];

/// Prompts, asked for as `prompt builtin="plan"`.
pub const PROMPTS: &[BuiltIn] = &[];
