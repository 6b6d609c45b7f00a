//! What most commands stand on: the repository, the Specfile and what it means.
use super::checkout::Checkout;
use super::committed::Committed;
use super::diagnose;
use super::exit::Exit;
use super::reading::read_once;
use super::trouble::Trouble;
use super::user::{Surroundings, UserFolders};
use super::wishes::Wishes;
use crate::base::{AgentName, Diagnostic, Severity, Sources};
use crate::graph::StageGraph;
use crate::model::{Files, LoadRequest, Loaded, Project, Text, load};
use crate::sys::git::{Git, GitError, Oid, RefUpdate, branch_ref};
use crate::sys::landing::{Move, Moved, move_branch};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a Specfile is looked for if nobody says so.
pub const SPECFILE: &str = "Specfile";

/// A repository with a Specfile in it.
pub struct Ground {
    /// The user's checkout, or the bare repository.
    pub git: Git,
    /// What to build.
    pub project: Arc<Project>,
    /// What waits for what.
    pub graph: Arc<StageGraph>,
    /// The branch that results land on, and that a build reads.
    pub base_branch: String,
    /// The project's base, where `land { into }` names another branch to land on.
    pub from: Option<String>,
    /// The texts that spans point into.
    pub sources: Sources,
    /// The user's own file.
    pub user_config: Option<Text>,
    /// The files that the project was read from.
    pub read: Vec<String>,
    /// The files and folders that were looked at for it.
    pub looked_at: Vec<String>,
    /// The Specfile, if it has another name.
    pub specfile: Option<PathBuf>,
}

/// What the command line says about reading a project.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// `-j`.
    pub jobs: Option<u32>,
    /// `--agent`.
    pub agent: Option<AgentName>,
    /// `--model`.
    pub model: Option<String>,
    /// `--max-cost`, in hundredths of a USD.
    pub max_cost: Option<u64>,
}

impl Ground {
    /// Opens the repository and reads the Specfile; what is wrong with it is said on `err`.
    ///
    /// # Errors
    /// There is no repository, no Specfile, or something is wrong with it.
    pub fn open(wishes: &Wishes, reading: &Reading, err: &mut dyn Write) -> Result<Self, Trouble> {
        Self::of(repository()?, wishes, reading, err)
    }

    /// The same of a repository that is open already.
    ///
    /// # Errors
    /// There is no Specfile, or something is wrong with it.
    pub fn of(git: Git, wishes: &Wishes, reading: &Reading, err: &mut dyn Write) -> Result<Self, Trouble> {
        let (loaded, graph) = read_once(&git, wishes, reading)?;
        report(&loaded.diagnostics, &loaded.sources, wishes, err);
        let (Some(mut project), Some(graph)) = (loaded.project, graph) else {
            return Err(Trouble::said(Exit::Usage));
        };
        if project.specs.is_empty() {
            // Whoever closed standard error does not want to know.
            let _ = writeln!(
                err,
                "specmake: no spec is declared yet; `specmake new NAME \"what it is\"` adds one"
            );
        }
        #[expect(clippy::cast_precision_loss, reason = "nobody spends that much")]
        if let Some(cents) = reading.max_cost {
            project.settings.budget_usd = Some(cents as f64 / 100.0);
        }
        let base = match &project.settings.base {
            Some(base) => base.clone(),
            None => git.require_branch()?,
        };
        if git.commit(&branch_ref(&base))?.is_none() {
            git.head()?;
            return Err(Trouble::environment(format!("there is no branch `{base}` to land on"))
                .hint(format!("`git branch {base}` makes it here")));
        }
        let (base_branch, from) = match &project.land.into {
            Some(into) if *into != base => (into.clone(), Some(base)),
            _ => (base, None),
        };
        let project = Arc::new(project);
        Ok(Self {
            git,
            project,
            graph: Arc::new(graph),
            base_branch,
            from,
            sources: loaded.sources,
            user_config: user_config(),
            read: loaded.read,
            looked_at: loaded.looked_at,
            specfile: wishes.specfile.clone(),
        })
    }
}

impl Ground {
    /// Leaves it just before the process ends, which gives back what ten thousand specs take sooner than we could.
    pub fn leave(self) {
        let Self { project, graph, sources, .. } = self;
        std::mem::forget((project, graph, sources));
    }
}

/// The branch of `land { into }` begins at the project's base, and follows it while nothing has landed.
impl Ground {
    /// The commit that a build reads.
    ///
    /// # Errors
    /// git fails.
    pub fn tip(&self) -> Result<Oid, GitError> {
        let now = self.git.commit(&branch_ref(&self.base_branch))?;
        let Some(from) = &self.from else {
            return self.git.require_commit(&branch_ref(&self.base_branch));
        };
        let from = self.git.require_commit(&branch_ref(from))?;
        match now {
            Some(now) if !self.git.is_ancestor(now, from)? => Ok(now),
            _ => Ok(from),
        }
    }

    /// The same for who will write: the branch is moved there.
    ///
    /// # Errors
    /// git fails, or the branch cannot move now.
    pub fn settle(&self) -> Result<Oid, Trouble> {
        let (tip, name) = (self.tip()?, branch_ref(&self.base_branch));
        let old = match self.git.commit(&name)? {
            Some(now) if now == tip => return Ok(tip),
            Some(old) => old,
            None => {
                let made = RefUpdate::create(name, tip);
                self.git.update_refs(&[made], "specmake: a branch to land on")?;
                return Ok(tip);
            }
        };
        let reason = "specmake: follow the base".to_owned();
        let step = Move { branch: self.base_branch.clone(), old, new: tip, reason };
        let why = match move_branch(&self.git, &step)? {
            Moved::Done => return Ok(tip),
            Moved::Busy(why) => why.to_string(),
            Moved::Collision { paths } => format!("`{}` is in the way", paths.join("`, `")),
            Moved::BaseMoved { .. } => "somebody else just moved it".to_owned(),
        };
        Err(Trouble::environment(format!("`{}` cannot move now: {why}", self.base_branch)))
    }

    /// What the project's base has and a build does not read, in words.
    ///
    /// # Errors
    /// git fails.
    pub fn behind(&self) -> Result<Option<String>, GitError> {
        let Some(from) = &self.from else { return Ok(None) };
        let tip = self.git.require_commit(&branch_ref(from))?;
        let into = &self.base_branch;
        Ok((!self.git.is_ancestor(tip, self.tip()?)?).then(|| {
            format!("`{from}` has commits that `{into}` does not: merge them there to build on them")
        }))
    }
}

/// The repository that the current directory lies in: its main checkout.
///
/// # Errors
/// There is none, or git is missing or too old.
pub fn repository() -> Result<Git, Trouble> {
    Git::require_version()?;
    let here = std::env::current_dir()?;
    let git = Git::discover(&here)?;
    git.require_history()?;
    Ok(git.main())
}

/// Reads the project and its graph, with every mistake in them.
///
/// # Errors
/// There is no Specfile, or it cannot be read.
pub fn read(git: &Git, wishes: &Wishes, reading: &Reading) -> Result<(Loaded, Option<StageGraph>), Trouble> {
    let files = files_of(git)?;
    let request = request(git, wishes, reading, &*files)?;
    let mut loaded = load(&request, &*files);
    let graph = graph_of(&mut loaded);
    Ok((loaded, graph))
}

/// The graph of what was loaded; circles in it are further mistakes.
pub fn graph_of(loaded: &mut Loaded) -> Option<StageGraph> {
    let (graph, cycles) = match (&loaded.project, &loaded.flawed) {
        (Some(project), _) => {
            StageGraph::new(project).map_or_else(|cycles| (None, cycles), |g| (Some(g), vec![]))
        }
        (None, Some(flawed)) => (None, StageGraph::cycles(flawed)),
        (None, None) => (None, vec![]),
    };
    loaded.diagnostics.extend(cycles);
    loaded.diagnostics.sort_by_key(|found| found.span);
    graph
}

/// What a project is loaded from.
///
/// # Errors
/// There is no Specfile, or it cannot be read.
pub fn request(
    git: &Git,
    wishes: &Wishes,
    reading: &Reading,
    files: &dyn Files,
) -> Result<LoadRequest, Trouble> {
    Ok(LoadRequest {
        specfile: specfile(git, wishes, files)?,
        user_config: user_config(),
        env: Surroundings::here().taste(),
        jobs: reading.jobs,
        agent: reading.agent.as_ref().map(ToString::to_string),
        model: reading.model.clone(),
        repo: git.name(),
    })
}

/// Where the Specfile lies, or would.
///
/// # Errors
/// The repository is bare, so there is no such place.
pub fn specfile_path(git: &Git, wishes: &Wishes) -> Result<PathBuf, Trouble> {
    match &wishes.specfile {
        Some(file) => Ok(file.clone()),
        None => Ok(git.require_work_tree()?.join(SPECFILE)),
    }
}

/// There is none where it should be.
pub fn no_specfile(path: &Path) -> Trouble {
    Trouble::usage(format!("there is no `{}`", path.display())).hint("`specmake init` writes one")
}

/// The user's own file, if there is one.
pub fn user_config() -> Option<Text> {
    let path = UserFolders::here().config?;
    let bytes = std::fs::read(&path).ok()?;
    Some(Text { name: path.display().to_string(), bytes })
}

/// Says what is wrong with a Specfile.
pub fn report(diagnostics: &[Diagnostic], sources: &Sources, wishes: &Wishes, err: &mut dyn Write) {
    if diagnostics.is_empty() {
        return;
    }
    let screen = super::user::screen().map_or(100, |screen| screen.width);
    // Whoever closed standard error does not want to know.
    let _ = write!(err, "{}", diagnose::render(diagnostics, sources, wishes.err, screen));
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    if errors > 0 {
        let _ =
            writeln!(err, "specmake: {}; nothing was run", crate::base::english::count(errors, "mistake"));
    }
}

fn specfile(git: &Git, wishes: &Wishes, files: &dyn Files) -> Result<Text, Trouble> {
    if let Some(path) = &wishes.specfile {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|e| Trouble::usage(format!("cannot read `{name}`: {e}")))?;
        return Ok(Text { name, bytes });
    }
    match files.read(SPECFILE) {
        Ok(bytes) => Ok(Text { name: SPECFILE.to_owned(), bytes }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(no_specfile(&git.main_work_tree().unwrap_or(git.common_dir()).join(SPECFILE)))
        }
        Err(error) => Err(Trouble::environment(format!("cannot read `{SPECFILE}`: {error}"))),
    }
}

/// The files that a Specfile may ask for: those of the main checkout, or the tree of a bare repository's HEAD.
///
/// # Errors
/// The tree cannot be read.
pub fn files_of(git: &Git) -> Result<Box<dyn Files>, Trouble> {
    match git.main_work_tree() {
        Some(top) => Ok(Box::new(Checkout::new(top))),
        None => Ok(Box::new(Committed::head_of(git)?)),
    }
}
