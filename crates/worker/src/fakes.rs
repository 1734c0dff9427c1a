//! The world in memory, under tokio's clock (paused or not), for tests here and in other crates. Each fake keeps the rules of what it stands
//! for, and is tested for that. Any of them works beside the real ones: the engine leaves real files for any store.

mod engine;
mod fleet;
mod queue;
mod recordings;
mod store;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use job::metric::Metric;
use job::ports::{Clock, Measure, Metrics};

pub use engine::{Behaviour, EngineTask, FakeEngine, source_index};
pub use fleet::FakeFleet;
pub use queue::{Fault, MemoryQueue, Verb};
pub use recordings::{FakeRecordings, recording_message, s3_event_message};
pub use store::{MemoryStore, Stall};

/// What happened in the world, in order. Clones write into the same journal.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Mutex<Vec<Entry>>>);

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// An object of this name was written.
    Wrote(String),
    /// A message was received.
    Received(String),
    /// A message's visibility timeout was set, in whole seconds.
    Visibility(String, u64),
    /// A message was deleted.
    Deleted(String),
    /// A message went to the dead letters.
    Rejected(String),
}

impl Journal {
    /// All entries so far.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        lock(&self.0).clone()
    }

    fn add(&self, entry: Entry) {
        lock(&self.0).push(entry);
    }
}

/// A wall clock that stands still. The messages of [`MemoryQueue`] are sent as long before it as they are old by tokio's clock, which may be
/// paused.
#[derive(Clone, Copy, Debug)]
pub struct FrozenClock;

impl Clock for FrozenClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(500_000)
    }
}

/// Keeps all measurements.
#[derive(Debug, Default)]
pub struct MemoryMetrics(Mutex<Vec<Measure>>);

impl MemoryMetrics {
    /// All measurements of a metric, in order.
    #[must_use]
    pub fn measures(&self, metric: Metric) -> Vec<Measure> {
        lock(&self.0).iter().filter(|measure| measure.metric == metric).cloned().collect()
    }

    /// The values of a metric, in order.
    #[must_use]
    pub fn values(&self, metric: Metric) -> Vec<f64> {
        self.measures(metric).into_iter().map(|measure| measure.value).collect()
    }

    /// The reasons that were measured with a metric, in order.
    #[must_use]
    pub fn reasons(&self, metric: Metric) -> Vec<String> {
        self.measures(metric).into_iter().filter_map(|measure| measure.reason).collect()
    }
}

impl Metrics for MemoryMetrics {
    fn record(&self, measure: Measure) {
        lock(&self.0).push(measure);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_are_kept_by_metric_and_in_order() {
        let metrics = MemoryMetrics::default();
        let failed = |reason: &str| Measure {
            reason: Some(reason.to_owned()),
            ..Measure::new(Metric::JobsFailed, 1.0)
        };
        metrics.record(failed("reject-index"));
        metrics.record(Measure::new(Metric::JobsRunning, 2.0));
        metrics.record(Measure::new(Metric::JobsRunning, 1.0));
        metrics.record(failed("retry-fetch"));
        assert_eq!(metrics.values(Metric::JobsRunning), [2.0, 1.0]);
        assert_eq!(metrics.reasons(Metric::JobsRunning), [""; 0]);
        assert_eq!(metrics.reasons(Metric::JobsFailed), ["reject-index", "retry-fetch"]);
        assert_eq!(metrics.measures(Metric::JobsFailed)[1], failed("retry-fetch"));
        assert!(metrics.values(Metric::JobsDone).is_empty());
    }
}
