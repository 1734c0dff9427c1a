use std::sync::Arc;
use std::time::Duration;

use job::metric::Metric;
use job::ports::{Clock as _, Depth, Metrics, Queue as _};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::world::{SETTINGS, World};
use crate::attempt::Attempt;
use crate::daemon::Shutdown;
use crate::fakes::{
    Behaviour, EngineTask, Entry, Fault, FrozenClock, MemoryMetrics, Verb, s3_event_message,
};
use crate::fence::Fence;
use crate::jobs::Jobs;
use crate::lease::Verdict;

const TEST_EVENT: &str =
    r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-22T00:00:00.000Z"}"#;

impl World {
    /// What becomes of a message, and why it was rejected if it was. Without a queue.
    async fn attempt(&self, body: &str, fence: Fence) -> Verdict {
        let metrics = Arc::<MemoryMetrics>::clone(&self.metrics) as Arc<dyn Metrics>;
        let jobs = Jobs::new();
        let delivery = {
            self.queue.send(body).await.unwrap();
            self.queue.receive(Duration::ZERO, SETTINGS.visibility).await.unwrap().unwrap()
        };
        let running = jobs.enter(&delivery, FrozenClock.now());
        let attempt = Attempt { tools: &self.tools, metrics: &metrics, fence, running: &running };
        attempt.run(&delivery.body).await
    }

    fn failures(&self) -> Vec<String> {
        let reasons = self.metrics.reasons(Metric::JobsFailed);
        assert_eq!(self.metrics.values(Metric::JobsFailed), vec![1.0; reasons.len()]);
        reasons
    }

    fn done(&self) -> usize {
        let done = self.metrics.values(Metric::JobsDone);
        assert_eq!(done, vec![1.0; done.len()]);
        assert!(self.metrics.reasons(Metric::JobsDone).is_empty());
        done.len()
    }

    fn indexed(&self) -> usize {
        self.engine.calls().iter().filter(|call| **call == EngineTask::Index).count()
    }
}

fn open() -> Fence {
    Fence::new(CancellationToken::new())
}

#[tokio::test(start_paused = true)]
async fn a_message_is_deleted_when_all_its_recordings_are_published() {
    let world = World::new();
    world.queue.send(&s3_event_message(&["a.flv", "live/b.flv", "c.flv"])).await.unwrap();
    world.work_until_empty().await;
    let entries = world.journal.entries();
    let done: Vec<&str> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Wrote(name) if name.ends_with("done.json") => name.split("/1/").next(),
            _ => None,
        })
        .collect();
    assert_eq!(done, ["a", "live/b", "c"], "one after another");
    assert_eq!(entries.last(), Some(&Entry::Deleted("message-1".to_owned())));
    assert_eq!((world.done(), world.failures().len()), (3, 0));
    assert_eq!(world.engine.most_running(), 2, "of one recording at a time");
    assert_eq!(world.depth().await, Depth::default());
}

#[tokio::test(start_paused = true)]
async fn the_gravest_outcome_decides_and_no_recording_keeps_the_others_from_being_done() {
    let missing = |name| format!("there is no recording at s3://in/{name}.flv");
    let rejected = |reason: String| Verdict::Reject(reason);
    for (keys, verdict, failures, done) in [
        (vec!["a"], Verdict::Done, vec![], 1),
        (vec!["missing"], rejected(missing("missing")), vec!["reject-fetch"], 0),
        (
            vec!["a", "missing", "b"],
            rejected(format!("s3://in/missing.flv: {}", missing("missing"))),
            vec!["reject-fetch"],
            2,
        ),
        (
            vec!["missing-1", "a", "missing-2"],
            rejected(format!(
                "s3://in/missing-1.flv: {}; s3://in/missing-2.flv: {}",
                missing("missing-1"),
                missing("missing-2")
            )),
            vec!["reject-fetch", "reject-fetch"],
            1,
        ),
        (
            vec!["missing", "unavailable", "a"],
            Verdict::Retry,
            vec!["reject-fetch", "retry-fetch"],
            1,
        ),
        (
            vec!["unavailable", "a", "missing"],
            Verdict::Retry,
            vec!["retry-fetch", "reject-fetch"],
            1,
        ),
    ] {
        let world = World::new();
        let files: Vec<String> = keys.iter().map(|key| format!("{key}.flv")).collect();
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        assert_eq!(world.attempt(&s3_event_message(&files), open()).await, verdict, "{keys:?}");
        assert_eq!(world.failures(), failures, "{keys:?}");
        assert_eq!((world.done(), world.names("done.json").len()), (done, done), "{keys:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_again_has_only_the_rest_done() {
    let world = World::new();
    // The first write is the first recording's plan.
    world.store.fail(1);
    world.queue.send(&s3_event_message(&["a.flv", "b.flv"])).await.unwrap();
    world.work_until_empty().await;
    assert_eq!(world.failures(), ["retry-plan"]);
    assert_eq!(world.done(), 3, "b, and then a, and b was there");
    assert_eq!(world.indexed(), 3, "a twice, b once");
    assert!(world.journal.entries().contains(&Entry::Visibility("message-1".to_owned(), 5)));
    assert_eq!(world.depth().await, Depth::default());
}

#[tokio::test(start_paused = true)]
async fn a_recording_that_is_handed_back_stops_the_rest_whatever_came_before() {
    let world = World::new();
    world.engine.behave(EngineTask::Chunk(1), Behaviour::Hang);
    let keys = ["missing.flv", "unavailable.flv", "a.flv", "b.flv"];
    world.queue.send(&s3_event_message(&keys)).await.unwrap();
    let shutdown = Shutdown::default();
    let daemon = world.start(&shutdown);
    sleep(Duration::from_secs(10)).await;
    shutdown.hard.cancel();
    daemon.await.unwrap().unwrap();
    assert_eq!(
        world.failures(),
        ["reject-fetch", "retry-fetch"],
        "what is handed back has not failed"
    );
    assert_eq!((world.indexed(), world.done()), (1, 0));
    assert_eq!(
        world.journal.entries().last(),
        Some(&Entry::Visibility("message-1".to_owned(), 0)),
        "handed back at once"
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_stops_the_rest() {
    let world = World::new();
    world.engine.behave(EngineTask::Chunk(1), Behaviour::Hang);
    world.queue.fail(Verb::ChangeVisibility, Fault::Unavailable, u32::MAX);
    world.queue.send(&s3_event_message(&["a.flv", "b.flv"])).await.unwrap();
    let shutdown = Shutdown::default();
    let daemon = world.start(&shutdown);
    sleep(Duration::from_secs(29)).await;
    assert_eq!((world.indexed(), world.engine.running()), (1, 0));
    assert_eq!(world.failures(), [""; 0]);
    shutdown.hard.cancel();
    daemon.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn nothing_is_begun_behind_a_closed_fence() {
    let world = World::new();
    let stopped = CancellationToken::new();
    stopped.cancel();
    let body = s3_event_message(&["a.flv"]);
    assert_eq!(world.attempt(&body, Fence::new(stopped)).await, Verdict::HandBack);
    assert!(world.failures().is_empty() && world.engine.calls().is_empty());
    assert_eq!(world.store.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_asks_for_nothing_is_deleted_and_not_counted() {
    let world = World::new();
    world.queue.send(TEST_EVENT).await.unwrap();
    world.work_until_empty().await;
    let deleted = Entry::Deleted("message-1".to_owned());
    assert_eq!(world.journal.entries(), [Entry::Received("message-1".to_owned()), deleted]);
    assert_eq!((world.done(), world.failures().len()), (0, 0));
    assert_eq!(world.depth().await, Depth::default());
}

#[tokio::test(start_paused = true)]
async fn jobs_are_counted_by_how_they_end() {
    use EngineTask::{Audio, Chunk, Index};
    let refuse = || Behaviour::Refuse("no keyframe".to_owned());
    for (task, behaviour, reason) in [
        (Index, refuse(), "reject-index"),
        (Chunk(1), refuse(), "reject-encode"),
        (Index, Behaviour::Die, "retry-index"),
        (Audio, Behaviour::Interrupt, "retry-encode"),
        (Chunk(0), Behaviour::Cheat, "retry-commit"),
        (Chunk(1), Behaviour::LoseFrames, "reject-check"),
        (Chunk(1), Behaviour::Panic, "retry-request"),
    ] {
        let world = World::new();
        world.engine.behave(task, behaviour.clone());
        world.attempt(&s3_event_message(&["a.flv"]), open()).await;
        assert_eq!((world.failures(), world.done()), (vec![reason.to_owned()], 0), "{behaviour:?}");
    }
    let world = World::new();
    assert!(matches!(world.attempt("junk", open()).await, Verdict::Reject(_)));
    assert_eq!((world.failures(), world.done()), (vec!["reject-request".to_owned()], 0));
    for done in 1..=2 {
        assert_eq!(world.attempt(&s3_event_message(&["a.flv"]), open()).await, Verdict::Done);
        assert_eq!(world.done(), done, "published, or found published");
    }
    assert_eq!(world.failures().len(), 1);
    assert_eq!(world.metrics.values(Metric::JobProgress).last(), Some(&100.0));
    assert!(world.metrics.values(Metric::RealtimeFactor).iter().any(|factor| *factor > 1.0));
}
