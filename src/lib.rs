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
//! # What is absent
//!
//! 1. Pure rooms (everything above `sys` in the table) touch no disk, clock or process.
//! 2. Events speak names, stamps and durations; they borrow no graph.
//! 3. Every face can be rebuilt from the event stream alone.
//! 4. No verdict is taken before its needs are done, nor on another tree than the agent is given.
//! 5. State moves only through `Schedule::set`.
//! 6. A lost log line is a warning; a lost trace is a failure.
//! 7. Refs move by compare-and-swap: never `reset --hard`, never `--force` on what is not ours.
//! 8. `Serialize` stands only on events, the nouns they carry, and rows of the store.
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
