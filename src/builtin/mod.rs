//! Agents, pipelines and prompts that come with the program, as the texts that a user could have written.
//!
//! In a prompt `{spec}` is the spec's name and `{folder}` its folder from the top of the repository; any other
//! `{...}` stays as it is. What every prompt needs (the facts of the stage with the spec's description, why it runs
//! again, what failed before, the rules of unattended work) is added by whoever renders it.

/// A built-in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltIn {
    /// Its name in a Specfile.
    pub name: &'static str,
    /// Specfile text, or for a prompt Markdown.
    pub text: &'static str,
}

macro_rules! texts {
    ($folder:literal, $extension:literal, $($name:literal),+ $(,)?) => {
        &[$(BuiltIn { name: $name, text: include_str!(concat!($folder, "/", $name, ".", $extension)) }),+]
    };
}

/// Agents: each text declares the one `agent` of its name.
/// `verified` names the program that it was run with in `tests/real`, and what was seen to work.
pub const AGENTS: &[BuiltIn] = texts!(
    "agents",
    "kdl",
    "demo",
    "opencode",
    "claude",
    "codex",
    "pi",
    "gemini",
    "qwen",
    "copilot",
    "cursor",
    "kimi",
    "vibe",
    "cline",
    "goose",
    "amp",
    "droid",
    "aider",
    "mini",
    "opencode-acp",
    "claude-acp",
    "codex-acp",
    "gemini-acp",
    "qwen-acp",
    "copilot-acp",
    "kimi-acp",
);

/// Pipelines: each text declares the one `pipeline` of its name.
pub const PIPELINES: &[BuiltIn] = texts!("pipelines", "kdl", "specmake", "spec-kit", "autospec", "openspec");

/// Prompts, asked for as `prompt builtin="plan"`.
pub const PROMPTS: &[BuiltIn] = texts!(
    "prompts",
    "md",
    "specify",
    "plan",
    "tasks",
    "implement",
    "check",
    "fix",
    "conflict",
    "resume",
    "spec-kit/specify",
    "spec-kit/plan",
    "spec-kit/tasks",
    "spec-kit/implement",
    "autospec/specify",
    "autospec/plan",
    "autospec/tasks",
    "autospec/implement",
    "openspec/proposal",
    "openspec/specs",
    "openspec/design",
    "openspec/tasks",
    "openspec/implement",
);

/// The text of that name.
pub fn named(texts: &'static [BuiltIn], name: &str) -> Option<&'static BuiltIn> {
    texts.iter().find(|text| text.name == name)
}

/// Whether a prompt says the same as a built-in one, but for blanks at its ends.
pub fn is_prompt(text: &str) -> bool {
    PROMPTS.iter().any(|prompt| prompt.text.trim() == text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_name_the_folder_and_no_placeholder_that_nobody_fills() {
        for prompt in PROMPTS {
            assert!(prompt.text.contains("{folder}"), "{}", prompt.name);
            let mut rest = prompt.text;
            while let Some((_, after)) = rest.split_once('{') {
                let word = after.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or("");
                if after[word.len()..].starts_with('}') {
                    assert!(["spec", "folder"].contains(&word), "{}: {word}", prompt.name);
                }
                rest = after;
            }
        }
    }

    #[test]
    fn every_prompt_says_when_it_is_done_and_leaves_to_the_renderer_what_holds_for_all() {
        for prompt in PROMPTS {
            assert_eq!(prompt.text.matches("## Done means").count(), 1, "{}", prompt.name);
            for said_for_all in ["## Rules", "unattended", "{description}"] {
                assert!(!prompt.text.contains(said_for_all), "{}: {said_for_all}", prompt.name);
            }
        }
    }
}
