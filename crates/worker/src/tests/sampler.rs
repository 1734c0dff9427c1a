use std::sync::Arc;
use std::time::Duration;

use job::metric::Metric;
use job::ports::Clock as _;
use job::ports::Queue as _;
use tokio::time::{Instant, sleep, timeout};

use super::logs::Logs;
use super::world::{FOR_EVER, SETTINGS, World};
use crate::daemon::{Settings, Shutdown};
use crate::fakes::{
    Behaviour, EngineTask, Fault, FrozenClock, Journal, MemoryMetrics, MemoryQueue, Verb,
    recording_message, s3_event_message,
};
use crate::jobs::Jobs;
use crate::line::run_job;
use crate::sampler::Sampler;

const OF_THE_QUEUE: [Metric; 5] = [
    Metric::QueueVisible,
    Metric::QueueInFlight,
    Metric::DeadLetters,
    Metric::OldestAge,
    Metric::SecondsToDrain,
];

impl World {
    fn last(&self, metric: Metric) -> f64 {
        *self.metrics.values(metric).last().unwrap()
    }

    fn samples(&self, metric: Metric) -> usize {
        self.metrics.values(metric).len()
    }
}

fn assert_near(value: f64, expected: f64) {
    assert!((value - expected).abs() < 0.1, "{value} is not {expected}");
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn an_idle_worker_measures_at_once_and_then_in_step() {
    let world = World::new();
    let shutdown = Shutdown::default();
    let daemon = world.start(&shutdown);
    for (wait, samples) in [(1, 1), (8, 1), (2, 2), (10, 3)] {
        sleep(seconds(wait)).await;
        for metric in OF_THE_QUEUE.into_iter().chain([Metric::JobsRunning]) {
            assert_eq!(world.metrics.values(metric), vec![0.0; samples], "{metric:?}");
        }
    }
    shutdown.soft.cancel();
    daemon.await.unwrap().unwrap();
    sleep(seconds(100)).await;
    assert_eq!(world.samples(Metric::JobsRunning), 3, "it ends with its daemon");
}

#[tokio::test(start_paused = true)]
async fn a_busy_worker_measures_the_queue_and_itself() {
    let world = World::new();
    world.engine.behave(EngineTask::Index, Behaviour::Hang);
    world.queue.send_aged(&recording_message("a").to_body(), seconds(100));
    for stream in ["b", "c"] {
        world.send(stream).await;
    }
    let shutdown = Shutdown::default();
    let daemon = world.start(&shutdown);
    sleep(seconds(15)).await;
    for (metric, value) in [
        (Metric::QueueVisible, 1.0),
        (Metric::QueueInFlight, 2.0),
        (Metric::DeadLetters, 0.0),
        (Metric::OldestAge, 110.0),
        (Metric::JobsRunning, 2.0),
        // A first guess of a minute for the one that waits, and two slots.
        (Metric::SecondsToDrain, 30.0),
    ] {
        assert_near(world.last(metric), value);
    }
    shutdown.hard.cancel();
    daemon.await.unwrap().unwrap();

    world.engine.behave_well();
    world.queue.send("junk").await.unwrap();
    let shutdown = Shutdown::default();
    let daemon = world.start(&shutdown);
    sleep(seconds(55)).await;
    assert_near(world.last(Metric::DeadLetters), 1.0);
    assert_near(world.last(Metric::JobsRunning), 0.0);
    shutdown.soft.cancel();
    daemon.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_time_to_drain_follows_the_jobs_that_were_published() {
    let alone = World::new();
    let started = Instant::now();
    run_job(alone.job("a")).await.unwrap();
    let job_seconds = started.elapsed().as_secs_f64();
    assert!(job_seconds >= 2.0);

    let world = World::new();
    let shutdown = Shutdown::default();
    let daemon = world.start(&shutdown);
    world.send("a").await;
    sleep(seconds(20)).await;
    // Found published, in no time at all: that says nothing of a job.
    world.send("a").await;
    world.send("missing").await;
    sleep(seconds(20)).await;
    world.engine.behave(EngineTask::Index, Behaviour::Hang);
    for stream in ["b", "c", "d", "e"] {
        world.send(stream).await;
    }
    sleep(seconds(20)).await;
    assert_near(world.last(Metric::SecondsToDrain), job_seconds * 2.0 / 2.0);
    shutdown.hard.cancel();
    daemon.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn before_a_job_has_ended_the_time_to_drain_follows_its_progress() {
    // Two chunks of three are encoded, and the one that hangs has said that it is half done.
    let hanging = 2.5 / 3.0;
    for (recordings, done) in [
        (&["a"][..], hanging),
        (&["a", "b"], hanging / 2.0),
        (&["missing", "a"], f64::midpoint(1.0, hanging)),
    ] {
        let world = World::new();
        world.engine.behave(EngineTask::Chunk(1), Behaviour::Hang);
        // Two that run, and one that waits.
        for n in 0..3 {
            let keys: Vec<_> = recordings.iter().map(|name| format!("{name}{n}.flv")).collect();
            let keys: Vec<_> = keys.iter().map(String::as_str).collect();
            world.queue.send(&s3_event_message(&keys)).await.unwrap();
        }
        let shutdown = Shutdown::default();
        let daemon = world.start(&shutdown);
        sleep(seconds(95)).await;
        // Received at the start and sampled after 90 seconds; one job waits for two slots.
        assert_near(world.last(Metric::SecondsToDrain), 90.0 / done / 2.0);
        shutdown.hard.cancel();
        daemon.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_does_not_tell_its_depth_is_asked_again_and_disturbs_nothing() {
    let logs = Logs::listen();
    let world = World::new();
    world.queue.fail(Verb::Depth, Fault::Unavailable, 3);
    world.send("a").await;
    let shutdown = Shutdown::default();
    let daemon = world.start(&shutdown);
    sleep(seconds(25)).await;
    assert_eq!(world.names("done.json").len(), 1);
    assert_eq!(world.samples(Metric::JobsRunning), 3);
    assert!(OF_THE_QUEUE.into_iter().all(|metric| world.samples(metric) == 0));
    assert_eq!(logs.count("queue does not tell how full it is"), 1, "of three");
    sleep(seconds(20)).await;
    assert!(OF_THE_QUEUE.into_iter().all(|metric| world.samples(metric) == 2));
    world.queue.fail(Verb::Depth, Fault::Unavailable, 1);
    sleep(seconds(10)).await;
    assert_eq!(logs.count("queue does not tell how full it is"), 2);
    shutdown.soft.cancel();
    daemon.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_hangs_when_asked_is_never_asked_twice_at_a_time_and_holds_nobody() {
    let logs = Logs::listen();
    let world = World::new();
    world.queue.fail(Verb::Depth, Fault::Hang, u32::MAX);
    world.send("a").await;
    let shutdown = Shutdown::default();
    let settings = Settings { sample: seconds(2), ..FOR_EVER };
    let daemon = tokio::spawn(world.daemon(settings).run(shutdown.clone()));
    for _ in 0..60 {
        sleep(seconds(1)).await;
        assert!(world.queue.hanging() <= 1);
    }
    assert_eq!(world.names("done.json").len(), 1);
    // Each question is given up after 5 seconds, and the next follows at once.
    assert!((12..=14).contains(&world.samples(Metric::JobsRunning)));
    assert_eq!(logs.count("queue does not tell how full it is"), 1);
    let asked = Instant::now();
    shutdown.soft.cancel();
    daemon.await.unwrap().unwrap();
    assert_eq!((asked.elapsed(), world.queue.hanging()), (Duration::ZERO, 0));
}

#[tokio::test(start_paused = true)]
async fn no_period_is_too_short() {
    let world = World::new();
    let settings = Settings { sample: Duration::ZERO, ..FOR_EVER };
    let shutdown = Shutdown::default();
    let daemon = tokio::spawn(world.daemon(settings).run(shutdown.clone()));
    sleep(Duration::from_millis(10_500)).await;
    assert_eq!(world.samples(Metric::JobsRunning), 11);
    shutdown.soft.cancel();
    daemon.await.unwrap().unwrap();
}

/// Ages of the messages that wait, and of those that are held; whether the queue tells the oldest; what is measured.
#[tokio::test(start_paused = true)]
async fn the_oldest_age_is_that_of_the_queue_or_of_what_is_held_or_unknown() {
    for (waiting, held, tells, expected) in [
        (&[][..], &[][..], true, vec![0.0]),
        (&[], &[], false, vec![0.0]),
        (&[50], &[], true, vec![50.0]),
        (&[50], &[], false, vec![]),
        (&[50], &[100, 200], true, vec![200.0]),
        (&[500], &[100, 200], true, vec![500.0]),
        (&[500], &[100, 200], false, vec![200.0]),
        (&[], &[100], false, vec![100.0]),
    ] {
        let queue = Arc::new(MemoryQueue::new(50, Journal::default()));
        let (metrics, jobs) = (Arc::new(MemoryMetrics::default()), Jobs::new());
        let mut running = Vec::new();
        for age in held {
            queue.send_aged("held", seconds(*age));
            let received = queue.receive(Duration::ZERO, SETTINGS.visibility).await;
            running.push(jobs.enter(&received.unwrap().unwrap(), FrozenClock.now()));
        }
        for age in waiting {
            queue.send_aged("waiting", seconds(*age));
        }
        if !tells {
            queue.be_silent_about_ages();
        }
        let measured = Arc::clone(&metrics);
        let sampler = Sampler { queue, metrics, jobs, slots: 2 };
        timeout(seconds(1), sampler.run(seconds(10))).await.unwrap_err();
        let ages = measured.values(Metric::OldestAge);
        assert_eq!(ages.len(), expected.len(), "{waiting:?} {held:?} {tells}: {ages:?}");
        ages.iter().zip(expected).for_each(|(age, expected)| assert_near(*age, expected));
        assert_eq!(measured.values(Metric::QueueVisible).len(), 1, "the rest is known");
    }
}
