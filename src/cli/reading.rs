//! A project that is not read twice: what reading came to lies in our folder of the git directory, which no repository
//! brings along, under the stamp of all that it was read from. Any damage and any difference mean that it is read anew.
use super::glance::program;
use super::ground::{Reading, files_of, graph_of, request};
use super::trouble::Trouble;
use super::wishes::Wishes;
use crate::graph::StageGraph;
use crate::model::{Files, LoadRequest, Loaded, Recording, compiled, load};
use crate::sys::git::Git;
use crate::sys::sealed;

/// The file, in our folder of the git directory.
const FILE: &str = "compiled";

const MAGIC: &[u8] = b"specmake compiled\n";

/// Reads the project and its graph as [`super::ground::read`] does, unless what they came to is known.
///
/// # Errors
/// There is no Specfile, or it cannot be read.
pub fn read_once(
    git: &Git,
    wishes: &Wishes,
    reading: &Reading,
) -> Result<(Loaded, Option<StageGraph>), Trouble> {
    let files = files_of(git)?;
    let mut request = request(git, wishes, reading, &*files)?;
    // It decides nothing else, and is not the same each time.
    let jobs = request.jobs.take();
    let (mut loaded, graph) = match known(git, &request, &*files) {
        Some(mut loaded) => {
            let graph = graph_of(&mut loaded);
            (loaded, graph)
        }
        None => read_anew(git, &request, &*files),
    };
    if let (Some(project), Some(jobs)) = (&mut loaded.project, jobs) {
        project.settings.jobs = jobs;
    }
    Ok((loaded, graph))
}

fn known(git: &Git, request: &LoadRequest, files: &dyn Files) -> Option<Loaded> {
    let bytes = sealed::read(&git.own_dir().join(FILE))?;
    compiled::unpack(sealed::open(MAGIC, &bytes)?, request, files, program()?)
}

fn read_anew(git: &Git, request: &LoadRequest, files: &dyn Files) -> (Loaded, Option<StageGraph>) {
    let recording = Recording::new(files);
    let mut loaded = load(request, &recording);
    let packed = program().and_then(|program| compiled::pack(&loaded, request, &recording, program));
    let graph = graph_of(&mut loaded);
    if let Some(packed) = packed.filter(|_| graph.is_some()) {
        let folder = git.own_dir();
        // Who never built has no such folder yet; where it cannot be made nothing is kept.
        drop(std::fs::create_dir(&folder));
        drop(sealed::write(&folder, FILE, &sealed::seal(MAGIC, &packed)));
    }
    (loaded, graph)
}
