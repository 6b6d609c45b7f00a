//! `specmake open`, `shell` and `diff`: a person goes and looks.
use super::args::{DiffArgs, Format, OpenArgs, ShellArgs};
use super::exit::Exit;
use super::ground::{Ground, Reading};
use super::opening::open_site;
use super::pick::pick;
use super::trouble::Trouble;
use super::user::Surroundings;
use super::wishes::Wishes;
use crate::model::Spec;
use crate::run::by_hand::Difference;
use crate::run::report::Reporter;
use crate::run::site::Site;
use crate::sys::process::Invocation;
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;

/// Opens a spec's worktree in the user's editor, or says where it is.
///
/// # Errors
/// It has none, or no editor can be started.
pub fn open(
    wishes: &Wishes,
    args: &OpenArgs,
    here: &Surroundings,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Trouble> {
    let (site, position) = site_and_spec(wishes, &args.spec, err)?;
    let top = worktree_of(&site, site.spec(position))?;
    if args.path {
        writeln!(out, "{}", top.display())?;
        return Ok(Exit::Done);
    }
    let set = |name: &str| here.variable(name).filter(|value| !value.trim().is_empty());
    let opener = match set("VISUAL").or_else(|| set("EDITOR")) {
        // It may hold options, as git has it.
        Some(editor) => Invocation::new("sh").args(["-c", &format!("{editor} \"$@\""), &editor]).arg(&top),
        None if cfg!(target_os = "macos") => Invocation::new("open").arg(&top),
        None => Invocation::new("xdg-open").arg(&top),
    };
    Err(gone_wrong(&opener.cwd(&top)).hint("`--path` prints where it is; $VISUAL or $EDITOR opens it"))
}

/// A shell of the user's in a spec's worktree.
///
/// # Errors
/// It has none, an attempt is under way in it, or the shell cannot be started.
pub fn shell(
    wishes: &Wishes,
    args: &ShellArgs,
    here: &Surroundings,
    err: &mut dyn Write,
) -> Result<Exit, Trouble> {
    let (site, position) = site_and_spec(wishes, &args.spec, err)?;
    let spec = site.spec(position);
    let top = worktree_of(&site, spec)?;
    if !args.force && site.is_at_work(spec)? {
        return Err(Trouble::environment(format!("a stage of `{}` is at work there", spec.name)).hint(
            format!(
                "`specmake stop {}` ends it; with `--force` what you change passes for its work",
                spec.name
            ),
        ));
    }
    let own = here.variable("SHELL").filter(|shell| !shell.is_empty()).unwrap_or_else(|| "sh".to_owned());
    let mut shell = match args.command.split_first() {
        Some((program, rest)) => Invocation::new(program).args(rest),
        None => {
            writeln!(
                err,
                "specmake: in `{}`; what you change is committed on its own when {} goes on",
                top.display(),
                spec.name
            )?;
            Invocation::new(own)
        }
    };
    for (name, value) in site.shell_env(spec, &top) {
        shell = shell.env(name, value);
    }
    Err(gone_wrong(&shell.cwd(&top)))
}

/// What a spec changed, through git's own pager and colours.
///
/// # Errors
/// There is nothing to compare, or git fails.
pub fn diff(
    wishes: &Wishes,
    args: &DiffArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Trouble> {
    let (site, position) = site_and_spec(wishes, &args.spec, err)?;
    let spec = site.spec(position);
    let stage = match &args.stage {
        None => None,
        Some(stage) => Some(spec.position(stage).ok_or_else(|| {
            let names: Vec<&str> = spec.stages.iter().map(|stage| stage.name.as_str()).collect();
            Trouble::usage(format!("`{}` has no stage `{stage}`", spec.name))
                .hint(format!("its stages: {}", names.join(", ")))
        })?),
    };
    let found = site.difference(spec, stage)?;
    if wishes.format == Format::Json {
        writeln!(out, "{:#}", document(&site, spec, found)?)?;
        return Ok(Exit::Done);
    }
    let Some(Difference { from, to, .. }) = found else {
        let what =
            args.stage.as_ref().map_or(spec.name.to_string(), |stage| format!("{}:{stage}", spec.name));
        writeln!(err, "specmake: {what} has changed nothing yet")?;
        return Ok(Exit::Done);
    };
    let git = Invocation::new("git").arg("--git-dir").arg(site.git.git_dir()).arg("diff");
    let git = if args.stat { git.arg("--stat") } else { git };
    Err(gone_wrong(&git.args([from.to_string(), to.to_string()]).arg("--")))
}

fn document(site: &Site, spec: &Spec, found: Option<Difference>) -> Result<Value, Trouble> {
    let Some(Difference { from, to, uncommitted }) = found else {
        return Ok(json!({ "spec": spec.name, "from": null, "to": null, "uncommitted": false, "files": [] }));
    };
    let (before, after) = (from.to_string(), to.to_string());
    let command = site.git.command(["diff", "--numstat", "--no-renames", "-z", &before, &after, "--"]);
    let listed = site.git.run(&command)?.stdout;
    let file = |line: &[u8]| {
        let line = String::from_utf8_lossy(line).into_owned();
        let mut words = line.splitn(3, '\t');
        let (added, removed, path) = (words.next()?, words.next()?, words.next()?);
        let number = |word: &str| word.parse::<u64>().ok();
        Some(json!({ "path": path, "added": number(added), "removed": number(removed) }))
    };
    let files: Vec<Value> = listed.split(|byte| *byte == 0).filter_map(file).collect();
    Ok(json!({ "spec": spec.name, "from": before, "to": after, "uncommitted": uncommitted, "files": files }))
}

fn site_and_spec(wishes: &Wishes, text: &str, err: &mut dyn Write) -> Result<(Site, usize), Trouble> {
    let ground = Ground::open(wishes, &Reading::default(), err)?;
    let position = pick(&ground.project, text)?;
    Ok((open_site(&ground, "visit", Reporter::silent(), err)?, position))
}

fn worktree_of(site: &Site, spec: &Spec) -> Result<PathBuf, Trouble> {
    match site.worktree_of(spec)? {
        Some(worktree) => Ok(worktree.top().to_owned()),
        None => Err(Trouble::environment(format!("`{}` has no worktree: it is not in progress", spec.name))
            .hint(format!("`specmake diff {}` shows what it changed", spec.name))),
    }
}

/// Hands this process over to another program; only its failing to start comes back.
fn gone_wrong(program: &Invocation) -> Trouble {
    Trouble::environment(format!("cannot start `{}`: {}", program.line(), program.replace_this_process()))
}
