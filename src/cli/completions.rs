//! `specmake completions` and `specmake man`: both come out of the arguments' own grammar.
use super::args::Cli;
use super::exit::Exit;
use clap::CommandFactory;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Writes the completion script of a shell.
///
/// # Errors
/// The writer's.
pub fn completions(shell: clap_complete::Shell, out: &mut dyn Write) -> io::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "specmake", &mut script);
    out.write_all(&script)?;
    Ok(Exit::Done)
}

/// Writes the manual page of the program.
///
/// # Errors
/// The writer's.
pub fn man(out: &mut dyn Write) -> io::Result<Exit> {
    clap_mangen::Man::new(Cli::command()).render(out)?;
    Ok(Exit::Done)
}

/// Writes a page for the program and one for each command into a folder, which is made.
///
/// # Errors
/// The disk's.
pub fn man_pages(folder: &Path) -> io::Result<Exit> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Cli::command(), folder)?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_completes_every_command() {
        use clap::ValueEnum;
        for shell in clap_complete::Shell::value_variants() {
            let mut out = Vec::new();
            completions(*shell, &mut out).expect("a vector takes it");
            let script = String::from_utf8(out).expect("text");
            for command in Cli::command_names() {
                assert!(script.contains(&command), "{shell}: {command}");
            }
        }
    }

    #[test]
    fn the_manual_has_a_page_for_every_command() {
        let mut page = Vec::new();
        man(&mut page).expect("a vector takes it");
        assert!(String::from_utf8_lossy(&page).contains("128+n"));
        let folder = tempfile::tempdir().expect("a folder");
        man_pages(folder.path()).expect("written");
        for command in Cli::command_names() {
            assert!(folder.path().join(format!("specmake-{command}.1")).exists(), "{command}");
        }
    }
}
