//! The daemon as another crate sees it, with the fakes that stand in for what that crate does not test, on the real clock.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use job::metric::Metric;
use job::ports::{Depth, Queue, Store};
use job::profile::Profile;
use worker::daemon::{Daemon, Settings, Shutdown};
use worker::fakes::{
    Behaviour, EngineTask, FakeEngine, FakeFleet, FakeRecordings, FrozenClock, Journal,
    MemoryMetrics, MemoryQueue, MemoryStore, recording_message, s3_event_message, source_index,
};
use worker::line::Tools;
use worker::profiles::Profiles;
use worker::pulse::{Activity, Pulse};

const SETTINGS: Settings = Settings {
    slots: 2,
    visibility: Duration::from_secs(10),
    wait: Duration::from_secs(1),
    drain: Duration::from_secs(5),
    until_empty: true,
    sample: Duration::from_secs(1),
};

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_done_on_the_real_clock_over_any_queue_and_store() {
    let journal = Journal::default();
    let memory_store = Arc::new(MemoryStore::new(journal.clone()));
    let memory_queue = Arc::new(MemoryQueue::new(50, journal));
    let store: Arc<dyn Store> = Arc::<MemoryStore>::clone(&memory_store);
    let queue: Arc<dyn Queue> = Arc::<MemoryQueue>::clone(&memory_queue);
    let engine = Arc::new(FakeEngine::taking(Duration::from_millis(20), source_index(12)));
    engine.behave(EngineTask::Chunk(1), Behaviour::Take(Duration::from_millis(300)));
    let (metrics, fleet) = (Arc::new(MemoryMetrics::default()), Arc::new(FakeFleet::default()));
    let pulse = Arc::new(Pulse::default());
    let scratch = tempfile::tempdir().unwrap();
    let daemon = Daemon {
        queue: Arc::clone(&queue),
        tools: Arc::new(Tools {
            store: Arc::clone(&store),
            recordings: Arc::new(FakeRecordings),
            engine,
            profiles: Profiles::new(Profile::shipped("reference").unwrap().unwrap()),
            scratch: scratch.path().to_owned(),
            chunks_in_flight: NonZeroUsize::new(2).unwrap(),
            source_first: false,
        }),
        metrics: Arc::<MemoryMetrics>::clone(&metrics),
        clock: Arc::new(FrozenClock),
        fleet: Some(Arc::<FakeFleet>::clone(&fleet)),
        pulse: Arc::clone(&pulse),
        settings: SETTINGS,
    };
    for body in [
        recording_message("a").to_body(),
        s3_event_message(&["b.flv", "c.flv"]),
        s3_event_message(&["missing.flv"]),
    ] {
        queue.send(&body).await.unwrap();
    }
    daemon.run(Shutdown::default()).await.unwrap();
    assert_eq!(queue.depth().await.unwrap(), Depth { dead: 1, ..Depth::default() });
    assert!(memory_queue.dead_letters()[0].reason.contains("missing.flv"));
    let published = |name: &&String| name.ends_with("done.json");
    assert_eq!(memory_store.objects().keys().filter(published).count(), 3);
    assert!(store.get("b/master.m3u8").await.unwrap().is_some());
    assert_eq!(metrics.values(Metric::JobsDone), [1.0, 1.0, 1.0]);
    assert_eq!(metrics.reasons(Metric::JobsFailed), ["reject-fetch"]);
    let jobs = metrics.values(Metric::JobsRunning);
    assert!(!jobs.is_empty() && jobs.iter().all(|jobs| *jobs <= 2.0), "{jobs:?}");
    assert_eq!(fleet.calls(), [true]);
    assert_eq!(pulse.activity(), Activity::Draining);
    assert!(pulse.is_alive());
}
