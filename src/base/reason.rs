//! Why a stage is out of date, as predicates that name the change.
use super::id::{SpecName, StageName};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One reason why a stage is out of date.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Reason {
    /// There is no trace of it.
    NeverRan,
    /// Its trace was voided; `why` is a predicate: "reverted by `1a2b3c4`".
    Voided {
        /// Why.
        why: String,
    },
    /// It stopped until a person does something.
    Held {
        /// Why.
        why: String,
    },
    /// A named ingredient changed.
    Changed {
        /// What kind of ingredient: `input`, `prompt`, `run`, `env`, `description` ...
        ingredient: String,
        /// Its name, or empty where there is only one of the kind.
        name: String,
        /// The files of it that changed, where it is made of files.
        paths: Vec<String>,
    },
    /// An ingredient that was not there before.
    Added {
        /// What kind of ingredient.
        ingredient: String,
        /// Its name.
        name: String,
    },
    /// An ingredient that is no longer there.
    Removed {
        /// What kind of ingredient.
        ingredient: String,
        /// Its name.
        name: String,
    },
    /// A spec that this one needs landed another result.
    NeedLanded {
        /// The spec that is needed.
        spec: SpecName,
    },
    /// A stage before this one did something else.
    StageChanged {
        /// The stage before.
        stage: StageName,
    },
    /// A declared output was there and a person removed it.
    OutputRemoved {
        /// Its path.
        path: String,
    },
    /// An attempt since its last success left changes and did not succeed.
    Unfinished,
    /// The branch is complete but has not landed.
    NotLanded,
    /// `-B`, or `-W` on a file.
    Asked {
        /// Which flag, as typed: `-B`, `-W src/x.rs`.
        flag: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverRan => f.write_str("never ran"),
            Self::Voided { why } => f.write_str(why),
            Self::Held { why } => write!(f, "held: {why}"),
            Self::Changed { ingredient, name, paths } => {
                write_ingredient(f, ingredient, name)?;
                f.write_str(" changed")?;
                if paths.is_empty() || (paths.len() == 1 && paths[0] == *name) {
                    return Ok(());
                }
                write!(f, " ({})", few(paths))
            }
            Self::Added { ingredient, name } => {
                write_ingredient(f, ingredient, name)?;
                f.write_str(" is new")
            }
            Self::Removed { ingredient, name } => {
                write_ingredient(f, ingredient, name)?;
                f.write_str(" is gone")
            }
            Self::NeedLanded { spec } => write!(f, "`{spec}` landed a different result"),
            Self::StageChanged { stage } => write!(f, "`{stage}` changed something else"),
            Self::OutputRemoved { path } => write!(f, "output `{path}` was removed"),
            Self::Unfinished => f.write_str("its last attempt did not succeed"),
            Self::NotLanded => f.write_str("not landed"),
            Self::Asked { flag } => write!(f, "asked for by `{flag}`"),
        }
    }
}

fn write_ingredient(f: &mut fmt::Formatter<'_>, ingredient: &str, name: &str) -> fmt::Result {
    if name.is_empty() { f.write_str(ingredient) } else { write!(f, "{ingredient} `{name}`") }
}

fn few(paths: &[String]) -> String {
    let shown: Vec<&str> = paths.iter().take(3).map(String::as_str).collect();
    let more = paths.len().saturating_sub(shown.len());
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_predicates() {
        let changed = |name: &str, paths: &[&str]| Reason::Changed {
            ingredient: "input".into(),
            name: name.into(),
            paths: paths.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(changed("spec.md", &["spec.md"]).to_string(), "input `spec.md` changed");
        assert_eq!(
            changed("*.md", &["a", "b", "c", "d"]).to_string(),
            "input `*.md` changed (a, b, c and 1 more)"
        );
        assert_eq!(
            Reason::Changed { ingredient: "run line".into(), name: String::new(), paths: vec![] }.to_string(),
            "run line changed"
        );
    }
}
