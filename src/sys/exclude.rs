//! Keeping `.specmake` out of git, in the one place that is nobody's file: `info/exclude`.
use super::files;
use super::git::{Git, GitError};
use super::lock::RefsLock;

const LINE: &str = "/.specmake/";

/// Makes sure that git ignores the state folder, in every checkout.
///
/// # Errors
/// `info/exclude` cannot be read or written.
pub fn exclude_state_dir(git: &Git) -> Result<(), GitError> {
    let file = git.common_dir().join("info/exclude");
    if git.main_work_tree().is_none() || is_excluded(&std::fs::read(&file).unwrap_or_default()) {
        return Ok(());
    }
    let _lock = RefsLock::take(git)?;
    let mut text = match std::fs::read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(GitError::io(format!("read `{}`", file.display()))(error)),
    };
    if is_excluded(&text) {
        return Ok(());
    }
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text.extend_from_slice(format!("{LINE}\n").as_bytes());
    files::replace(&file, &text).map_err(GitError::io(format!("write `{}`", file.display())))
}

fn is_excluded(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n').any(|line| line.trim_ascii_end() == LINE.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::World;

    #[test]
    fn the_state_folder_is_ignored_and_the_users_lines_stay() {
        let world = World::new(&[]);
        let file = world.top().join(".git/info/exclude");
        std::fs::write(&file, "mine").unwrap();
        world.write(".specmake/state.db", "x");
        for _ in 0..2 {
            exclude_state_dir(&world.open()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(file).unwrap(), "mine\n/.specmake/\n");
        assert_eq!(world.status(), "");
    }
}
