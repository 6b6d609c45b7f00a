//! Who commits, asked of git once for a repository.
use super::commit::Signature;
use super::repo::Git;
use std::time::{SystemTime, UNIX_EPOCH};

/// Environment names that say when a commit was made, in whatever form git understands.
const DATES: [&str; 2] = ["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"];

/// Author and committer as a commit names them, without the date: `Ada <ada@example.org>`; and the zone of their clock.
#[derive(Debug)]
pub(super) struct People {
    author: String,
    committer: String,
    zone: String,
}

/// The lines of a commit that say who made it and when.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) author: String,
    pub(super) committer: String,
}

impl People {
    /// Those that git names. `None`: it knows nobody, or says of each commit anew when it was made.
    pub(super) fn of(git: &Git) -> Option<Self> {
        if DATES.iter().any(|name| std::env::var_os(name).is_some()) {
            return None;
        }
        let (author, _) = git.person("GIT_AUTHOR_IDENT")?;
        let (committer, zone) = git.person("GIT_COMMITTER_IDENT")?;
        Some(Self { author, committer, zone })
    }

    /// Signs what is made now.
    pub(super) fn sign(&self) -> Option<Signed> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        let zone = &self.zone;
        let signed = |who: &str| format!("{who} {now} {zone}");
        Some(Signed { author: signed(&self.author), committer: signed(&self.committer) })
    }
}

impl Signed {
    /// By one who is known. `None`: git would write the name in another way.
    pub(super) fn by(who: &Signature) -> Option<Self> {
        let line = format!("{} <{}> {} +0000", who.name, who.email, who.time);
        (is_plain(&who.name) && is_plain(&who.email)).then(|| Self { author: line.clone(), committer: line })
    }
}

/// Whether git takes a name as it is: it drops some characters everywhere, and more of them at the ends.
fn is_plain(name: &str) -> bool {
    let at_ends = |c: char| c <= ' ' || matches!(c, '.' | ',' | ':' | ';' | '"' | '\\' | '\'');
    !name.is_empty()
        && !name.contains(['<', '>', '\n', '\0'])
        && !name.starts_with(at_ends)
        && !name.ends_with(at_ends)
}

impl Git {
    /// `Ada <ada@example.org>` and `+0100`.
    fn person(&self, name: &str) -> Option<(String, String)> {
        let said = self.line(["var", name]).ok()?;
        let mut parts = said.rsplitn(3, ' ');
        let (zone, _time, who) = (parts.next()?, parts.next()?, parts.next()?);
        (who.ends_with('>') && zone.starts_with(['+', '-'])).then(|| (who.to_owned(), zone.to_owned()))
    }
}
