//! Real input: a copy of this very repository, three specs of it in the spec-kit manner.
use crate::world::World;
use std::path::Path;
use std::process::Command;

/// Every file that this repository tracks, in a world of its own.
fn this_repository() -> World {
    let world = World::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tar = world.top().join("source.tar");
    let archive = Command::new("git")
        .args(["archive", "--format=tar", "HEAD", "-o"])
        .arg(&tar)
        .current_dir(source)
        .status()
        .unwrap();
    assert!(archive.success(), "this test needs the git checkout that the sources came in");
    let unpacked = Command::new("tar").arg("-xf").arg(&tar).current_dir(world.repo()).status().unwrap();
    assert!(unpacked.success());
    world.commit("a copy");
    world
}

#[test]
fn three_specs_of_this_repository_run_to_the_end() {
    let world = this_repository();
    world.file(".specify/memory/constitution.md", "# Constitution\n\nSmall files.\n");
    world.file(
        "specs/001-colour-blind/spec.md",
        "# Feature Specification: Symbols for the colour-blind\n\n## User Scenarios\n\nAs a reader ...\n",
    );
    world.specfile(
        "project { pipeline \"spec-kit\" }\n\
         layer \"first\" { spec \"001-colour-blind\" \"Symbols for the colour-blind\"; spec \"002-short-logs\" \"Shorter logs\" }\n\
         layer \"second\" { needs \"first\"; spec \"003-manual\" \"A chapter of the manual about both\" }",
    );
    world.commit("three specs");
    for stage in ["clarify", "analyze", "checklist"] {
        world.script(&format!("any/{stage}"), "echo fine");
    }
    let outcome = world.run(["-j3"]);
    outcome.exits(0);
    for spec in ["001-colour-blind", "002-short-logs", "003-manual"] {
        assert!(world.has(&format!("src/{spec}.txt")), "{outcome}");
        let tasks = world.read(&format!("specs/{spec}/tasks.md"));
        assert!(tasks.contains("- [x] T001") && !tasks.contains("- [ ]"), "{tasks}");
    }
    assert!(world.read("specs/001-colour-blind/spec.md").contains("As a reader"), "written by hand");
    assert_eq!(world.dirt(), "");
    assert_eq!(world.branches(), [""; 0]);
    world.again().calls([]);
    world.append("specs/002-short-logs/spec.md", "Even shorter.").commit("even shorter");
    let outcome = world.run([]);
    outcome.exits(0);
    assert!(!outcome.calls.contains(&"002-short-logs:specify".to_owned()), "{outcome}");
    assert_eq!(outcome.calls_of("001-colour-blind"), [""; 0], "{outcome}");
    world.again().calls([]);
}
