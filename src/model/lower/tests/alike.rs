//! Specs that share their stages have the stages that each of them has alone.
use super::{load_with, request};
use crate::model::lower::tests::Memory;
use crate::model::{Loaded, load};
use proptest::prelude::{any, prop, prop_assert_eq, proptest};
use std::sync::Arc;

const PIPELINES: &str = r#"agent "demo"
agent "other" uses="demo"
pipeline "row" {
    stage "plan" { prompt file="p.md"; input "specs/{spec}/spec.md" "style/*.md"; output "{folder}/plan.md"; env WHO="{spec}" B="b" }
    stage "implement" { prompt "Do {thing}."; tasks "{folder}/tasks.md"; on-failure { fix 1; hold }; output "src/{spec}/**" }
    stage "check" { run "true"; on-failure { fix 1 } }
}
pipeline "beside" {
    stage "plan" { prompt "Plan." }
    stage "left" { prompt "Left."; needs "plan"; output "l/{spec}.md" }
    stage "right" { prompt "Right."; needs "plan"; output "r/{spec}.md" "l/a2.md" }
}
stage "plan" { timeout "3m" }
project { pipeline "row"; input "all.md" }
template "plain" { stage "check" { run "false" }; agent "other" }
template "asking" { stage "implement" { prompt "Do {thing} now." } }
layer "low" { agent "other" }
"#;

/// What a spec says beside its name; the last ones say something of their own.
const SAYS: [&str; 9] = [
    "",
    "{ priority 3; touches \"x\" }",
    "from=\"plain\"",
    "pipeline=\"beside\"",
    "pipeline=\"no-such\"",
    "from=\"asking\" thing=\"this\"",
    "agent=\"other\"",
    "{ stage \"plan\" { input \"own-{spec}.md\" } }",
    "{ stage \"check\" { run \"echo {spec}\" } }",
];

fn loaded(specs: &[(usize, usize, bool)]) -> Loaded {
    let spec = |(name, says, _): &(usize, usize, bool)| format!("spec \"a{name}\" \"A\" {}\n", SAYS[*says]);
    let (low, top): (Vec<_>, Vec<_>) = specs.iter().partition(|(_, _, is_low)| *is_low);
    let low: String = low.into_iter().map(spec).collect();
    let top: String = top.into_iter().map(spec).collect();
    let text = PIPELINES.replace("agent \"other\" }\n", &format!("agent \"other\"\n{low} }}\n{top}"));
    load(&request(&text), &Memory::of(&[("p.md", "Plan it.")]))
}

fn stages(loaded: &Loaded, spec: &str) -> Vec<String> {
    let project = loaded.project.as_ref().or(loaded.flawed.as_ref()).unwrap();
    let stage = |stage: &crate::model::Stage| {
        let symbolic: Vec<&str> = stage.inputs.iter().chain(&stage.outputs).map(|p| p.symbolic()).collect();
        let mut plain = stage.clone();
        // One that a spec says more of stands somewhere else alone.
        plain.span = crate::base::Span::default();
        format!("{plain:?} {symbolic:?}")
    };
    project.specs[spec].stages.iter().map(stage).collect()
}

proptest! {
    #[test]
    fn what_is_shared_is_what_each_has_alone(
        drawn in prop::collection::btree_map(0_usize..9, (0..SAYS.len(), any::<bool>()), 1..8),
    ) {
        let specs: Vec<_> = drawn.into_iter().map(|(name, (says, low))| (name, says, low)).collect();
        let all = loaded(&specs);
        let mut mistakes = 0;
        for spec in &specs {
            let alone = loaded(std::slice::from_ref(spec));
            let name = format!("a{}", spec.0);
            mistakes += alone.diagnostics.len();
            prop_assert_eq!(stages(&all, &name), stages(&alone, &name), "{}", name);
        }
        // What each is told of alone is told of all; what stands in one place for many is told once.
        prop_assert_eq!(mistakes == 0, all.diagnostics.is_empty(), "{:?}", all.diagnostics);
    }
}

#[test]
fn ten_specs_have_one_setting() {
    let specs: String = (0..10).map(|n| format!("spec \"s{n}\" \"S\"\n")).collect();
    let project = load_with(&format!("agent \"demo\"\n{specs}"), &[]).project.unwrap();
    let of = |spec: &str| project.specs[spec].stages.clone();
    for (first, last) in of("s0").iter().zip(of("s9")) {
        assert!(Arc::ptr_eq(&first.settings, &last.settings), "{}", last.name);
    }
}

#[test]
fn a_name_that_reads_as_a_placeholder_is_told_of_whoever_comes_first() {
    let pipeline = "agent \"demo\"\nproject { pipeline \"p\" }\n\
                    pipeline \"p\" { stage \"s\" { prompt \"x\"; input \"d/{{spec}}.md\"; output \"o/{spec}\" } }\n";
    let specs = ["spec \"1a\" \"S\"\n", "spec \"abc\" \"S\"\n"];
    for order in [[0, 1], [1, 0]] {
        let loaded = load_with(&format!("{pipeline}{}{}", specs[order[0]], specs[order[1]]), &[]);
        let told: Vec<_> = loaded.diagnostics.iter().map(|one| format!("{one:?}")).collect();
        assert!(told.iter().any(|one| one.contains("{abc}")), "{told:?}");
    }
}
