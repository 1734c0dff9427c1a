//! What receives say of the queue, and how long to pause for that.

use std::time::Duration;

use job::ports::QueueError;

use crate::events;
use crate::pulse::LONGEST_PAUSE;

/// Pause after the first receive that failed; doubled after each more.
pub(crate) const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// What receives say of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// Nothing was received yet.
    Unknown,
    /// The last receive succeeded.
    Well,
    /// The last receives failed.
    Ill { failures: u32, error: String },
}

impl Health {
    pub(crate) fn recovered(self) -> Self {
        if matches!(self, Self::Ill { .. }) {
            events::receive_recovered();
        }
        Self::Well
    }

    /// Logs an error only if the one before was another.
    pub(crate) fn failed(self, error: &QueueError) -> Self {
        let sentence = error.to_string();
        let (failures, is_known) = match self {
            Self::Unknown | Self::Well => (0, false),
            Self::Ill { failures, error } => (failures, error == sentence),
        };
        if !is_known {
            events::receive_failed(error);
        }
        Self::Ill { failures: failures.saturating_add(1), error: sentence }
    }

    pub(crate) fn pause(&self) -> Duration {
        match self {
            Self::Unknown | Self::Well => Duration::ZERO,
            Self::Ill { failures, .. } => {
                let doublings = failures.saturating_sub(1).min(16);
                (SHORTEST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE)
            }
        }
    }
}
