//! The one spawn of streamed processes: by a keeper where there is one, else as a bare group.
use super::group::Group;
use super::line::Line;
use super::{ChildError, GIT_FAMILY, Launch, hand, keeper};
use std::ffi::{OsStr, OsString};
use std::io::{self, PipeReader};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use tokio::process::{ChildStdin, ChildStdout};

/// A process that has been started, and the ends that we hold of it.
pub(super) struct Started {
    pub(super) group: Group,
    pub(super) output: ChildStdout,
    /// What it says on its standard error, if that comes apart.
    pub(super) complaints: Option<ChildStdout>,
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

/// What becomes of a process's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Streams {
    /// One pipe for output and complaints keeps what is printed in the order it was printed.
    Together,
    /// Each has a pipe of its own, and so has the input.
    Apart,
}

/// Starts it. With a keeper, whether the program itself could be started is heard later.
pub(super) fn start(argv: &[OsString], launch: &Launch, streams: Streams) -> io::Result<Started> {
    let (reader, writer) = io::pipe()?;
    let apart = if streams == Streams::Apart { Some(io::pipe()?) } else { None };
    let (complaints, complains) = apart.unzip();
    let mut line = None;
    let mut command = match (&launch.keeper, argv) {
        (Some(program), _) => {
            let (ours, theirs) = UnixStream::pair()?;
            let word = match &complains {
                Some(file) => hand::over(&ours, file.as_fd()).map(|()| keeper::WORD_APART)?,
                None => keeper::WORD,
            };
            line = Some(Line::new(ours)?);
            let mut command = Command::new(program);
            command.arg0("specmake").arg(word).args(argv);
            command.stdout(writer).stderr(OwnedFd::from(theirs));
            command
        }
        (None, [program, arguments @ ..]) => {
            let mut command = Command::new(program);
            let complains = complains.as_ref().unwrap_or(&writer).try_clone()?;
            command.args(arguments).stderr(complains).stdout(writer);
            command
        }
        (None, []) => return Err(io::ErrorKind::InvalidInput.into()),
    };
    command.current_dir(&launch.cwd).process_group(0);
    let is_told = launch.stdin.is_some() || streams == Streams::Apart;
    command.stdin(if is_told { Stdio::piped() } else { Stdio::null() });
    for name in GIT_FAMILY.into_iter().map(OsString::from).chain(launch.unset.iter().cloned()) {
        command.env_remove(name);
    }
    command.envs(launch.env.iter().map(|(name, value)| (name, value)));
    let mut child = command.spawn()?;
    // The command holds our copies of the other ends.
    drop((command, complains));
    let stdin = child.stdin.take();
    let group = Group::watch(child, line)?;
    let stdin = stdin.map(ChildStdin::from_std).transpose()?;
    let complaints = complaints.map(readable).transpose()?;
    Ok(Started { group, output: readable(reader)?, complaints, stdin })
}

/// Starts a process that gets our own input and output, and whose complaints go there, or where its output goes.
/// Gives its number.
pub(super) fn pass_on(argv: &[OsString], complains: Option<OwnedFd>) -> io::Result<u32> {
    let (program, arguments) = argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let complains = complains.map_or_else(|| io::stdout().as_fd().try_clone_to_owned(), Ok)?;
    let child = Command::new(program).args(arguments).process_group(0).stderr(complains).spawn()?;
    Ok(child.id())
}

fn readable(pipe: PipeReader) -> io::Result<ChildStdout> {
    ChildStdout::from_std(std::process::ChildStdout::from(OwnedFd::from(pipe)))
}
