//! From the arguments to the exit status: a table of contents of the commands.
use super::agents::first_installed;
use super::args::{CleanArgs, Cli, Command, DemoArgs, Form, Format, GraphArgs, WorktreeCommand};
use super::build::{build, build_after};
use super::clean::Cleaning;
use super::clean::backups::Expiry;
use super::exit::Exit;
use super::fmt::FmtRequest;
use super::glance::Glance;
use super::graph::{Drawing, Drawn};
use super::ground::{
    Ground, Reading, SPECFILE, files_of, no_specfile, read, repository, request, specfile_path,
};
use super::init::InitRequest;
use super::logs::{LogFile, LogsRequest};
use super::new::NewSpec;
use super::opening::{lock, open_site};
use super::pick::{pick, pick_all};
use super::speech::Dialects;
use super::trouble::Trouble;
use super::user::Surroundings;
use super::wishes::{BuildWish, Wish, Wishes};
use super::{
    approve, check, clean, completions, demo, fix, fmt, gc, init, land, logs, new, resume, retry, revert,
    stop, visit, worktree,
};
use crate::run::by_hand::GivenUp;
use crate::run::report::Reporter;
use crate::run::report::now_millis;
use crate::run::standing::names;
use crate::sys::child::keeper;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Runs the program.
pub fn main(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    let argv: Vec<OsString> = argv.into_iter().collect();
    if let [_, word, kept @ ..] = argv.as_slice()
        && keeper::is_word(word)
    {
        // Started by ourselves, with nobody to talk to.
        return keeper::main(word, kept).map_or(Exit::Environment.code(), |()| 0).into();
    }
    let cli = match Cli::read(argv) {
        Ok(cli) => cli,
        Err(error) => {
            // Whoever closed the terminal does not want to know.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage.code()));
        }
    };
    let here = Surroundings::here();
    let wishes = Wishes::of(cli, &here);
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let ended = enter(&wishes).and_then(|()| run(&wishes, &here, &mut out, &mut err));
    let exit = match ended.and_then(|exit| Ok(out.flush().map(|()| exit)?)) {
        Ok(exit) => exit,
        Err(trouble) => {
            trouble.say(&mut err);
            trouble.exit
        }
    };
    ExitCode::from(exit.code())
}

fn enter(wishes: &Wishes) -> Result<(), Trouble> {
    let Some(directory) = &wishes.directory else { return Ok(()) };
    std::env::set_current_dir(directory)
        .map_err(|error| Trouble::environment(format!("cannot go to `{}`: {error}", directory.display())))
}

fn run(
    wishes: &Wishes,
    here: &Surroundings,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Trouble> {
    let command = match &wishes.wish {
        Wish::Build(wish) => {
            let glance = Glance::of(wishes);
            return match known(glance.as_ref(), out, err)? {
                Some(exit) => Ok(exit),
                None => build_after(wishes, wish, here, (out, err), glance.as_ref())
                    .map_err(|trouble| mistyped(trouble, wishes, &wish.goals)),
            };
        }
        Wish::Command(command) => command,
    };
    match command {
        Command::Build(_) | Command::Plan(_) => Err(Trouble::usage("a build is no command of its own")),
        Command::Init(_) => {
            let git = repository()?;
            let request = InitRequest {
                top: git.require_work_tree()?,
                file: &specfile_path(&git, wishes)?,
                agent: first_installed(wishes),
            };
            Ok(Exit::Other(init::init(&request, out)?))
        }
        Command::New(args) => {
            let git = repository()?;
            let files = files_of(&git)?;
            let request = request(&git, wishes, &Reading::default(), &*files)?;
            let spec = NewSpec {
                file: &specfile_path(&git, wishes)?,
                name: &args.name,
                description: &args.description,
            };
            Ok(Exit::Other(new::new(spec, &request, &*files, wishes.out, out)?))
        }
        Command::Check(_) => {
            let (loaded, _) = read(&repository()?, wishes, &Reading::default())?;
            let json = wishes.format == Format::Json;
            Ok(Exit::Other(check::check(&loaded, json, wishes.out, wishes.width, out)?))
        }
        Command::Fmt(args) => {
            let file = match &wishes.specfile {
                Some(file) => file.clone(),
                None => specfile_path(&repository()?, wishes)?,
            };
            if !file.exists() {
                return Err(no_specfile(&file));
            }
            let name = wishes.specfile.as_deref().map_or(SPECFILE.into(), Path::to_string_lossy);
            let request = FmtRequest { file: &file, name: &name, check: args.check };
            Ok(Exit::Other(fmt::fmt(request, wishes.out, wishes.width, out)?))
        }
        Command::Graph(args) => draw(wishes, args, out, err),
        Command::Conflicts(args) => super::conflicts::conflicts(wishes, args, out, err),
        Command::Status(args) => {
            let glance = Glance::of(wishes);
            match known(glance.as_ref(), out, err)? {
                Some(exit) => Ok(exit),
                None => super::standing::status(wishes, args, (out, err), glance.as_ref()),
            }
        }
        Command::Agents(args) => super::agents::agents(wishes, args, out, err),
        Command::Doctor(args) => super::doctor::doctor(wishes, args, out),
        Command::Config(args) => super::config::config(wishes, args, out),
        Command::Watch(args) => super::watch::watch(wishes, args, out, err),
        Command::Cost(args) => super::cost::cost(wishes, args, out, err),
        Command::Logs(args) => show_logs(wishes, args, out),
        Command::Approve(args) => approve::approve(wishes, args, err),
        Command::Retry(args) => {
            let mut wish = BuildWish::plain(wishes.format, here);
            (wish.jobs, wish.yes, wish.wait) = (args.jobs, args.yes, !args.no_wait);
            retry::retry(wishes, args, &wish, here, out, err)
        }
        Command::Resume(args) => {
            let mut wish = BuildWish::plain(wishes.format, here);
            (wish.jobs, wish.yes) = (args.jobs, args.yes);
            resume::resume(wishes, args, &wish, here, out, err)
        }
        Command::Fix(args) => {
            let mut wish = BuildWish::plain(wishes.format, here);
            (wish.yes, wish.wait) = (args.yes, !args.no_wait);
            fix::fix(wishes, args, &wish, here, out, err)
        }
        Command::Touch(args) => {
            let mut wish = BuildWish::plain(wishes.format, here);
            wish.mode = super::wishes::Mode::Touch;
            wish.goals.clone_from(&args.goals);
            (wish.yes, wish.wait) = (args.yes, !args.no_wait);
            build(wishes, &wish, here, out, err)
        }
        Command::Hold(args) => stop::hold(wishes, args, err),
        Command::Stop(args) => stop::stop(wishes, args, err),
        Command::Diff(args) => visit::diff(wishes, args, out, err),
        Command::Open(args) => visit::open(wishes, args, here, out, err),
        Command::Shell(args) => visit::shell(wishes, args, here, err),
        Command::Land(args) => land::land(wishes, args, here, err),
        Command::Revert(args) => revert::revert(wishes, args, here, out, err),
        Command::Clean(args) => tidy(wishes, args, out, err),
        Command::Gc(args) => gc::gc(wishes, args, out, err),
        Command::Worktree(args) => match &args.command {
            WorktreeCommand::List { .. } => {
                Ok(worktree::list(&repository()?, wishes.format == Format::Json, out, err)?)
            }
            WorktreeCommand::Remove { specs, .. } => give_up(wishes, specs, err),
        },
        Command::Completions(args) => Ok(completions::completions(args.shell, out)?),
        Command::Man(args) => Ok(match &args.dir {
            Some(dir) => completions::man_pages(dir)?,
            None => completions::man(out)?,
        }),
        Command::Demo(args) => show_demo(wishes, args, here, out, err),
        Command::DemoAgent { session } => Ok(play(session.as_deref())),
    }
}

/// Where nothing can be built at all, a goal may be a command that was typed wrongly.
fn mistyped(trouble: Trouble, wishes: &Wishes, goals: &[String]) -> Trouble {
    let builds = || repository().and_then(|git| specfile_path(&git, wishes)).is_ok_and(|file| file.exists());
    match goals {
        [goal, ..] if !builds() => trouble.or_command(goal),
        _ => trouble,
    }
}

/// Gives the answer that was given before, if nothing has changed since.
fn known(glance: Option<&Glance>, out: &mut dyn Write, err: &mut dyn Write) -> Result<Option<Exit>, Trouble> {
    let Some(answer) = glance.and_then(Glance::answer) else { return Ok(None) };
    out.write_all(&answer.out)?;
    err.write_all(&answer.err)?;
    Ok(Some(Exit::Other(answer.exit)))
}

fn tidy(
    wishes: &Wishes,
    args: &CleanArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Trouble> {
    let ground = Ground::open(wishes, &Reading::default(), err)?;
    let site = open_site(&ground, "clean", Reporter::silent(), err)?;
    let base = site.base().tip;
    let unlanded = |spec: &str, tip| {
        let has_landed = site.git.is_ancestor(tip, base).unwrap_or(false)
            || crate::base::SpecName::new(spec).is_ok_and(|name| {
                site.spec_named(&name)
                    .is_some_and(|spec| site.standing(spec).is_ok_and(|s| s.branch.is_none()))
            });
        (!has_landed).then(|| "not landed".to_owned())
    };
    let json = wishes.format == Format::Json;
    // A branch may be of a spec that is declared no longer.
    let name = |text: &String| {
        pick(&ground.project, text)
            .map_or_else(|_| text.clone(), |at| ground.project.specs[at].name.to_string())
    };
    let specs: Vec<String> = args.specs.iter().map(name).collect();
    let held = |spec: &str| {
        let spec = crate::base::SpecName::new(spec).ok().and_then(|name| site.spec_named(&name));
        spec.is_some_and(|spec| {
            site.standing(spec).is_ok_and(|standing| standing.line().held(&names(spec)).is_some())
        })
    };
    let now = now_millis() / 1000;
    let expiry = Expiry { older: args.backups, now, held: &held };
    let cleaning =
        Cleaning { specs: &specs, dry_run: args.dry_run, json, unlanded: &unlanded, expiry: &expiry };
    let mut said = Vec::new();
    let exit = clean::clean(&ground.git, &cleaning, &mut said)?;
    if said.is_empty() {
        writeln!(err, "specmake: there is nothing to clean")?;
    }
    out.write_all(&said)?;
    Ok(exit)
}

/// Removes worktrees of specs whose branches stay.
fn give_up(wishes: &Wishes, specs: &[String], err: &mut dyn Write) -> Result<Exit, Trouble> {
    let ground = Ground::open(wishes, &Reading::default(), err)?;
    let positions = pick_all(&ground.project, specs)?;
    let _lock = lock(&ground.git, "worktree remove", false, err)?;
    let site = open_site(&ground, "worktree", Reporter::silent(), err)?;
    let mut exit = Exit::Done;
    for spec in positions.into_iter().map(|position| site.spec(position)) {
        match site.give_up_worktree(spec) {
            Ok(Some(GivenUp { path, branch, edits, beside })) => {
                let edits = edits.map(|edits| format!("; your edits in it are now `{}`", edits.short()));
                let (path, edits) = (path.display(), edits.unwrap_or_default());
                writeln!(err, "specmake: removed `{path}`; its work is on branch `{branch}`{edits}")?;
                for told in beside {
                    writeln!(err, "specmake: {told}")?;
                }
            }
            Ok(None) => writeln!(err, "specmake: {} has no worktree", spec.name)?,
            Err(stays) => {
                writeln!(err, "specmake: the worktree of {} stays: {stays}", spec.name)?;
                exit = Exit::Environment;
            }
        }
    }
    Ok(exit)
}

fn draw(
    wishes: &Wishes,
    args: &GraphArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Trouble> {
    let ground = Ground::open(wishes, &Reading::default(), err)?;
    let wanted = crate::graph::goals::resolve(&ground.project, &ground.graph, &args.goals, None)?;
    let drawing = match wishes.form {
        Form::Human => Drawing::Text,
        Form::Json => Drawing::Json,
        Form::Dot => Drawing::Dot,
        Form::Mermaid => Drawing::Mermaid,
    };
    Drawn::new(&ground.project, &ground.graph, &wanted).write(drawing, out)?;
    Ok(Exit::Done)
}

fn show_logs(wishes: &Wishes, args: &super::args::LogsArgs, out: &mut dyn Write) -> Result<Exit, Trouble> {
    let git = repository()?;
    let request = LogsRequest {
        folder: git.state_dir(),
        of: args.of.clone(),
        run: args.run.clone(),
        attempt: args.attempt,
        raw: args.raw,
        format: wishes.format,
        style: wishes.out,
        now: now_millis(),
    };
    let dialects = Dialects::of(&git, wishes);
    let speaks = |log: &LogFile| dialects.of_log(&git, &log.run, &log.path);
    let shown = if args.follow {
        let on = || crate::sys::lock::BuildLock::holder(&git).is_ok_and(|holder| holder.is_some());
        let mut pause = || std::thread::sleep(Duration::from_millis(100));
        logs::follow(&request, &speaks, &on, &mut pause, out)
    } else {
        logs::show(&request, &speaks, out)
    };
    shown.map_err(|error| Trouble { exit: error.exit(), message: error.to_string(), hint: None })
}

/// Makes the demo's repository, builds it, and shows what came of it.
fn show_demo(
    wishes: &Wishes,
    args: &DemoArgs,
    here: &Surroundings,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Trouble> {
    let place = match &args.dir {
        Some(dir) => dir.clone(),
        None => demo::place()?,
    };
    let repository = demo::prepare(&place)?;
    std::env::set_current_dir(&repository)?;
    let mut wish = BuildWish::plain(wishes.format, here);
    (wish.jobs, wish.yes) = (args.jobs, true);
    if wishes.format == Format::Json {
        return build(wishes, &wish, here, out, err);
    }
    writeln!(out, "a repository with a Specfile is in {}\n", repository.display())?;
    out.flush()?;
    let exit = build(wishes, &wish, here, out, err)?;
    let git = super::ground::repository()?;
    let history = git.command(["log", "--graph", "--format=%h %s", "--first-parent"]);
    writeln!(out, "\nwhat landed on the base:\n\n{}", git.run(&history)?.text())?;
    let status = super::args::StatusArgs { file: Default::default(), goals: Vec::new(), all: true };
    super::standing::status(wishes, &status, (out, err), None)?;
    writeln!(out, "\nrun it again and nothing happens:\n\n  cd {} && specmake", repository.display())?;
    Ok(exit)
}

fn play(session: Option<&str>) -> Exit {
    let cwd = std::env::current_dir().unwrap_or_default();
    let env = Surroundings::here().variables;
    match crate::agent::demo::main(session, &mut io::stdin(), &mut io::stdout(), &env, &cwd) {
        0 => Exit::Done,
        code => Exit::Other(code),
    }
}
