//! specmake is Make for spec-driven development.
//!
//! A `Specfile` declares *specs* as targets; each goes through the *stages* of its *pipeline*, most of
//! them the work of a coding *agent*. specmake finds by content what is out of date, runs it in parallel,
//! each spec in a git worktree of its own, tests what came out and lands it on the base branch.
//!
//! # A ten-minute tour
//!
//! One invocation flows one way through the rooms:
//!
//! 1. [`syntax`] turns Specfile text into a tree and every mistake in it; [`model`] resolves names and
//!    settings into a [`model::Project`]. Built-in agents, pipelines and prompts are texts in [`builtin`].
//! 2. [`graph`] makes one graph of all stages and landings, and cuts it down to the goals.
//! 3. [`rebuild`] reads the journal (trailers on commits) into traces and writers, and judges a stage:
//!    up to date, or out of date with reasons. A verdict is the difference of two ingredient lists.
//! 4. [`plan`] holds the schedule: every stage has one state, moved by one setter, against pools and jobs.
//! 5. `run` is the loop: a dispatcher that feeds the schedule, executors that make attempts in worktrees,
//!    a landing that tests a commit and moves the base to exactly that commit.
//! 6. What happens is an [`event`]; the fold of events is a [`view`]; every face draws a view.
//!
//! The only arrow that points back: a finished stage makes others ready.
//!
//! # The life of a stage
//!
//! `run::dispatcher` takes the next place that may be judged from [`plan::Schedule`] and asks its hands
//! (`run::hands`, the seam to every side effect; tests have hands in memory). `run::judging` takes the verdict
//! where the spec stands (`run::standing`): on the base's tree, or on that of its branch merged with the base.
//! If it is out of date and its tokens are free, `run::attempt` makes the workplace ready (`run::workplace`),
//! marks the start with a ref, runs the process (`run::launch`, `sys::child`), holds what it left against what
//! the stage promises (`run::evidence`) and keeps it: a commit with a trace if it did, one that only says so if
//! it did not; then `run::ladder` says what comes next. A branch that does not merge with the base climbs
//! `on-conflict` first (`dispatcher::conflicts`), and an agent settles that where it lies (`run::settling`). When the
//! last stage is done, `run::landing` builds the landing commit, tests exactly that, moves the base (`sys::landing`)
//! and removes worktree and branch. What a person lands or takes back by hand (`run::landing::drain`, `run::revert`)
//! goes the same way, without the dispatcher.
//!
//! # Processes
//!
//! Agents and shell lines are not our children but those of a *keeper* (`sys::child::keeper`): this program again,
//! one for each, which adopts whatever below it loses its parent. A session of its own, a second fork or an empty
//! environment get nothing away from it. It talks to us over a socket in the place of its stderr: we ask it to end
//! the process or to kill everything, it says how the process ended and what that left running. When the socket
//! closes, we are dead, and it ends everything below itself. If it is killed in its turn, the process group and
//! `SPECMAKE_WORKTREE` in the environment still find what is left (`sys::strays`), now or at the next start.
//! Where there are no child subreapers (not Linux), process groups are all there is.
//!
//! An agent that speaks ACP is talked with (`run::talking`): the protocol is a state machine over lines (`agent::acp`),
//! the process keeps its input open and its complaints come apart (`sys::child::talk`).
//!
//! # What lies where
//!
//! - Trailers `Specmake-Trace`, `-Void` and `-Attempt` ([`rebuild::trailer`]): the journal, all that a fresh
//!   clone needs to know.
//! - `refs/heads/spec/*` and `branch.*.specmake`: specs in progress, and the mark that a branch is ours.
//! - The base: the branch that is built on and landed on. `land { into }` names another one beside the project's base;
//!   then that is the one read, made at the base and following it while the base has all that landed (`cli::ground`).
//! - `refs/specmake/start/*`: attempts under way; one that is found at a start was cut off.
//! - `refs/specmake/merge/*`: merges that an agent settles, each at the tip of its branch; the next start takes back
//!   one that was cut off.
//! - `refs/specmake/backup/*`: what was there before something of ours moved it.
//! - `specmake/` in the git common directory: locks, and the intent of a move of the base that is under way; in
//!   `spares/` files of worktrees that have landed, and folders that they keep, with which the next ones begin (`sys::spare`).
//! - `.specmake/requests`: what people ask of a run that is on, and what it answers.
//! - `specmake/glance` in the git directory: what was said when there was nothing to do, and the stats that it rests on
//!   (`sys::glance`); who takes the right to build forgets it.
//! - `specmake/compiled` beside it: what the Specfile came to (`model::compiled`), under the stamp of all that it was read
//!   from; another text, another program or any damage means reading it again.
//! - `.specmake/state.db` and `.specmake/logs`: run history, durations, caches; deletable at any time.
//!
//! # The rooms, and what each may import
//!
//! | room | what it is | imports |
//! | --- | --- | --- |
//! | `base` | names, spans, diagnostics, stamps, reasons, small words | nothing |
//! | `syntax` | KDL text to tree, formatting | base |
//! | `model` | tree to project, all names resolved | base, syntax, builtin |
//! | `builtin` | agents, pipelines and prompts as data | nothing |
//! | `graph` | stages as nodes, goals, waves, cycles | base, model |
//! | `tasks` | `tasks.md`, `tasks.yaml` | base |
//! | `event` | what happened | base, model |
//! | `rebuild` | manifests, traces, verdicts | base, model, event |
//! | `plan` | schedule, pools, forecast | base, model, graph, rebuild, event |
//! | `view` | the fold of events | base, model, event |
//! | `sys` | processes, git, files, locks, signals | base |
//! | `agent` | prompts, command lines, dialects, the demo agent | base, syntax, model, event, tasks, sys |
//! | `store` | SQLite | base, event, rebuild, sys |
//! | `run` | dispatcher, executors, landing | all of the above but `view` |
//! | `report` | plain, live and JSON faces | base, model, event, view, tasks |
//! | `cli` | arguments and commands | everything |
//!
//! `tests/layering.rs` holds this table and fails with the line that breaks it.
//!
//! Two walls stand elsewhere than one might expect. The KDL reader is our own: it must tell every mistake of a
//! text at once, stay within its stack on hostile text and cost milliseconds for ten thousand specs; the `kdl`
//! crate is what its tests hold it against. And there is no room for engines: where an attempt runs is behind
//! `run::hands` with everything else that has side effects.
//!
//! # What is absent
//!
//! 1. Pure rooms (everything above `sys` in the table) touch no disk, clock or process.
//! 2. Events speak names, stamps and durations; they borrow no graph.
//! 3. Every face can be rebuilt from the event stream alone.
//! 4. No verdict is taken before its needs are done, nor on another tree than the agent is given.
//! 5. State moves only through `Schedule::set`.
//! 6. A lost log line is a warning; a lost trace is a failure.
//! 7. Refs move by compare-and-swap: never `reset --hard`, never `--force` on what is not ours.
//! 8. `Serialize` stands only on events and the nouns they carry, on answers of commands, on rows of the
//!    store, on what people ask of a run that is on, and on the nouns of a project, so that a Specfile is read once: that
//!    form is for the very program that wrote it, and nobody else's to read.
//! 9. No `unsafe`; no `unwrap` on anything that a user or the world can cause.

#![forbid(unsafe_code)]

pub mod agent;
pub mod base;
pub mod builtin;
pub mod cli;
pub mod event;
pub mod graph;
pub mod model;
pub mod plan;
pub mod rebuild;
pub mod report;
pub mod run;
pub mod store;
pub mod syntax;
pub mod sys;
pub mod tasks;
pub mod view;
