//! The one spawn of streamed processes: by a keeper where there is one, else as a bare group.
use super::group::Group;
use super::line::Line;
use super::{ChildError, GIT_FAMILY, Launch, keeper};
use std::ffi::{OsStr, OsString};
use std::io::{self, PipeReader};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use tokio::process::{ChildStdin, ChildStdout};

/// A process that has been started, and both ends that we hold of it.
pub(super) struct Started {
    pub(super) group: Group,
    pub(super) output: ChildStdout,
    pub(super) stdin: Option<ChildStdin>,
}

/// What an error of starting `launch` means to its user.
pub(super) fn failed(program: &OsStr, launch: &Launch, source: io::Error) -> ChildError {
    let program = program.to_string_lossy().into_owned();
    if source.kind() == io::ErrorKind::NotFound && !launch.cwd.is_dir() {
        return ChildError::NoFolder { program, cwd: launch.cwd.clone() };
    }
    ChildError::Start { program, source }
}

/// Starts it. With a keeper, whether the program itself could be started is heard later.
pub(super) fn start(argv: &[OsString], launch: &Launch) -> io::Result<Started> {
    // One pipe for both streams keeps what is printed in the order it was printed.
    let (reader, writer) = io::pipe()?;
    let mut line = None;
    let mut command = match (&launch.keeper, argv) {
        (Some(program), _) => {
            let (ours, theirs) = UnixStream::pair()?;
            line = Some(Line::new(ours)?);
            let mut command = Command::new(program);
            command.arg0("specmake").arg(keeper::WORD).args(argv);
            command.stdout(writer).stderr(OwnedFd::from(theirs));
            command
        }
        (None, [program, arguments @ ..]) => {
            let mut command = Command::new(program);
            command.args(arguments).stdout(writer.try_clone()?).stderr(writer);
            command
        }
        (None, []) => return Err(io::ErrorKind::InvalidInput.into()),
    };
    command.current_dir(&launch.cwd).process_group(0);
    command.stdin(if launch.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    for name in GIT_FAMILY.into_iter().map(OsString::from).chain(launch.unset.iter().cloned()) {
        command.env_remove(name);
    }
    command.envs(launch.env.iter().map(|(name, value)| (name, value)));
    let mut child = command.spawn()?;
    // The command holds our copies of the other ends.
    drop(command);
    let stdin = child.stdin.take();
    let group = Group::watch(child, line)?;
    let stdin = stdin.map(ChildStdin::from_std).transpose()?;
    Ok(Started { group, output: readable(reader)?, stdin })
}

/// Starts a process that gets our own input and output, and its complaints where its output goes.
/// Gives its number.
pub(super) fn pass_on(argv: &[OsString]) -> io::Result<u32> {
    let (program, arguments) = argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    let child = Command::new(program).args(arguments).process_group(0).stderr(output).spawn()?;
    Ok(child.id())
}

fn readable(pipe: PipeReader) -> io::Result<ChildStdout> {
    ChildStdout::from_std(std::process::ChildStdout::from(OwnedFd::from(pipe)))
}
