//! What nobody may read: values of the environment that are secret by their names.
use crate::world::{ONE, World};
use std::fs;
use std::path::Path;

const TOKEN: &str = "tok-4f1c9e77aa";
const NAMED: &str = "rosebud";
const WRITTEN: &str = "from-a-file-81";
const DECLARED: &str = "said-in-the-specfile";

/// Files below a folder that hold one of the secrets.
fn holding(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.extend(holding(&path));
            continue;
        }
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        if [TOKEN, NAMED, WRITTEN, DECLARED].iter().any(|secret| text.contains(secret)) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn no_secret_is_kept_or_told_in_whatever_pieces_it_comes() {
    let one = ONE.replace("project {", "project { secrets \"CITY\";");
    let mut world = World::with(&format!(
        "{one}\nstage \"build\" {{ env DB_PASSWORD={DECLARED:?}; on-failure {{ retry 1; hold }} }}\nspec \"a\" \"A\""
    ));
    world.env("SOME_API_TOKEN", TOKEN).env("CITY", NAMED).env("PLAIN", "plain-value");
    world.file(".gitignore", ".env\n").commit("ignore");
    world.file(".env", &format!("export DEPLOY_KEY='{WRITTEN}'\n"));
    world.script(
        "a/build",
        &format!(
            "echo \"$PLAIN $SOME_API_TOKEN\"\nprintf tok-4f1; sleep 0.1; printf 'c9e77aa\\n'\n\
             echo \"{{\\\"text\\\":\\\"$CITY\\\"}}\"\necho {WRITTEN}; echo \"$DB_PASSWORD\"\n\
             echo \"$SOME_API_TOKEN\" > token.txt\necho \"CHECK FAILED: it says $SOME_API_TOKEN here\""
        ),
    );
    let outcome = world.run(["--yes"]);
    outcome.exits(1).said("it says *** here");
    for secret in [TOKEN, NAMED, WRITTEN, DECLARED] {
        outcome.unsaid(secret);
        for args in [["status", "a"], ["logs", "a:build"]] {
            world.run(args).unsaid(secret);
        }
        assert!(!world.git(&["log", "--all", "--format=%B"]).contains(secret));
        assert!(!world.prompt("a:build").contains(secret), "{}", world.prompt("a:build"));
    }
    world.run(["logs", "a:build"]).said("plain-value ***");
    assert_eq!(holding(&world.repo().join(".specmake")), [""; 0]);
    // The agent had them all.
    assert_eq!(world.show("spec/a", "token.txt"), Some(format!("{TOKEN}\n")));
    let json = world.run(["--format", "json", "retry", "a", "--yes"]);
    json.unsaid(TOKEN).unsaid(NAMED);
}
