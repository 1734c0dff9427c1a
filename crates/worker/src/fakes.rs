//! The world in memory, under tokio's clock, for tests here and in other crates. Each fake keeps the rules of what it stands for, and is
//! tested for that.

mod engine;
mod queue;
mod recordings;
mod store;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use job::ports::{Measure, Metrics};

pub use engine::{Behaviour, EngineTask, FakeEngine, source_index};
pub use queue::{Fault, MemoryQueue, Verb};
pub use recordings::{FakeRecordings, recording_message};
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

/// Keeps all measurements.
#[derive(Debug, Default)]
pub struct MemoryMetrics(Mutex<Vec<Measure>>);

impl MemoryMetrics {
    /// The values measured under a name, in order.
    #[must_use]
    pub fn values(&self, name: &str) -> Vec<f64> {
        lock(&self.0).iter().filter(|m| m.name == name).map(|m| m.value).collect()
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
