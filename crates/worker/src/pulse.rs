//! The pulse of a daemon: what a watchdog asks to find out whether it still does its work.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Longest pause between receives that fail.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How much longer than it should something may take before the daemon counts as stuck: a machine that swaps or sleeps is slow, not stuck.
const GRACE: Duration = Duration::from_mins(1);

/// What a daemon's receive loop is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activity {
    /// It has not begun.
    #[default]
    Starting,
    /// It asks the queue for a message.
    Receiving {
        /// How long the queue may wait for one.
        wait: Duration,
    },
    /// All slots are taken. Jobs take as long as they take.
    WaitingForSlot,
    /// A receive has failed, and the next is not due.
    Pausing,
    /// It receives no more; jobs are finished or stopped.
    Draining,
}

impl Activity {
    /// How long it may last; none if nobody can say.
    fn longest(self) -> Option<Duration> {
        match self {
            Self::Receiving { wait } => Some(wait.saturating_add(GRACE)),
            Self::Pausing => Some(LONGEST_PAUSE + GRACE),
            Self::Starting | Self::WaitingForSlot | Self::Draining => None,
        }
    }
}

/// What a daemon is doing, and since when. Shared by the daemon and whoever watches it.
#[derive(Debug)]
pub struct Pulse(Mutex<(Activity, Instant)>);

impl Default for Pulse {
    /// Of a daemon that has not begun.
    fn default() -> Self {
        Self(Mutex::new((Activity::default(), Instant::now())))
    }
}

impl Pulse {
    /// What the daemon is doing.
    #[must_use]
    pub fn activity(&self) -> Activity {
        self.get().0
    }

    /// False only if it has been doing something for much longer than that can take.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let (activity, since) = self.get();
        activity.longest().is_none_or(|longest| since.elapsed() <= longest)
    }

    pub(crate) fn enter(&self, activity: Activity) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (activity, Instant::now());
    }

    fn get(&self) -> (Activity, Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_cannot_take_so_long_is_a_fault() {
        let wait = Duration::from_secs(20);
        for (activity, longest) in [
            (Activity::Starting, None),
            (Activity::Receiving { wait }, Some(80)),
            (Activity::Receiving { wait: Duration::MAX }, None),
            (Activity::WaitingForSlot, None),
            (Activity::Pausing, Some(90)),
            (Activity::Draining, None),
        ] {
            let pulse = Pulse::default();
            pulse.enter(activity);
            assert_eq!(pulse.activity(), activity);
            advance(Duration::from_secs(longest.unwrap_or(1_000_000))).await;
            assert!(pulse.is_alive(), "{activity:?}");
            advance(Duration::from_secs(1)).await;
            assert_eq!(pulse.is_alive(), longest.is_none(), "{activity:?}");
            pulse.enter(activity);
            assert!(pulse.is_alive(), "it began anew");
        }
    }
}
