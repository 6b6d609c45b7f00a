//! What people ask of a run that is on: one small file a request, in `.specmake/requests`, and one with the
//! answer. Whoever asks sees to it themselves if the run ends before it has answered.
use super::attempt::blocking;
use super::holding::Release;
use crate::base::SpecName;
use crate::sys::files;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// Between two looks of a run.
const LOOK: Duration = Duration::from_millis(500);

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wish", rename_all = "kebab-case")]
pub enum Wish {
    /// End what runs of the spec, with grace, and hold it.
    Stop {
        /// Said in `status`.
        why: Option<String>,
    },
    /// Hold it once what runs of it has ended.
    Hold {
        /// Said in `status`.
        why: Option<String>,
    },
    /// Let it try again.
    Retry(Release),
}

/// Who asks what, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Of the run of this process.
    pub run: u32,
    /// The process that asks.
    pub by: u32,
    /// When, in milliseconds since the Unix epoch.
    pub at: u64,
    /// About which spec.
    pub spec: SpecName,
    /// What.
    #[serde(flatten)]
    pub wish: Wish,
}

/// What a run says to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// It is held, and that is on record.
    Held,
    /// It will be held when this stage has ended.
    Soon {
        /// The stage that runs.
        stage: String,
    },
    /// It goes on, in this run.
    GoesOn {
        /// What there is to know of where its work is kept.
        told: Vec<String>,
    },
    /// This run does not build it, or is done with it.
    NotHere,
    /// There is nothing to do about it.
    Nothing {
        /// Why.
        why: String,
    },
    /// It did not work out.
    Failed {
        /// Why.
        why: String,
    },
}

/// A request as the loop of a run hears it.
#[derive(Debug)]
pub struct Heard {
    /// About which spec.
    pub spec: SpecName,
    /// What.
    pub wish: Wish,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Answer>,
}

/// Where requests lie.
#[derive(Debug, Clone)]
pub struct Desk {
    folder: PathBuf,
}

/// One request on the desk.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ticket(String);

impl Desk {
    /// The desk of a repository, in its state folder.
    pub fn of(state_dir: &Path) -> Self {
        Self { folder: state_dir.join("requests") }
    }

    /// Puts a request there.
    ///
    /// # Errors
    /// The state folder cannot be written.
    pub fn ask(&self, request: &Request) -> io::Result<Ticket> {
        let ticket = Ticket(format!("{}-{}-{}", request.at, request.by, request.spec));
        self.write(&ticket, "ask", request)?;
        Ok(ticket)
    }

    /// The answer, if there is one yet.
    pub fn answered(&self, ticket: &Ticket) -> Option<Answer> {
        read(&self.file(ticket, "answer"))
    }

    /// Takes a request and its answer away.
    pub fn clear(&self, ticket: &Ticket) {
        for part in ["ask", "answer"] {
            // One that is gone already is as good.
            drop(std::fs::remove_file(self.file(ticket, part)));
        }
        drop(std::fs::remove_dir(&self.folder));
    }

    /// The requests to the run of this process.
    fn asked(&self, run: u32) -> Vec<(Ticket, Request)> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        let ticket = |entry: std::fs::DirEntry| {
            Some(Ticket(entry.file_name().to_str()?.strip_suffix(".ask")?.to_owned()))
        };
        let mut tickets: Vec<Ticket> = entries.flatten().filter_map(ticket).collect();
        tickets.sort_by(|a, b| a.0.cmp(&b.0));
        let request = |ticket: Ticket| read(&self.file(&ticket, "ask")).map(|request| (ticket, request));
        tickets
            .into_iter()
            .filter_map(request)
            .filter(|(_, request): &(_, Request)| request.run == run)
            .collect()
    }

    fn write(&self, ticket: &Ticket, part: &str, what: &impl Serialize) -> io::Result<()> {
        files::replace(&self.file(ticket, part), &serde_json::to_vec(what)?)
    }

    fn file(&self, ticket: &Ticket, part: &str) -> PathBuf {
        self.folder.join(format!("{}.{part}", ticket.0))
    }
}

fn read<T: DeserializeOwned>(file: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

/// Brings what lies on the desk before the loop, and the loop's answers back, until the loop is over.
pub async fn listen(desk: Desk, run: u32, to: mpsc::Sender<Heard>) {
    let mut known = HashSet::new();
    let mut answers = JoinSet::new();
    loop {
        let looking = desk.clone();
        for (ticket, Request { spec, wish, .. }) in blocking(move || looking.asked(run)).await {
            if !known.insert(ticket.clone()) {
                continue;
            }
            let (answer, said) = oneshot::channel();
            if to.send(Heard { spec, wish, answer }).await.is_err() {
                break;
            }
            let desk = desk.clone();
            answers.spawn(async move {
                // A loop that is over says nothing more; then whoever asks finds that no run is on.
                let Ok(answer) = said.await else { return };
                blocking(move || drop(desk.write(&ticket, "answer", &answer))).await;
            });
        }
        tokio::select! {
            () = to.closed() => break,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    while answers.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(run: u32, spec: &str) -> Request {
        let spec = SpecName::new(spec).unwrap();
        Request { run, by: 7, at: 1, spec, wish: Wish::Stop { why: None } }
    }

    #[tokio::test]
    async fn a_request_is_heard_once_and_answered() {
        let place = tempfile::tempdir().unwrap();
        let desk = Desk::of(place.path());
        let other = desk.ask(&request(2, "b")).unwrap();
        let ticket = desk.ask(&request(1, "a")).unwrap();
        let (to, mut heard) = mpsc::channel(1);
        let listening = tokio::spawn(listen(desk.clone(), 1, to));
        let first = heard.recv().await.unwrap();
        assert_eq!((first.spec.as_str(), first.wish), ("a", Wish::Stop { why: None }));
        first.answer.send(Answer::Held).unwrap();
        drop(heard);
        listening.await.unwrap();
        assert_eq!(desk.answered(&ticket), Some(Answer::Held));
        assert_eq!(desk.answered(&other), None, "that one is for another run");
        desk.clear(&ticket);
        assert_eq!((desk.answered(&ticket), desk.asked(1)), (None, vec![]));
        desk.clear(&other);
        assert!(!place.path().join("requests").exists(), "nothing is left of them");
    }

    #[test]
    fn a_request_reads_as_it_was_written() {
        let release = Release { clean: true, ..Release::default() };
        for wish in [Wish::Hold { why: Some("x".into()) }, Wish::Retry(release)] {
            let request = Request { wish, ..request(1, "a") };
            let text = serde_json::to_string(&request).unwrap();
            assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request, "{text}");
        }
    }
}
