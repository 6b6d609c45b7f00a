//! `specmake approve`: a person lets a gate pass.
use super::args::ApproveArgs;
use super::exit::Exit;
use super::ground::{Ground, Reading};
use super::opening::{lock, open_site};
use super::trouble::Trouble;
use super::wishes::Wishes;
use crate::base::{SpecName, english};
use crate::event::Verdict;
use crate::model::Work;
use crate::rebuild::How;
use crate::run::report::Reporter;
use crate::run::site::Site;
use std::io::Write;

/// Approves the gates that are named; of a spec, the one that waits.
///
/// # Errors
/// There is no such gate, or what stands before it is not done.
pub fn approve(wishes: &Wishes, args: &ApproveArgs, err: &mut dyn Write) -> Result<Exit, Trouble> {
    let ground = Ground::open(wishes, &Reading::default(), err)?;
    // A build may be on: it looks at its gates again and again, and the branch moves by compare-and-swap.
    let site = open_site(&ground, "approve", Reporter::silent(), err)?;
    for gate in &args.gates {
        let (spec, stage) = find(&site, gate)?;
        let name = site.spec(spec).stages[stage].name.clone();
        let spec = site.spec(spec);
        let standing = site.standing(spec)?;
        for before in spec.before(stage) {
            let judged = site.judged(spec, before, &standing).map_err(Trouble::environment)?;
            if !matches!(judged.verdict, Verdict::UpToDate { .. }) {
                let before = &spec.stages[before].name;
                return Err(Trouble::environment(format!("`{}:{before}` is not done yet", spec.name))
                    .hint(format!("`specmake {}` goes on to the gate", spec.name)));
            }
        }
        let mark = site.taken_as_done(spec, stage, How::Approved, &standing).map_err(Trouble::environment)?;
        let subject = format!("{}: approve {name}", spec.name);
        let position = site.graph.spec_position(spec.name.as_str()).unwrap_or_default();
        site.record(&subject, vec![(position, mark)]).map_err(Trouble::environment)?;
        writeln!(err, "specmake: approved {}:{name}; `specmake {}` goes on", spec.name, spec.name)?;
    }
    Ok(Exit::Done)
}

/// The spec and stage that a gate's name means.
fn find(site: &Site, gate: &str) -> Result<(usize, usize), Trouble> {
    let (spec, stage) = gate.split_once(':').map_or((gate, None), |(spec, stage)| (spec, Some(stage)));
    let position = spec_by_prefix(site, spec)?;
    let spec = site.spec(position);
    let is_gate = |at: &usize| matches!(spec.stages[*at].work, Work::Gate);
    let gates: Vec<usize> = (0..spec.stages.len()).filter(is_gate).collect();
    match stage {
        Some(stage) => {
            let found = gates.iter().find(|at| spec.stages[**at].name.as_str() == stage);
            found.map(|at| (position, *at)).ok_or_else(|| {
                Trouble::usage(format!("`{}` has no gate `{stage}`", spec.name))
                    .hint(known_gates(spec, &gates))
            })
        }
        None => {
            let standing = site.standing(spec)?;
            for gate in &gates {
                let judged = site.judged(spec, *gate, &standing).map_err(Trouble::environment)?;
                if !matches!(judged.verdict, Verdict::UpToDate { .. }) {
                    return Ok((position, *gate));
                }
            }
            Err(Trouble::usage(format!("no gate of `{}` waits", spec.name)).hint(known_gates(spec, &gates)))
        }
    }
}

fn known_gates(spec: &crate::model::Spec, gates: &[usize]) -> String {
    let names: Vec<String> = gates.iter().map(|at| format!("`{}`", spec.stages[*at].name)).collect();
    if names.is_empty() {
        "it has none".to_owned()
    } else {
        format!("its gates: {}", english::list(&names, "and"))
    }
}

/// The spec of that name, or the only one whose name begins so.
///
/// # Errors
/// There is none, or more than one.
pub fn spec_by_prefix(site: &Site, text: &str) -> Result<usize, Trouble> {
    if let Some(position) = site.graph.spec_position(text) {
        return Ok(position);
    }
    let names: Vec<&SpecName> =
        site.project.specs.keys().filter(|name| name.as_str().starts_with(text)).collect();
    match names.as_slice() {
        [one] => Ok(site.graph.spec_position(one.as_str()).unwrap_or_default()),
        [] => {
            let near = english::nearest(text, site.project.specs.keys().map(SpecName::as_str));
            let trouble = Trouble::usage(format!("there is no spec `{text}`"));
            Err(match near {
                Some(near) => trouble.hint(format!("did you mean `{near}`?")),
                None => trouble,
            })
        }
        many => Err(Trouble::usage(format!("`{text}` may mean {}", english::list(many, "or")))),
    }
}

/// For commands that must not run beside a build.
///
/// # Errors
/// A build is on.
pub fn alone(
    ground: &Ground,
    wait: bool,
    err: &mut dyn Write,
) -> Result<crate::sys::lock::BuildLock, Trouble> {
    lock(&ground.git, "", wait, err)
}
