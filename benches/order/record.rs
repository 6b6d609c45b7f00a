//! Builds recorded: each Specfile is built four times in a row by the agent that comes with specmake, which takes its time
//! here: from 0.2 to one second for each stage, which is another for each and, as those of agents do, differs by a tenth
//! from one build to the next.
use crate::RECORDED;
use specmake::store::Store;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const BUILDS: usize = 4;

/// What takes its time, and then does what it is told to.
const SLOW: &str = r#"set -e
drawn=$(printf %s "$SPECMAKE_SPEC:$SPECMAKE_STAGE" | cksum | cut -d ' ' -f 1)
jitter=$(od -An -N2 -tu2 /dev/urandom)
sleep "$(awk "BEGIN { print (0.2 + $drawn % 100 / 125) * (0.9 + $jitter / 65535 / 5) }")"
exec "$@"
"#;

/// Writes what each of them took into this folder.
pub fn record(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (name, specfile, _) in RECORDED {
        let place = tempfile::tempdir()?;
        let text = built(place.path(), specfile)?;
        fs::write(folder.join(name).with_extension("txt"), text)?;
        println!("  {name} recorded");
    }
    Ok(())
}

fn built(place: &Path, specfile: &str) -> io::Result<String> {
    let (repo, home, slow) = (place.join("repo"), place.join("home"), place.join("slow"));
    fs::create_dir_all(repo.join("src"))?;
    fs::create_dir_all(&home)?;
    fs::write(&slow, SLOW)?;
    let slow = format!(" {{ command \"sh\" {slow:?} \"{{self}}\" \"demo-agent\" }}");
    let mut text = String::new();
    for line in specfile.lines() {
        let more = if line.starts_with("agent \"demo\"") { &slow } else { "" };
        let _ = writeln!(text, "{line}{more}");
    }
    fs::write(repo.join("Specfile"), text)?;
    let run = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        command.args(args).current_dir(&repo).env("HOME", &home).env_remove("XDG_CONFIG_HOME");
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        status.success().then_some(()).ok_or_else(|| io::Error::other(format!("{command:?} failed")))
    };
    run("git", &["init", "-q", "-b", "main"])?;
    run("git", &["config", "user.name", "bench"])?;
    run("git", &["config", "user.email", "bench@example.org"])?;
    run("git", &["add", "--all"])?;
    run("git", &["commit", "-q", "-m", "start"])?;
    let mut whole = String::new();
    let mut took: BTreeMap<String, String> = BTreeMap::new();
    for _ in 0..BUILDS {
        let begun = Instant::now();
        run(env!("CARGO_BIN_EXE_specmake"), &["--yes", "-B"])?;
        let _ = write!(whole, " {}", begun.elapsed().as_millis());
        let store = Store::to_look_at(&repo.join(".specmake")).map_err(io::Error::other)?;
        for (stage, time) in store.durations().map_err(io::Error::other)?.by_stage {
            let _ = write!(took.entry(stage.to_string()).or_default(), " {}", time.millis);
        }
    }
    let mut text =
        format!("# milliseconds of each stage and landing in {BUILDS} builds, and of each build\n");
    let _ = writeln!(text, "build{whole}");
    for (stage, times) in took {
        let _ = writeln!(text, "{stage}{times}");
    }
    Ok(text)
}
