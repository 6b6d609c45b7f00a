//! What was packed comes back as it was, and only where everything it was made from is the same.
use super::{Memory, WHOLE};
use crate::base::Stamp;
use crate::model::{Files, LoadRequest, Loaded, Pattern, Recording, Text, compiled, load};
use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

const TEXT: &str = r#"agent "demo"
include "more/*.kdl" "one.kdl"
pipeline "row" {
    stage "plan" { prompt file="p.md"; input "specs/{spec}/spec.md" "*.txt"; output "{folder}/plan.md"; env WHO="{spec}" }
    stage "check" { run "true" }
}
project { pipeline "row" }
template "t" { description "About {thing}"; stage "plan" { prompt "Plan {thing}."; output "{thing}/{spec}.md" } }
layer "low" { needs "b"; spec "a" }
spec "b" "B" { needs "by-hand"; touches "x/**" }
spec "c" from="t" thing="this"
spec "d" from="t" thing="that"
"#;

const FILES: [(&str, &str); 6] = [
    ("p.md", "Plan it."),
    ("one.kdl", "spec \"e\" \"E\" { when \"test {spec}\" }\n"),
    ("more/f.kdl", "spec \"f\" \"F\"\nresource \"db\" depth=2\n"),
    ("specs/a/spec.md", "What a is."),
    ("specs/by-hand/spec.md", "Done."),
    ("other.txt", "x"),
];

fn whole_request() -> LoadRequest {
    let own = b"agent \"mine\" uses=\"pi\"\npool \"p\" depth=3\nproject { jobs 7 }\n".to_vec();
    LoadRequest {
        user_config: Some(Text { name: "config.kdl".into(), bytes: own }),
        env: [("SPECMAKE_MODEL".to_owned(), "m".to_owned())].into(),
        ..super::request(TEXT)
    }
}

fn program() -> Stamp {
    Stamp::of(b"this one")
}

fn packed(request: &LoadRequest, files: &Memory) -> (Loaded, Option<Vec<u8>>) {
    let recording = Recording::new(files);
    let loaded = load(request, &recording);
    let bytes = compiled::pack(&loaded, request, &recording, program());
    (loaded, bytes)
}

/// All there is to know of what was loaded: patterns, too, as they are declared.
fn all(loaded: &Loaded) -> String {
    let specs = loaded.project.iter().flat_map(|project| project.specs.values());
    let patterns = specs.flat_map(|spec| {
        let stages = spec.stages.iter().flat_map(|stage| stage.inputs.iter().chain(&stage.outputs));
        stages.chain(&spec.touches).chain(&spec.exports)
    });
    let symbolic: Vec<(&str, bool)> = patterns.map(|p: &Pattern| (p.symbolic(), p.is_glob())).collect();
    format!("{loaded:#?} {symbolic:?}")
}

#[test]
fn all_of_it_comes_back() {
    let (files, request) = (Memory::of(&FILES), whole_request());
    let (loaded, bytes) = packed(&request, &files);
    assert!(!loaded.has_errors() && loaded.diagnostics.len() == 1, "{:#?}", loaded.diagnostics);
    let back = compiled::unpack(&bytes.unwrap(), &request, &files, program()).unwrap();
    assert_eq!(all(&back), all(&loaded));
    for name in ["a", "f"] {
        let stages = |loaded: &Loaded| format!("{:?}", loaded.project.as_ref().unwrap().specs[name].stages);
        assert_eq!(stages(&back), stages(&loaded));
    }
}

#[test]
fn the_whole_language_comes_back() {
    let (files, request) = (super::whole_files(), super::request(WHOLE));
    let (loaded, bytes) = packed(&request, &files);
    let back = compiled::unpack(&bytes.unwrap(), &request, &files, program()).unwrap();
    assert_eq!(all(&back), all(&loaded));
}

#[test]
fn another_program_reads_it_anew() {
    let (files, request) = (Memory::of(&FILES), whole_request());
    let bytes = packed(&request, &files).1.unwrap();
    assert!(compiled::unpack(&bytes, &request, &files, Stamp::of(b"another")).is_none());
    assert!(packed(&super::request("spec"), &files).1.is_none(), "mistakes are told anew");
}

#[test]
fn what_is_cut_is_nothing() {
    let (files, request) = (Memory::of(&FILES), whole_request());
    let bytes = packed(&request, &files).1.unwrap();
    for end in 0..bytes.len() {
        assert!(compiled::unpack(&bytes[..end], &request, &files, program()).is_none(), "{end}");
    }
}

proptest! {
    /// Whatever is edited: what comes back is what reading it again comes to.
    #[test]
    fn what_comes_back_is_what_is_there(
        at in 0..FILES.len() + 4,
        edit in "[a-z \"]{0,3}|spec \"z\" \"Z\"\n",
        place in any::<prop::sample::Index>(),
        is_gone in any::<bool>(),
    ) {
        let (mut files, mut request) = (Memory::of(&FILES), whole_request());
        let bytes = packed(&request, &files).1.unwrap();
        let insert = |text: &mut Vec<u8>| {
            let place = place.index(text.len() + 1);
            text.splice(place..place, edit.bytes());
        };
        match at.checked_sub(FILES.len()) {
            None if is_gone => drop(files.0.remove(FILES[at].0)),
            None => insert(files.0.get_mut(FILES[at].0).unwrap()),
            Some(0) => insert(&mut request.specfile.bytes),
            Some(1) => insert(&mut request.user_config.as_mut().unwrap().bytes),
            Some(2) => drop(request.env.insert("SPECMAKE_AGENT".into(), "demo".into())),
            Some(_) => drop(files.0.insert(format!("more/{}.kdl", edit.len()), b"spec \"y\" \"Y\"\n".to_vec())),
        }
        if let Some(back) = compiled::unpack(&bytes, &request, &files, program()) {
            prop_assert_eq!(all(&back), all(&load(&request, &files)));
        }
        prop_assert!(files.looked_at().is_empty());
    }

    /// Bytes that nothing vouches for may come to nothing, or to anything, but to no panic.
    #[test]
    fn what_is_damaged_is_survived(at in any::<prop::sample::Index>(), bit in 0_u32..8) {
        let (files, request) = (Memory::of(&FILES), whole_request());
        let mut bytes = packed(&request, &files).1.unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        drop(compiled::unpack(&bytes, &request, &files, program()));
    }
}
