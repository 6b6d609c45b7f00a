use super::*;

fn read(line: &str) -> Result<Cli, clap::Error> {
    let argv = std::iter::once("specmake").chain(line.split_whitespace());
    Cli::read(argv.map(OsString::from))
}

/// The goals and the options of a build, however it was asked for.
fn build(line: &str) -> BuildArgs {
    let cli = read(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    match cli.command {
        None => cli.build,
        Some(Command::Build(command)) => command.build,
        Some(other) => panic!("{line}: {other:?}"),
    }
}

fn command(line: &str) -> Command {
    read(line).unwrap_or_else(|error| panic!("{line}: {error}")).command.expect("a command")
}

fn goals(line: &str) -> Vec<String> {
    build(line).goals
}

#[test]
fn the_grammar_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn a_first_word_that_is_no_command_is_a_goal() {
    assert_eq!(goals(""), [""; 0]);
    assert_eq!(goals("051-retry"), ["051-retry"]);
    assert_eq!(goals("051 status"), ["051", "status"], "only the first word can be a command");
    assert_eq!(goals("build status"), ["status"]);
    assert_eq!(goals("-- status"), ["status"]);
    assert_eq!(goals("-j4 -W status 051"), ["051"]);
    assert_eq!(goals("-nj 4 05*:plan"), ["05*:plan"]);
    assert_eq!(goals("-f status --until plan x"), ["x"]);
    assert_eq!(goals("-C status --format=json 051"), ["051"]);
}

#[test]
fn a_command_may_stand_behind_where_and_how() {
    assert!(matches!(command("-C there --format json status"), Command::Status(_)));
    assert!(matches!(command("-f Other check"), Command::Check(_)));
    assert_eq!(
        read("status -C there").map(|cli| cli.place.directory).unwrap_or_default(),
        [PathBuf::from("there")]
    );
    assert_eq!(read("-C a -C b status").map(|cli| cli.place.directory.len()).unwrap_or_default(), 2);
}

#[test]
fn a_graph_has_forms_of_its_own() {
    for (line, form) in [("graph --format dot", Form::Dot), ("--format mermaid graph x", Form::Mermaid)] {
        assert_eq!(read(line).map(|cli| cli.place.format).unwrap_or_default(), form, "{line}");
    }
}

#[test]
fn makes_letters() {
    let args = build("-j 8 -k -n -B -q -s -W a.md -W b.md");
    assert_eq!((args.jobs, args.keep_going, args.dry_run), (Some(8), true, true));
    assert!(args.always_make && args.question && args.silent);
    assert_eq!(args.what_if, ["a.md", "b.md"]);
    assert!(build("-t 051").touch && build("--touch 051").touch);
}

#[test]
fn wrong_usage_is_status_two_and_help_is_none() {
    let wrong = [
        "-j0",
        "-jx",
        "--nonsense",
        "-k --fail-fast",
        "-t -n",
        "-j4 status",
        "--until a/b",
        "logs a b",
        "new",
        "approve",
        "worktree",
        "fmt --format yaml",
        "status --format dot",
        "--format mermaid -n",
    ];
    for line in wrong {
        let error = read(line).expect_err(line);
        assert_eq!(error.exit_code(), 2, "{line}");
    }
    for line in [
        "--help",
        "-h",
        "--version",
        "build --help",
        "status --help",
        "--help status",
        "051 --help",
        "help",
        "help status",
    ] {
        let error = read(line).expect_err(line);
        assert_eq!(error.exit_code(), 0, "{line}: {error}");
    }
}

#[test]
fn help_tells_everything() {
    let help = Cli::command().render_long_help().to_string();
    for command in Cli::command_names() {
        assert!(help.contains(&format!("  {command} ")), "{command}");
    }
    for (code, meaning) in Exit::TABLE {
        assert!(help.contains(code) && help.contains(meaning), "{code}");
    }
    assert!(!help.contains("demo-agent"));
    assert!(matches!(command("demo-agent"), Command::DemoAgent { session: None }));
}

#[test]
fn logs_follow_with_the_letter_that_means_file_elsewhere() {
    let Command::Logs(logs) = command("logs -f 051:plan --attempt 2") else { panic!("not logs") };
    assert_eq!((logs.follow, logs.of.as_deref(), logs.attempt), (true, Some("051:plan"), Some(2)));
}
