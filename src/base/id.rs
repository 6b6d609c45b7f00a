//! Names, each a type of its own, so that a spec's name never stands where a stage's should.
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// The longest a name may be, in bytes.
pub const LONGEST_NAME: usize = 100;

/// Why a text is not a name: `[A-Za-z0-9][A-Za-z0-9._-]*`, at most 100 bytes, legal as part of a git ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Nothing at all.
    #[error("a name cannot be empty")]
    Empty,
    /// More than [`LONGEST_NAME`] bytes.
    #[error("a name is at most {LONGEST_NAME} bytes long")]
    TooLong,
    /// The first character is not a letter or a digit.
    #[error("a name begins with a letter or a digit, not {0:?}")]
    Start(char),
    /// A character outside the alphabet.
    #[error("a name is made of letters, digits, `.`, `_` and `-`; {0:?} is none of them")]
    Character(char),
    /// Legal characters in an order that git refuses in a ref.
    #[error("git allows no branch of this name: `{0}` cannot stand here")]
    Ref(&'static str),
}

/// Checks a text against the rule for names.
///
/// # Errors
/// The first [`BadName`] that applies.
pub fn check_name(text: &str) -> Result<(), BadName> {
    let first = text.chars().next().ok_or(BadName::Empty)?;
    if text.len() > LONGEST_NAME {
        return Err(BadName::TooLong);
    }
    if let Some(odd) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_' | '-')) {
        return Err(BadName::Character(odd));
    }
    if !first.is_ascii_alphanumeric() {
        return Err(BadName::Start(first));
    }
    if text.contains("..") {
        return Err(BadName::Ref(".."));
    }
    if text.ends_with('.') {
        return Err(BadName::Ref("a trailing ."));
    }
    if text.ends_with(".lock") {
        return Err(BadName::Ref(".lock"));
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(Arc<str>);

        impl $type {
            /// The name, if the text is one.
            ///
            /// # Errors
            /// What is wrong with the text.
            pub fn new(text: &str) -> Result<Self, BadName> {
                check_name(text).map(|()| Self(text.into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// The name of a spec: `051-retry`.
    SpecName
);
name!(
    /// The name of a stage within its spec: `plan`.
    StageName
);
name!(
    /// The name of a layer.
    LayerName
);
name!(
    /// The name of an agent.
    AgentName
);
name!(
    /// The name of a pipeline.
    PipelineName
);
name!(
    /// The name of a pool, a limit on how many of its holders run at once.
    PoolName
);
name!(
    /// The name of a resource.
    ResourceName
);

/// A stage of a spec, written `051-retry:plan`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StageId {
    /// The spec.
    pub spec: SpecName,
    /// The stage within it.
    pub stage: StageName,
}

impl StageId {
    /// The stage `stage` of `spec`.
    pub fn new(spec: &SpecName, stage: &StageName) -> Self {
        Self { spec: spec.clone(), stage: stage.clone() }
    }
}

impl fmt::Display for StageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}:{}", self.spec, self.stage))
    }
}

impl fmt::Debug for StageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule() {
        for good in ["a", "051-retry", "A.b_c-9", &"x".repeat(LONGEST_NAME)] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        let bad = [
            ("", BadName::Empty),
            ("-x", BadName::Start('-')),
            (".x", BadName::Start('.')),
            ("a/b", BadName::Character('/')),
            ("a b", BadName::Character(' ')),
            ("ü", BadName::Character('ü')),
            ("a..b", BadName::Ref("..")),
            ("a.", BadName::Ref("a trailing .")),
            ("a.lock", BadName::Ref(".lock")),
        ];
        for (text, why) in bad {
            assert_eq!(check_name(text), Err(why), "{text}");
        }
        assert_eq!(check_name(&"x".repeat(LONGEST_NAME + 1)), Err(BadName::TooLong));
    }
}
