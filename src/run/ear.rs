//! Hears what one process says, however it speaks, and passes it on: to the faces, the meter, and to whoever
//! judges the attempt.
use super::attempt::Prepared;
use super::leak::Named;
use super::parts::Part;
use super::report::now_millis;
use super::sessions::Session;
use super::site::Site;
use super::spent::Meter;
use super::told::Told;
use crate::agent::dialect::Said;
use crate::agent::refusal::refusal;
use crate::base::{AgentName, StageId};
use crate::event::{Event, Usage};
use std::path::PathBuf;

/// Listens to one process of an attempt.
pub(super) struct Ear<'a> {
    site: &'a Site,
    id: &'a StageId,
    agent: Option<&'a AgentName>,
    worktree: PathBuf,
    meter: Meter<'a>,
    refused: &'a mut Option<String>,
    named: &'a mut Named,
    /// What was told of the session that it goes on with, and of it since.
    before: Usage,
    used: Usage,
    session: Option<Session>,
    told: Told,
}

impl<'a> Ear<'a> {
    /// Listens to one of the processes of an attempt.
    pub(super) fn new(site: &'a Site, prepared: &'a mut Prepared, part: &'a Part, told: Told) -> Self {
        let worktree = prepared.worktree().top().to_owned();
        let Prepared { id, used, refused, named, .. } = prepared;
        let meter = site.meter(id, part.price, used);
        let agent = part.agent.as_ref();
        let (before, used) = (Usage::default(), Usage::default());
        Self { site, id, agent, worktree, meter, refused, named, before, used, session: None, told }
    }

    /// It goes on with a session of which so much was told before.
    pub(super) fn resumes(&mut self, before: Usage) {
        self.before = before;
    }

    /// It is over; gives what it said of itself.
    pub(super) fn end(mut self) -> Told {
        if self.told.is_broken_off() {
            self.meter.breaks_off();
        }
        self.told
    }

    /// What was told of its session is told once, even if nobody lives to hear its end.
    fn remember(&mut self) {
        if let (Some(session), Some(agent)) = (&mut self.session, self.agent) {
            session.used = self.before.plus(self.used);
            self.site.remember_session(self.id, agent, Some(session));
        }
    }

    /// Hears one thing.
    pub(super) fn hear(&mut self, said: Said) {
        self.told.hear(&said);
        self.named.hear(&said, &self.worktree);
        let stage = self.id.clone();
        let event = match said {
            Said::Text(line) => {
                if self.agent.is_some()
                    && let Some(why) = refusal(&line)
                {
                    *self.refused = Some(why);
                }
                Event::Output { stage, line }
            }
            Said::Aside(line) => Event::Output { stage, line },
            Said::Tool(tool) => Event::Tool { stage, tool },
            Said::Plan { done, total } => Event::Planned { stage, done, total },
            Said::Retrying { why, millis } => {
                let until = millis.map(|millis| now_millis().saturating_add(millis));
                Event::Retrying { stage, why, until }
            }
            Said::Usage(used) => {
                self.used = self.used.plus(used);
                self.meter.take(used);
                return self.remember();
            }
            Said::Started { session } => {
                let Some(agent) = self.agent.cloned() else { return };
                self.session = session.clone().map(|id| Session { id, used: self.before.plus(self.used) });
                self.site.remember_session(&stage, &agent, self.session.as_ref());
                Event::SessionStarted { stage, agent, session }
            }
            Said::Ended(_) => return,
        };
        self.site.reporter.report(event);
    }
}
