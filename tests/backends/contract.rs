//! What the worker does over every backend.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use job::metric::Metric;
use job::ports::{DeadLetter, Depth, Queue, Store};
use job::profile::Profile;
use tempfile::TempDir;
use worker::daemon::{Daemon, Settings, Shutdown};
use worker::fakes::{
    Behaviour, EngineTask, FakeEngine, FakeRecordings, MemoryMetrics, recording_message,
    s3_event_message, source_index,
};
use worker::line::Tools;
use worker::profiles::Profiles;

/// A queue and a store, empty at first.
#[async_trait]
pub trait Backend: Sync {
    /// The queue as one more worker connects to it.
    fn queue(&self) -> Arc<dyn Queue>;

    /// The store as one more worker connects to it.
    fn store(&self) -> Arc<dyn Store>;

    async fn dead_letters(&self) -> Vec<DeadLetter>;

    /// The names of all objects.
    fn names(&self) -> Vec<String>;
}

const SETTINGS: Settings = Settings {
    slots: 2,
    visibility: Duration::from_secs(10),
    wait: Duration::from_secs(1),
    drain: Duration::from_secs(5),
    until_empty: true,
    sample: Duration::from_secs(1),
};
/// How long a task of the engine takes.
const TASK: Duration = Duration::from_millis(20);

/// A worker with an engine of its own. Recordings are three chunks and audio long.
struct Worker {
    engine: Arc<FakeEngine>,
    metrics: Arc<MemoryMetrics>,
    scratch: TempDir,
}

impl Worker {
    fn new() -> Self {
        Self {
            engine: Arc::new(FakeEngine::taking(TASK, source_index(12))),
            metrics: Arc::default(),
            scratch: tempfile::tempdir().unwrap(),
        }
    }

    fn daemon(&self, backend: &impl Backend, settings: Settings) -> Daemon {
        Daemon {
            queue: backend.queue(),
            tools: Arc::new(Tools {
                store: backend.store(),
                recordings: Arc::new(FakeRecordings),
                engine: Arc::<FakeEngine>::clone(&self.engine),
                profiles: Profiles::new(Profile::shipped("reference").unwrap().unwrap()),
                scratch: self.scratch.path().to_owned(),
                chunks_in_flight: NonZeroUsize::new(2).unwrap(),
                source_first: false,
            }),
            metrics: Arc::<MemoryMetrics>::clone(&self.metrics),
            clock: Arc::new(local::SystemClock),
            fleet: None,
            pulse: Arc::default(),
            settings,
        }
    }

    async fn work_until_empty(&self, backend: &impl Backend) {
        self.daemon(backend, SETTINGS).run(Shutdown::default()).await.unwrap();
    }

    fn calls_of(&self, task: EngineTask) -> usize {
        self.engine.calls().into_iter().filter(|call| *call == task).count()
    }
}

async fn send(backend: &impl Backend, body: &str) {
    backend.queue().send(body).await.unwrap();
}

fn ending(backend: &impl Backend, ending: &str) -> Vec<String> {
    let mut names = backend.names();
    names.retain(|name| name.ends_with(ending));
    names.sort();
    names
}

async fn assert_empty(backend: &impl Backend, dead: u64) {
    let depth = backend.queue().depth().await.unwrap();
    let Depth { visible, in_flight, delayed, dead: found, .. } = depth;
    assert_eq!((visible, in_flight, delayed, found), (0, 0, 0, dead));
}

/// Every object's version, to see whether anything changes.
async fn versions(backend: &impl Backend) -> Vec<(String, String)> {
    let mut versions = Vec::new();
    for name in backend.names() {
        let object = backend.store().get(&name).await.unwrap().unwrap();
        versions.push((name, object.version.0));
    }
    versions.sort();
    versions
}

pub async fn recordings_are_published_and_their_messages_deleted(backend: &impl Backend) {
    let worker = Worker::new();
    for stream in ["a", "b", "c"] {
        send(backend, &recording_message(stream).to_body()).await;
    }
    worker.work_until_empty(backend).await;
    assert_empty(backend, 0).await;
    assert_eq!(ending(backend, "/master.m3u8").len(), 3);
    assert_eq!(ending(backend, "/done.json").len(), 3);
    assert_eq!(worker.metrics.values(Metric::JobsDone), [1.0; 3]);
    // Whatever a playlist names is there.
    for playlist in ending(backend, "/media.m3u8") {
        let (folder, _) = playlist.rsplit_once('/').unwrap();
        let text = backend.store().get(&playlist).await.unwrap().unwrap().bytes;
        let text = String::from_utf8(text).unwrap();
        for uri in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let size = backend.store().size(&format!("{folder}/{uri}")).await.unwrap();
            assert!(size.is_some_and(|size| size > 0), "{playlist} names {uri}");
        }
    }
}

pub async fn every_record_of_an_event_is_published_and_a_test_event_is_dropped(
    backend: &impl Backend,
) {
    let worker = Worker::new();
    send(backend, r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"in"}"#).await;
    send(backend, &s3_event_message(&["live/a.flv", "live/b.flv"])).await;
    worker.work_until_empty(backend).await;
    assert_empty(backend, 0).await;
    assert_eq!(ending(backend, "/master.m3u8"), ["live/a/master.m3u8", "live/b/master.m3u8"]);
}

pub async fn what_cannot_be_published_is_a_dead_letter_with_its_reason(backend: &impl Backend) {
    let worker = Worker::new();
    for body in [
        "junk".to_owned(),
        recording_message("missing").to_body(),
        recording_message("good").to_body(),
    ] {
        send(backend, &body).await;
    }
    worker.work_until_empty(backend).await;
    assert_empty(backend, 2).await;
    let mut reasons: Vec<_> = backend.dead_letters().await.into_iter().map(|l| l.reason).collect();
    reasons.sort();
    assert!(reasons[0].starts_with("the message is not JSON"), "{reasons:?}");
    assert!(reasons[1].starts_with("there is no recording at"), "{reasons:?}");
    assert_eq!(ending(backend, "/master.m3u8").len(), 1);
}

pub async fn a_message_that_comes_twice_changes_nothing(backend: &impl Backend) {
    let worker = Worker::new();
    send(backend, &recording_message("a").to_body()).await;
    worker.work_until_empty(backend).await;
    let before = versions(backend).await;
    send(backend, &recording_message("a").to_body()).await;
    worker.work_until_empty(backend).await;
    assert_eq!(versions(backend).await, before);
    assert_eq!(worker.calls_of(EngineTask::Index), 1);
    assert_empty(backend, 0).await;
}

pub async fn two_workers_on_one_recording_publish_once(backend: &impl Backend) {
    let (one, other) = (Worker::new(), Worker::new());
    for _ in 0..2 {
        send(backend, &recording_message("a").to_body()).await;
    }
    tokio::join!(one.work_until_empty(backend), other.work_until_empty(backend));
    assert_empty(backend, 0).await;
    assert_eq!(ending(backend, "/done.json").len(), 1);
    assert_eq!(ending(backend, "/master.m3u8").len(), 1);
    // A report for each chunk and the audio, whoever wrote it.
    let reports = backend.names().into_iter().filter(|name| name.contains("/chunks/"));
    assert_eq!(reports.count(), 4);
}

pub async fn a_job_that_is_handed_back_goes_on_where_it_was(backend: &impl Backend) {
    let (first, second) = (Worker::new(), Worker::new());
    first.engine.behave(EngineTask::Chunk(2), Behaviour::Hang);
    send(backend, &recording_message("a").to_body()).await;
    let shutdown = Shutdown::default();
    let settings = Settings { until_empty: false, ..SETTINGS };
    let working = tokio::spawn(first.daemon(backend, settings).run(shutdown.clone()));
    // All but the chunk that hangs are committed.
    let began = Instant::now();
    while backend.names().iter().filter(|name| name.contains("/chunks/")).count() < 3 {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", backend.names());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    shutdown.hard.cancel();
    working.await.unwrap().unwrap();
    assert_eq!(backend.queue().depth().await.unwrap().visible, 1, "visible at once");
    assert!(ending(backend, "/master.m3u8").is_empty());

    second.work_until_empty(backend).await;
    assert_empty(backend, 0).await;
    assert_eq!(ending(backend, "/master.m3u8").len(), 1);
    assert_eq!(second.engine.calls(), [EngineTask::Index, EngineTask::Chunk(2)]);
}

pub async fn a_long_job_is_not_delivered_again(backend: &impl Backend) {
    let (busy, idle) = (Worker::new(), Worker::new());
    let (visibility, long) = (Duration::from_secs(3), Duration::from_secs(8));
    busy.engine.behave(EngineTask::Chunk(0), Behaviour::Take(long));
    send(backend, &recording_message("a").to_body()).await;
    let settings = Settings { visibility, ..SETTINGS };
    let working = tokio::spawn(busy.daemon(backend, settings).run(Shutdown::default()));
    tokio::time::sleep(Duration::from_millis(500)).await;
    idle.daemon(backend, settings).run(Shutdown::default()).await.unwrap();
    working.await.unwrap().unwrap();
    assert_empty(backend, 0).await;
    assert_eq!(busy.calls_of(EngineTask::Index), 1);
    assert!(idle.engine.calls().is_empty(), "{:?}", idle.engine.calls());
    assert_eq!(ending(backend, "/done.json").len(), 1);
}

pub async fn what_may_pass_is_tried_again(backend: &impl Backend) {
    let worker = Worker::new();
    worker.engine.behave(EngineTask::Chunk(1), Behaviour::Die);
    send(backend, &recording_message("a").to_body()).await;
    let shutdown = Shutdown::default();
    let settings = Settings { until_empty: false, ..SETTINGS };
    let working = tokio::spawn(worker.daemon(backend, settings).run(shutdown.clone()));
    let began = Instant::now();
    while worker.metrics.reasons(Metric::JobsFailed).is_empty() {
        assert!(began.elapsed() < Duration::from_secs(30), "it never failed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    worker.engine.behave_well();
    while ending(backend, "/done.json").is_empty() {
        assert!(began.elapsed() < Duration::from_mins(1), "it was not tried again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    shutdown.soft.cancel();
    working.await.unwrap().unwrap();
    assert_empty(backend, 0).await;
    assert_eq!(worker.metrics.reasons(Metric::JobsFailed), ["retry-encode"]);
}
