//! The wish that something running should end: asked once with grace, asked twice at once.
use std::sync::Arc;
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
#[derive(Debug, Clone)]
pub struct Stop {
    urgency: Arc<watch::Sender<Urgency>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { urgency: Arc::new(watch::Sender::new(Urgency::None)) }
    }
}

impl Stop {
    /// A stop that nobody asked for yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks: with grace the first time, at once every further time.
    pub fn request(&self) {
        self.raise(match self.urgency() {
            Urgency::None => Urgency::Graceful,
            Urgency::Graceful | Urgency::AtOnce => Urgency::AtOnce,
        });
    }

    /// Asks for an end at once.
    pub fn at_once(&self) {
        self.raise(Urgency::AtOnce);
    }

    /// What was asked so far.
    pub fn urgency(&self) -> Urgency {
        *self.urgency.borrow()
    }

    /// Waits until more than `known` is asked, and says what.
    pub async fn beyond(&self, known: Urgency) -> Urgency {
        let mut changes = self.urgency.subscribe();
        let asked = changes.wait_for(|urgency| *urgency > known).await.map(|urgency| *urgency);
        match asked {
            Ok(urgency) => urgency,
            // `self` holds the sender, so it cannot be closed while this waits.
            Err(_) => std::future::pending().await,
        }
    }

    fn raise(&self, to: Urgency) {
        self.urgency.send_if_modified(|urgency| {
            let raised = to > *urgency;
            *urgency = to.max(*urgency);
            raised
        });
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
}
