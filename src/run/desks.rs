//! The landing worktrees: places where commits are tested, each serving one at a time.
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many places, numbered from 0.
#[derive(Debug)]
pub struct Desks {
    free: Mutex<BTreeSet<usize>>,
    seats: Arc<Semaphore>,
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub struct Desk {
    number: usize,
    desks: Arc<Desks>,
    _seat: Option<OwnedSemaphorePermit>,
}

impl Desks {
    /// At least one.
    pub fn new(count: u32) -> Self {
        let count = usize::try_from(count.max(1)).unwrap_or(1);
        Self { free: Mutex::new((0..count).collect()), seats: Arc::new(Semaphore::new(count)) }
    }

    /// The free one with the smallest number, as soon as one is.
    pub async fn take(self: &Arc<Self>) -> Desk {
        let seat = Arc::clone(&self.seats).acquire_owned().await.ok();
        let number = self.free().pop_first().unwrap_or_default();
        Desk { number, desks: Arc::clone(self), _seat: seat }
    }

    fn free(&self) -> MutexGuard<'_, BTreeSet<usize>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// Its number, from 0.
    pub fn number(&self) -> usize {
        self.number
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.desks.free().insert(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_serves_one_at_a_time() {
        let desks = Arc::new(Desks::new(2));
        let (first, second) = (desks.take().await, desks.take().await);
        assert_eq!((first.number(), second.number()), (0, 1));
        let next = tokio::spawn({
            let desks = Arc::clone(&desks);
            async move { desks.take().await.number() }
        });
        tokio::task::yield_now().await;
        assert!(!next.is_finished());
        drop(second);
        assert_eq!(next.await.unwrap(), 1);
        drop(first);
    }
}
