//! The wish that something running should end: asked once with grace, asked twice at once.
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::watch;

/// How urgently something is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Urgency {
    /// Nobody asked.
    #[default]
    None,
    /// With grace.
    Graceful,
    /// At once.
    AtOnce,
}

/// Asks what runs under it to end. Clones speak for the same thing.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    asked: Arc<Asked>,
}

#[derive(Debug, Default)]
struct Asked {
    urgency: watch::Sender<Urgency>,
    narrower: Mutex<Vec<Weak<Asked>>>,
}

impl Stop {
    /// A stop that nobody asked for yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A stop for a part of what runs under this one: it hears what this one is asked, and not the other way.
    #[must_use]
    pub fn narrower(&self) -> Self {
        let mut all = self.asked.narrower.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| one.strong_count() > 0);
        let part = Self::default();
        part.asked.raise(self.urgency());
        all.push(Arc::downgrade(&part.asked));
        part
    }

    /// Asks: with grace the first time, at once every further time.
    pub fn request(&self) {
        self.asked.raise(match self.urgency() {
            Urgency::None => Urgency::Graceful,
            Urgency::Graceful | Urgency::AtOnce => Urgency::AtOnce,
        });
    }

    /// Asks for an end at once.
    pub fn at_once(&self) {
        self.asked.raise(Urgency::AtOnce);
    }

    /// What was asked so far.
    pub fn urgency(&self) -> Urgency {
        *self.asked.urgency.borrow()
    }

    /// Waits until more than `known` is asked, and says what.
    pub async fn beyond(&self, known: Urgency) -> Urgency {
        let mut changes = self.asked.urgency.subscribe();
        let asked = changes.wait_for(|urgency| *urgency > known).await.map(|urgency| *urgency);
        match asked {
            Ok(urgency) => urgency,
            // `self` holds the sender, so it cannot be closed while this waits.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Asked {
    fn raise(&self, to: Urgency) {
        let all = self.narrower.lock().unwrap_or_else(PoisonError::into_inner);
        self.urgency.send_if_modified(|urgency| {
            let raised = to > *urgency;
            *urgency = to.max(*urgency);
            raised
        });
        for part in all.iter().filter_map(Weak::upgrade) {
            part.raise(to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn asked_once_is_graceful_and_twice_at_once() {
        let stop = Stop::new();
        assert_eq!(stop.urgency(), Urgency::None);
        stop.clone().request();
        assert_eq!(stop.beyond(Urgency::None).await, Urgency::Graceful);
        stop.request();
        assert_eq!(stop.beyond(Urgency::Graceful).await, Urgency::AtOnce);
        stop.request();
        assert_eq!(stop.urgency(), Urgency::AtOnce);
    }

    #[tokio::test]
    async fn a_part_hears_of_the_whole_and_the_whole_not_of_a_part() {
        let whole = Stop::new();
        let (one, other) = (whole.narrower(), whole.narrower());
        one.request();
        assert_eq!((whole.urgency(), other.urgency()), (Urgency::None, Urgency::None));
        assert_eq!(one.beyond(Urgency::None).await, Urgency::Graceful);
        whole.request();
        assert_eq!(other.beyond(Urgency::None).await, Urgency::Graceful);
        assert_eq!(whole.narrower().urgency(), Urgency::Graceful, "also one made later");
        whole.at_once();
        assert_eq!(one.beyond(Urgency::Graceful).await, Urgency::AtOnce);
    }
}
