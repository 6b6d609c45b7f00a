//! What an agent is told that settles a conflict: who changed the same files, and both sides' changes.
use super::prompt::{LONGEST_DIFF, fenced, start_of};
use crate::base::SpecName;
use crate::sys::output::clean;
use std::fmt::Write;

/// A conflict of a spec's branch with the base.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Clash {
    /// The base's branch.
    pub base: String,
    /// The paths that conflict.
    pub paths: Vec<String>,
    /// The specs whose landed work is on the other side.
    pub others: Vec<Other>,
    /// What people changed in these paths on the base meanwhile: short commits and subjects.
    pub by_hand: Vec<String>,
    /// What changed in these paths on the base.
    pub theirs: String,
    /// What changed in them on the spec's branch.
    pub ours: String,
}

/// A spec on the other side of a conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// Its name.
    pub spec: SpecName,
    /// Its folder.
    pub folder: String,
    /// Its description.
    pub description: Option<String>,
}

/// The part of a prompt that tells of it.
pub(super) fn section(clash: &Clash, spec: &SpecName, folder: &str) -> String {
    let base = clean(clash.base.as_bytes());
    let mut text = format!(
        "## The conflict\n\nA merge of `{base}` into the branch of `{spec}` is begun in this worktree. In conflict:\n\n"
    );
    for path in &clash.paths {
        let _ = writeln!(text, "- `{}`", clean(path.as_bytes()));
    }
    let _ = write!(text, "\nWhat this side is for is said in `{folder}`, as far as that is there.");
    if clash.others.is_empty() && clash.by_hand.is_empty() {
        let _ = writeln!(text, " Who changed these files on `{base}` is in `git log HEAD..MERGE_HEAD`.");
    } else {
        let _ = writeln!(text, " The other side, on `{base}`, changed the same files for:\n");
    }
    for Other { spec, folder, description } in &clash.others {
        let description = description.as_deref().map(|text| format!(": {}", clean(text.as_bytes())));
        let _ = writeln!(text, "- `{spec}` (its folder is `{folder}`){}", description.unwrap_or_default());
    }
    for commit in &clash.by_hand {
        let _ = writeln!(text, "- people, by hand: {}", clean(commit.as_bytes()));
    }
    for (whose, diff) in
        [(format!("Changes on `{base}`"), &clash.theirs), (format!("Changes for `{spec}`"), &clash.ours)]
    {
        let shown = start_of(diff, LONGEST_DIFF, "`git diff` of the two sides has the rest");
        let _ = write!(text, "\n{whose} since the two parted:\n\n{}", fenced("diff", &shown));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_are_told_with_their_folders_and_changes() {
        let name = |name| SpecName::new(name).expect("a name");
        let mut clash = Clash {
            base: "main".into(),
            paths: vec!["a.txt".into()],
            others: vec![Other {
                spec: name("050"),
                folder: "specs/050".into(),
                description: Some("Errors".into()),
            }],
            by_hand: vec!["abc typo".into()],
            theirs: "+theirs ```\n".into(),
            ours: "+ours\n".into(),
        };
        let text = section(&clash, &name("051"), "specs/051");
        for told in [
            "- `a.txt`\n",
            "said in `specs/051`",
            "- `050` (its folder is `specs/050`): Errors\n",
            "- people, by hand: abc typo\n",
            "````diff\n+theirs ```\n````\n",
            "Changes for `051` since the two parted:\n\n```diff\n+ours\n```\n",
        ] {
            assert!(text.contains(told), "{told}: {text}");
        }
        clash.others.clear();
        clash.by_hand.clear();
        assert!(section(&clash, &name("051"), "specs/051").contains("git log HEAD..MERGE_HEAD"));
    }
}
