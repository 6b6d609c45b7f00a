//! `specmake approve`: a person lets a gate pass.
use super::args::ApproveArgs;
use super::exit::Exit;
use super::ground::{Ground, Reading};
use super::opening::{lock_if_free, open_mended, open_site};
use super::pick::pick;
use super::trouble::Trouble;
use super::wishes::Wishes;
use crate::base::english;
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
    let lock = lock_if_free(&ground.git, "approve")?;
    let site = match &lock {
        Some(lock) => open_mended(&ground, lock, "approve", err)?,
        None => open_site(&ground, "approve", Reporter::silent(), err)?,
    };
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
    let position = pick(&site.project, spec)?;
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
