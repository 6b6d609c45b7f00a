//! How long it takes to find that there is nothing to do, and how much memory, against ninja and make on the same
//! graph, and against bare stats of the same files on all cores: all in one run, turn by turn, the best of each.
//!
//! `cargo bench --bench noop` makes tables for 100, 1,000 and 10,000 specs, `cargo bench --bench noop -- 100000` others
//! (in minutes), `... -- 1000 traced` one with a history of landings in place of files made by hand. `TMPDIR=/dev/shm`
//! keeps it off the disk. Each spec has four stages, one input and three outputs, and every tenth needs another. What
//! ninja and make would make is written beside what they are told, so that neither has to make it.
//!
//! What a profiler found: to say again what was said is to nine tenths the kernel answering `lstat`, the rest reading
//! 90 bytes for each place and their stamp. Of a run that read everything half was the Specfile, of that most was
//! giving each stage of each spec its settings and looking for two that write the same: a quarter of all that any
//! processor did. What specs have in common is theirs together now, and what the Specfile came to is kept (100 bytes a
//! spec): reading that is a twentieth of what is left, half of it the graph. With one file edited more than half of all
//! work is git's: two thirds of that `git status` looking at every file, the rest listing trees and making the commit
//! that the edit would be. A sixth is judging, on all cores. Where `-q` or `-n` knew of one edit, more than a third was
//! once a run in thought of 50,000 places, for the time that it takes: `-q` asks for none, and what stands in a row has
//! only one. Of the first run a quarter is looking at all places that the answer rests on. `status` as JSON says the
//! time, and a build as JSON its name: no answer will do again. Of a history of 50,000 commits git takes 0.16 ms for
//! each to tell what it changed, since it reads the whole folder of all specs for that: who has ten times the specs has
//! a hundred times that.
#![expect(clippy::print_stdout, reason = "it is what a bench says")]

mod graph;
mod measure;

use graph::{Graph, name};
use measure::{best_of, peak};
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Rounds that each row is measured in.
const ROUNDS: usize = 7;

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let traced = args.iter().any(|arg| arg == "traced");
    let mut sizes: Vec<usize> = args.iter().filter_map(|arg| arg.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![100, 1_000, 10_000];
    }
    for specs in sizes {
        table(specs, traced)?;
    }
    Ok(())
}

/// One row: what it is called and how it is run.
struct Row<'a> {
    title: &'static str,
    once: Box<dyn FnMut() -> io::Result<()> + 'a>,
    memory: Option<u64>,
}

fn table(specs: usize, traced: bool) -> io::Result<()> {
    let place = tempfile::tempdir()?;
    let (graph, repo) = (Graph { specs }, place.path().join("repo"));
    let (ninja, make) = (place.path().join("ninja"), place.path().join("make"));
    let home = place.path().join("home");
    fs::create_dir_all(&home)?;
    graph.repository(&repo, traced)?;
    graph.ninja(&ninja)?;
    graph.make(&make)?;
    // Where they do not believe that all is made, they make it.
    if !said(&mut command("ninja", &["-n"], &ninja))?.contains("no work to do") {
        quiet(&mut command("ninja", &[], &ninja))?;
    }
    quiet(&mut command("make", &["-r", "all"], &make))?;
    let specmake = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_specmake"));
        command.args(args).current_dir(&repo).env("HOME", &home).env_remove("XDG_CONFIG_HOME");
        command
    };
    let begun = Instant::now();
    quiet(&mut specmake(&["--yes"]))?;
    let first = begun.elapsed();

    let files: Vec<_> = graph.files().map(|file| repo.join(file)).collect();
    let ninja_run = || command("ninja", &[], &ninja);
    let make_run = || command("make", &["-r", "all"], &make);
    let spec = name(specs / 2);
    let explain = ["--explain", spec.as_str()];
    let asked: [(&'static str, &[&str]); 5] = [
        ("specmake", &[]),
        ("specmake -q", &["-q"]),
        ("specmake -n", &["-n"]),
        ("specmake status", &["status"]),
        ("specmake --explain SPEC", &explain),
    ];
    for (_, args) in asked {
        // The first answer to each is found the long way; what was just written is not remembered at once.
        for _ in 0..2 {
            std::thread::sleep(Duration::from_millis(60));
            quiet(&mut specmake(args))?;
        }
    }
    let mut rows = vec![
        row("bare stats on all cores", None, || measure::stats(&files)),
        row("ninja", Some(peak(&mut ninja_run())?), || quiet(&mut ninja_run())),
        row("make", Some(peak(&mut make_run())?), || quiet(&mut make_run())),
    ];
    for (title, args) in asked {
        rows.push(row(title, Some(peak(&mut specmake(args))?), move || quiet(&mut specmake(args))));
    }
    let best = best_of(ROUNDS, rows.iter_mut().map(|row| &mut row.once))?;
    println!("\n{specs} specs, {} files{}", files.len(), if traced { ", each landed" } else { "" });
    let told = |title: &str, time: Duration, memory: Option<u64>| {
        let of = |at: usize| time.as_secs_f64() / best[at].as_secs_f64();
        let memory = memory.map(|kilobytes| format!("{:6.1} MB", kilobytes as f64 / 1024.0));
        println!(
            "  {title:32} {:9.1} ms   {:6.2} x ninja   {:6.2} x stats   {:7.2} us a spec   {}",
            measure::millis(time),
            of(1),
            of(0),
            measure::millis(time) * 1000.0 / specs as f64,
            memory.unwrap_or_default()
        );
    };
    for (row, time) in rows.iter().zip(&best) {
        told(row.title, *time, row.memory);
    }
    drop(rows);
    the_long_way(&graph, (&repo, &ninja), &specmake, &told)?;
    told("specmake, the first time", first, None);
    Ok(())
}

/// What is told of a row.
type Tell<'a> = dyn Fn(&str, Duration, Option<u64>) + 'a;

/// Nothing remembered; then one file edited, which ninja is told of as well.
fn the_long_way(
    graph: &Graph,
    (repo, ninja): (&Path, &Path),
    specmake: &dyn Fn(&[&str]) -> Command,
    told: &Tell<'_>,
) -> io::Result<()> {
    let kept = repo.join(".git/specmake/glance");
    let forget = || match fs::remove_file(&kept) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    let anew = || {
        forget()?;
        quiet(&mut specmake(&["-q"]))
    };
    forget()?;
    let memory = Some(peak(&mut specmake(&["-q"]))?);
    let mut rows = [row("specmake -q, nothing remembered", memory, anew)];
    let best = best_of(3, rows.iter_mut().map(|row| &mut row.once))?;
    told(rows[0].title, best[0], rows[0].memory);
    let file = format!("specs/{}/spec.md", name(graph.specs / 3));
    for top in [repo, ninja] {
        fs::write(top.join(&file), "Another.\n")?;
    }
    let mut rows = [
        row("ninja -n, one file edited", None, || quiet(&mut command("ninja", &["-n"], ninja))),
        row("specmake -q, one file edited", None, || match specmake(&["-q"]).output()?.status.code() {
            Some(4) => Ok(()),
            code => Err(io::Error::other(format!("it saw no edit: {code:?}"))),
        }),
        row("specmake -n, one file edited", None, || quiet(&mut specmake(&["-n"]))),
    ];
    let best = best_of(3, rows.iter_mut().map(|row| &mut row.once))?;
    for (row, time) in rows.iter().zip(best) {
        told(row.title, time, None);
    }
    Ok(())
}

fn row<'a>(title: &'static str, memory: Option<u64>, once: impl FnMut() -> io::Result<()> + 'a) -> Row<'a> {
    Row { title, once: Box::new(once), memory }
}

fn command(program: &str, args: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder);
    command
}

/// Runs a program; that it fails is an error.
fn quiet(command: &mut Command) -> io::Result<()> {
    said(command).map(drop)
}

/// The same, and what it said on its standard output.
fn said(command: &mut Command) -> io::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    Err(io::Error::other(format!("{command:?}: {said}")))
}
