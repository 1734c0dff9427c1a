//! A world in memory with one kind of recording.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use job::ports::{Depth, Queue as _, QueueError};
use job::profile::Profile;
use job::source::SourceIndex;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::daemon::{Daemon, Settings, Shutdown};
use crate::fakes::{
    FakeEngine, FakeFleet, FakeRecordings, FrozenClock, Journal, MemoryMetrics, MemoryQueue,
    MemoryStore, recording_message, source_index,
};
use crate::fence::Fence;
use crate::line::{Job, Tools};
use crate::profiles::Profiles;
use crate::progress::Unobserved;
use crate::pulse::Pulse;

pub(super) const SETTINGS: Settings = Settings {
    slots: 2,
    visibility: Duration::from_secs(30),
    wait: Duration::from_secs(20),
    drain: Duration::from_mins(1),
    until_empty: true,
    sample: Duration::from_secs(10),
};

pub(super) const FOR_EVER: Settings = Settings { until_empty: false, ..SETTINGS };

pub(super) struct World {
    pub(super) journal: Journal,
    pub(super) queue: Arc<MemoryQueue>,
    pub(super) store: Arc<MemoryStore>,
    pub(super) engine: Arc<FakeEngine>,
    pub(super) metrics: Arc<MemoryMetrics>,
    pub(super) fleet: Arc<FakeFleet>,
    pub(super) pulse: Arc<Pulse>,
    pub(super) tools: Arc<Tools>,
    pub(super) scratch: TempDir,
}

impl World {
    /// Recordings of 12 seconds: three chunks and audio, in two video renditions.
    pub(super) fn new() -> Self {
        Self::with(source_index(12))
    }

    pub(super) fn with(index: SourceIndex) -> Self {
        let journal = Journal::default();
        let store = Arc::new(MemoryStore::new(journal.clone()));
        let engine = Arc::new(FakeEngine::new(index));
        let scratch = tempfile::tempdir().unwrap();
        let reference = Profile::shipped("reference").unwrap().unwrap();
        let tools = Tools {
            store: Arc::<MemoryStore>::clone(&store),
            recordings: Arc::new(FakeRecordings),
            engine: Arc::<FakeEngine>::clone(&engine),
            profiles: Profiles::new(reference),
            scratch: scratch.path().to_owned(),
            chunks_in_flight: NonZeroUsize::new(2).unwrap(),
            source_first: false,
        };
        Self {
            queue: Arc::new(MemoryQueue::new(50, journal.clone())),
            journal,
            store,
            engine,
            metrics: Arc::default(),
            fleet: Arc::default(),
            pulse: Arc::default(),
            tools: Arc::new(tools),
            scratch,
        }
    }

    /// The job of a recording, without a queue.
    pub(super) fn job(&self, stream: &str) -> Job {
        self.cancellable_job(stream, CancellationToken::new())
    }

    pub(super) fn cancellable_job(&self, stream: &str, cancelled: CancellationToken) -> Job {
        Job {
            recording: recording_message(stream).recording().unwrap(),
            tools: Arc::clone(&self.tools),
            fence: Fence::new(cancelled),
            observer: Arc::new(Unobserved),
        }
    }

    pub(super) fn daemon(&self, settings: Settings) -> Daemon {
        Daemon {
            queue: Arc::<MemoryQueue>::clone(&self.queue),
            tools: Arc::clone(&self.tools),
            metrics: Arc::<MemoryMetrics>::clone(&self.metrics),
            clock: Arc::new(FrozenClock),
            fleet: Some(Arc::<FakeFleet>::clone(&self.fleet)),
            pulse: Arc::clone(&self.pulse),
            settings,
        }
    }

    pub(super) async fn work_until_empty(&self) {
        self.daemon(SETTINGS).run(Shutdown::default()).await.unwrap();
    }

    pub(super) async fn send(&self, stream: &str) {
        self.queue.send(&recording_message(stream).to_body()).await.unwrap();
    }

    /// Starts a daemon that goes on until it is told to stop.
    pub(super) fn start(&self, shutdown: &Shutdown) -> JoinHandle<Result<(), QueueError>> {
        tokio::spawn(self.daemon(FOR_EVER).run(shutdown.clone()))
    }

    pub(super) async fn depth(&self) -> Depth {
        self.queue.depth().await.unwrap()
    }

    /// Names of objects that end so.
    pub(super) fn names(&self, ending: &str) -> Vec<String> {
        self.store.objects().into_keys().filter(|name| name.ends_with(ending)).collect()
    }

    pub(super) fn leftovers(&self) -> usize {
        std::fs::read_dir(self.scratch.path()).unwrap().count()
    }
}
