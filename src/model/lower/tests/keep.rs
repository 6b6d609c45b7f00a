//! `keep`.
use super::{check, load_with, project};

#[test]
fn what_is_kept_are_folders_by_their_paths() {
    let keep = |said: &str| format!("project {{ keep {said} }}\nspec \"a\" \"A\"");
    assert_eq!(project(&keep("\"./target/\" \"web/dist\"")).settings.keep, ["target", "web/dist"]);
    let pattern = "2:16 a folder is kept by its path, not by a pattern (name each folder: `target`, `web/node_modules`)";
    check(&keep("\"target/**\""), &[pattern]);
    check(&keep("\"a/b\" \"a\""), &["2:16 `a/b` is kept with `a` already"]);
    let twice = ["2:26 `a` is kept with `a` already", "2:30 `a/c` is kept with `a` already"];
    check(&keep("\"a\"; keep \"a\" \"a/c\""), &twice);
    check(&keep("\"ab\" \"a\""), &[]);
    for bad in ["../x", "/", "a/.git"] {
        let text = format!("agent \"demo\"\n{}", keep(&format!("\"{bad}\"")));
        assert!(load_with(&text, &[]).has_errors(), "{bad}");
    }
}
