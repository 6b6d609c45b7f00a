//! The process of an agent that is talked with: the protocol on one side, the process on the other, and between them
//! what is passed on and reported.
use super::attempt::Prepared;
use super::ear::Ear;
use super::judging::setup_failure;
use super::parts::{Part, write_with_folders};
use super::progress::Progress;
use super::site::Site;
use super::told::{Ran, Told};
use crate::agent::acp::{Act, Client, Opening};
use crate::agent::dialect::Said;
use crate::base::StageId;
use crate::event::{Event, Failure, Usage};
use crate::sys::child::{Talk, Turn};
use crate::sys::stop::Stop;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// How many refusals of one conversation people are told of; each of them is an event.
const MOST_TOLD: usize = 20;

impl Site {
    /// Runs the process of an agent that is talked with.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) async fn talk_part(
        &self,
        prepared: &mut Prepared,
        part: &Part,
        (mut opening, before): (Opening, Usage),
        stop: &Stop,
    ) -> Result<Ran, Failure> {
        let id = prepared.id.clone();
        let tasks_file = self.tasks_file(prepared);
        if let Some(session) = &mut opening.session {
            session.cost = before.cost;
        }
        let session = opening.session.as_ref().map(|session| session.id.clone());
        let fresh = part.prompt.as_ref().map(|(file, _)| (file.clone(), opening.prompt.clone()));
        let (client, first) = Client::new(opening);
        let mut ear = Ear::new(self, prepared, part, Told::new(true));
        ear.resumes(before);
        let refused = BTreeSet::new();
        let mut talking = Talking { site: self, id: &id, client, first, ear, session, fresh, refused };
        let who = id.to_string();
        let work = self.talked(&who, part.launch.clone(), stop, &mut talking);
        let exit = match tasks_file {
            Some(file) => Progress::new(self.reporter.clone(), id.clone(), file).beside(work).await,
            None => work.await,
        };
        let told = talking.ear.end();
        Ok(Ran { exit: exit.map_err(|e| setup_failure(&e))?, told })
    }
}

/// One conversation.
struct Talking<'a> {
    site: &'a Site,
    id: &'a StageId,
    client: Client,
    first: Vec<Act>,
    ear: Ear<'a>,
    /// The session that it is to go on with.
    session: Option<String>,
    /// Where the prompt is kept, and which it is in another session.
    fresh: Option<(PathBuf, String)>,
    /// Why it was refused what it asked for, as people were told.
    refused: BTreeSet<String>,
}

impl Talking<'_> {
    fn turn(&mut self, acts: Vec<Act>) -> Turn {
        let mut turn = Turn::default();
        for act in acts {
            match act {
                Act::Send(line) => turn.say.push(line),
                Act::Said(said) => self.said(said),
                Act::Asked { tool, allowed, why } => {
                    let stage = self.id.clone();
                    if !allowed && self.refused.len() < MOST_TOLD && self.refused.insert(why.clone()) {
                        let what = tool.kind.name();
                        self.site.reporter.warn(format!("{stage}: `{what}` was refused: {why}"));
                    }
                    self.site.reporter.report(Event::Permission { stage, tool, allowed, why });
                }
                Act::Over(reason) => {
                    self.ear.hear(Said::Ended(reason));
                    turn.over = true;
                }
            }
        }
        turn
    }

    /// The session that it was to go on with is gone: nothing was used in the new one, which gets another prompt.
    fn begin_anew(&mut self) {
        self.ear.resumes(Usage::default());
        if let Some((file, text)) = &self.fresh
            && let Err(error) = write_with_folders(file, text)
        {
            self.site.reporter.warn(format!("cannot keep the prompt in `{}`: {error}", file.display()));
        }
    }

    fn said(&mut self, said: Said) {
        if let Said::Started { session } = &said
            && self.session.is_some()
            && self.session != *session
        {
            self.begin_anew();
        }
        self.ear.hear(said);
    }
}

impl Talk for Talking<'_> {
    fn begin(&mut self) -> Turn {
        let first = std::mem::take(&mut self.first);
        self.turn(first)
    }

    fn hear(&mut self, line: &str) -> Turn {
        let acts = self.client.heard(line);
        self.turn(acts)
    }

    fn aside(&mut self, line: &str) {
        if !line.trim().is_empty() {
            self.ear.hear(Said::Aside(line.to_owned()));
        }
    }

    fn stop(&mut self) -> Turn {
        let acts = self.client.cancel();
        self.turn(acts)
    }

    fn patience(&self) -> Option<Duration> {
        self.client.patience()
    }

    fn silence(&mut self) -> Turn {
        let acts = self.client.quiet();
        self.turn(acts)
    }

    fn gone(&mut self) {
        let has_answered = self.client.has_answered();
        for act in self.client.gone() {
            match act {
                // How the process ended says more than that it did.
                Act::Over(_) if !has_answered => {}
                act => {
                    self.turn(vec![act]);
                }
            }
        }
    }
}
