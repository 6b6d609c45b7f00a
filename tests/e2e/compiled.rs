//! What a Specfile came to is kept, and is as good as not there when it is damaged, cut, another one's, or of texts that
//! are no longer the same.
use crate::world::World;
use std::fs;
use std::path::PathBuf;

const SPECFILE: &str = r#"
project { pipeline "two"; base "main" }
agent "other" uses="demo"
pipeline "two" {
    stage "plan" { prompt file="prompts/plan.md"; input "specs/{spec}/spec.md"; output "specs/{spec}/plan.md" }
    stage "build" { prompt "Build {spec}."; output "out/{spec}.txt" }
}
template "by-other" { agent "other" }
include "more/*.kdl"
layer "low" { spec "a" "A feature" }
spec "b" from="by-other" { needs "a" }
"#;

fn world() -> World {
    let world = World::new();
    world.file("prompts/plan.md", "Plan it.\n").file("more/one.kdl", "spec \"c\" \"Another\"\n");
    for spec in ["a", "b", "c"] {
        world.file(&format!("specs/{spec}/spec.md"), "What it is.\n");
    }
    world.specfile(SPECFILE).commit("all of it");
    world
}

fn file(world: &World) -> PathBuf {
    world.repo().join(".git/specmake/compiled")
}

/// What is said, by who remembers no answer.
fn said(world: &World) -> String {
    let ask = |args: &[&str; 2]| {
        drop(fs::remove_file(world.repo().join(".git/specmake/glance")));
        let told = world.run(*args);
        format!("{} {}\n{}", told.code, told.stdout, told.stderr)
    };
    [["-n", "--format=json"], ["-n", "-j3"], ["--explain", "b"], ["-q", "a"]].iter().map(ask).collect()
}

#[test]
fn what_a_specfile_came_to_is_kept_and_not_made_again() {
    let world = world();
    let first = said(&world);
    let (bytes, written) = (fs::read(file(&world)).unwrap(), fs::metadata(file(&world)).unwrap());
    assert_eq!(said(&world), first);
    let now = fs::metadata(file(&world)).unwrap();
    assert_eq!(now.modified().unwrap(), written.modified().unwrap(), "written once");
    fs::remove_file(file(&world)).unwrap();
    assert_eq!(said(&world), first);
    assert_eq!(fs::read(file(&world)).unwrap(), bytes);
}

#[test]
fn damage_of_any_kind_changes_no_answer() {
    let world = world();
    let told = said(&world);
    let whole = fs::read(file(&world)).unwrap();
    let elsewhere = self::world();
    elsewhere.edit("Specfile", "A feature", "Something else").run(["-n"]).exits(0);
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        bytes
    };
    let end = whole.len() - 1;
    let mut damaged = vec![
        Vec::new(),
        b"specmake compiled".to_vec(),
        [b"specmake compiled of another version\n", whole.as_slice()].concat(),
        [whole.as_slice(), b"more"].concat(),
        fs::read(file(&elsewhere)).unwrap(),
        vec![0xff; whole.len()],
    ];
    damaged.extend([1, 17, 18, 33, 34, 60, end / 2, end].map(|at| whole[..at].to_vec()));
    damaged.extend([0, 17, 18, 33, 34, 60, end / 2, end].map(flipped));
    for bytes in damaged {
        fs::write(file(&world), &bytes).unwrap();
        assert_eq!(said(&world), told, "{} bytes: {:?}", bytes.len(), &bytes[..bytes.len().min(60)]);
        assert_eq!(fs::read(file(&world)).unwrap(), whole, "it is made anew");
    }
    fs::remove_file(file(&world)).unwrap();
    fs::create_dir(file(&world)).unwrap();
    assert_eq!(said(&world), told, "a folder in its place");
}

#[test]
fn every_text_that_it_was_made_from_counts_by_its_content() {
    let same_size_and_time = |world: &World, path: &str, from: &str, to: &str| {
        let full = world.repo().join(path);
        let before = fs::metadata(&full).unwrap();
        world.edit(path, from, to);
        let times = fs::FileTimes::new().set_modified(before.modified().unwrap());
        fs::File::options().write(true).open(&full).unwrap().set_times(times).unwrap();
        assert_eq!(fs::metadata(&full).unwrap().len(), before.len());
    };
    type Change<'c> = &'c dyn Fn(&World);
    let changes: [(&str, Change<'_>); 5] = [
        ("the Specfile", &|w| same_size_and_time(w, "Specfile", "\"build\"", "\"maker\"")),
        ("an included file", &|w| same_size_and_time(w, "more/one.kdl", "\"c\"", "\"d\"")),
        ("another file that is included", &|w| {
            w.file("more/two.kdl", "spec \"e\" \"E\"\n");
        }),
        ("the user's own file", &|w| {
            fs::create_dir_all(w.config().parent().unwrap()).unwrap();
            fs::write(w.config(), "agent \"demo\" model=\"of-mine\"\n").unwrap();
        }),
        ("the folder of a spec that only lies there", &|w| {
            w.edit("more/one.kdl", " \"Another\"", "");
        }),
    ];
    for (what, change) in changes {
        let world = world();
        let told = said(&world);
        change(&world);
        let now = said(&world);
        fs::remove_file(file(&world)).unwrap();
        assert_eq!(now, said(&world), "{what}");
        assert_ne!(now, told, "{what}");
    }
}

/// A prompt is no answer of a plan, but is what an agent is told.
#[test]
fn an_edited_prompt_file_is_read() {
    let world = world();
    said(&world);
    world.edit("prompts/plan.md", "Plan it.", "Plot it.");
    world.run(["--yes", "--until", "plan", "c"]);
    assert!(world.prompt("c:plan").contains("Plot it."), "{}", world.prompt("c:plan"));
}

#[test]
fn mistakes_and_warnings_are_told_each_time() {
    let world = world();
    world.edit("Specfile", "A feature\"", "A feature\" when=\"test {spec}\"");
    let first = said(&world);
    assert!(first.contains("is not filled in"), "{first}");
    assert!(file(&world).exists());
    assert_eq!(said(&world), first);
    world.edit("Specfile", "needs \"a\"", "needs \"nobody\"");
    let wrong = said(&world);
    assert!(wrong.contains("nobody"), "{wrong}");
    assert_eq!(said(&world), wrong);
}
