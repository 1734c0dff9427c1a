//! The messages that this worker holds, as those ask who measure and protect it: how many, how old, how far, and how long they take.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use job::ports::Delivery;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::drain::{JobTime, SoFar};

/// The running jobs of a worker: one a message, however many recordings it asks for.
#[derive(Debug)]
pub(crate) struct Jobs {
    state: Mutex<State>,
    running: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    held: HashMap<u64, Held>,
    time: JobTime,
}

/// A message that is held.
#[derive(Clone, Copy, Debug)]
struct Held {
    received: Instant,
    /// Its age when it was received, if the queue said so.
    age: Option<Duration>,
    /// How much of its job is done, 0 to 1.
    fraction: f64,
}

impl Jobs {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), running: watch::Sender::new(0) })
    }

    /// The job of a message that has just arrived, `now` by the wall clock, runs until the result is dropped.
    pub(crate) fn enter(self: &Arc<Self>, delivery: &Delivery, now: SystemTime) -> Running {
        let age = |sent: SystemTime| now.duration_since(sent).unwrap_or_default();
        let held = Held { received: Instant::now(), age: delivery.sent_at.map(age), fraction: 0.0 };
        let number = {
            let mut state = self.lock();
            let number = state.next;
            state.next += 1;
            state.held.insert(number, held);
            number
        };
        self.running.send_modify(|running| *running += 1);
        Running { jobs: Arc::clone(self), number }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        *self.running.borrow()
    }

    /// Waits until there are some (`busy`), or none.
    pub(crate) async fn until(&self, busy: bool) {
        let mut running = self.running.subscribe();
        // It ends in an error only without a sender, which is ours.
        let _ = running.wait_for(|running| (*running > 0) == busy).await;
    }

    /// Age of the oldest message that is held; none if there is none of known age.
    pub(crate) fn oldest_age(&self) -> Option<Duration> {
        let state = self.lock();
        let ages = state
            .held
            .values()
            .filter_map(|held| Some(held.age?.saturating_add(held.received.elapsed())));
        ages.max()
    }

    /// How long a job takes, as far as this worker knows.
    pub(crate) fn time(&self) -> Duration {
        let state = self.lock();
        let so_far =
            |held: &Held| SoFar { elapsed: held.received.elapsed(), fraction: held.fraction };
        state.time.mean(state.held.values().map(so_far))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job that is running.
#[derive(Debug)]
pub(crate) struct Running {
    jobs: Arc<Jobs>,
    number: u64,
}

impl Running {
    /// It has ended in a publication, and so its time counts.
    pub(crate) fn published(&self) {
        let mut state = self.jobs.lock();
        if let Some(held) = state.held.get(&self.number) {
            let took = held.received.elapsed();
            state.time.ended(took);
        }
    }

    /// Where its progress is told. Does not keep it running.
    pub(crate) fn gauge(&self) -> Gauge {
        Gauge { jobs: Arc::clone(&self.jobs), number: self.number }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.jobs.lock().held.remove(&self.number);
        self.jobs.running.send_modify(|running| *running -= 1);
    }
}

/// Takes the progress of one job.
#[derive(Clone, Debug)]
pub(crate) struct Gauge {
    jobs: Arc<Jobs>,
    number: u64,
}

impl Gauge {
    /// So much of the job is done, 0 to 1.
    pub(crate) fn set(&self, fraction: f64) {
        if let Some(held) = self.jobs.lock().held.get_mut(&self.number) {
            held.fraction = fraction;
        }
    }
}

#[cfg(test)]
mod tests {
    use job::ports::{Clock as _, ReceiptHandle};
    use tokio::time::advance;

    use super::*;
    use crate::fakes::FrozenClock;

    fn delivery(age: Option<u64>) -> Delivery {
        Delivery {
            id: "1".to_owned(),
            body: String::new(),
            receipt: ReceiptHandle("1".to_owned()),
            receive_count: 1,
            sent_at: age.map(|age| FrozenClock.now() - Duration::from_secs(age)),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_of_those_that_are_held_counts() {
        let jobs = Jobs::new();
        assert_eq!((jobs.count(), jobs.oldest_age()), (0, None));
        let unknown = jobs.enter(&delivery(None), FrozenClock.now());
        assert_eq!((jobs.count(), jobs.oldest_age()), (1, None));
        let (old, young) = (
            jobs.enter(&delivery(Some(100)), FrozenClock.now()),
            jobs.enter(&delivery(Some(10)), FrozenClock.now()),
        );
        advance(Duration::from_secs(5)).await;
        assert_eq!(jobs.oldest_age().unwrap().as_secs(), 105);
        drop(old);
        assert_eq!(jobs.oldest_age().unwrap().as_secs(), 15);
        drop((young, unknown));
        assert_eq!((jobs.count(), jobs.oldest_age()), (0, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_set_back_makes_no_message_younger_than_new() {
        let jobs = Jobs::new();
        let mut from_the_future = delivery(None);
        from_the_future.sent_at = Some(FrozenClock.now() + Duration::from_hours(1));
        let _running = jobs.enter(&from_the_future, FrozenClock.now());
        assert_eq!(jobs.oldest_age(), Some(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_projects_its_time_until_one_has_ended() {
        let jobs = Jobs::new();
        let first = jobs.enter(&delivery(None), FrozenClock.now());
        assert_eq!(jobs.time(), Duration::from_mins(1));
        advance(Duration::from_secs(10)).await;
        let gauge = first.gauge();
        gauge.set(0.5);
        assert_eq!(jobs.time(), Duration::from_secs(20));
        advance(Duration::from_secs(30)).await;
        first.published();
        drop(first);
        assert_eq!(jobs.time(), Duration::from_secs(40));
        gauge.set(0.1);
        assert_eq!(jobs.time(), Duration::from_secs(40), "it runs no more");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_hears_of_the_first_and_of_the_last() {
        let jobs = Jobs::new();
        jobs.until(false).await;
        let (held, ()) = tokio::join!(
            async {
                advance(Duration::from_secs(1)).await;
                [
                    jobs.enter(&delivery(None), FrozenClock.now()),
                    jobs.enter(&delivery(None), FrozenClock.now()),
                ]
            },
            jobs.until(true)
        );
        let [one, other] = held;
        drop(one);
        let still_busy = tokio::time::timeout(Duration::from_secs(1), jobs.until(false)).await;
        assert!(still_busy.is_err());
        drop(other);
        jobs.until(false).await;
    }
}
