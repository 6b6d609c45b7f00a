//! The program: arguments in, exit status out.
use std::process::ExitCode;

fn main() -> ExitCode {
    specmake::cli::main(std::env::args_os())
}
