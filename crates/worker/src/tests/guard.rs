use std::sync::Arc;
use std::time::Duration;

use job::ports::{Clock as _, Delivery, ReceiptHandle};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::logs::Logs;
use super::world::{SETTINGS, World};
use crate::daemon::{Daemon, Shutdown};
use crate::fakes::{Behaviour, EngineTask, FakeFleet, FrozenClock};
use crate::guard::Guard;
use crate::jobs::{Jobs, Running};

const NOT_SET: &str = "scale-in protection not set";

/// A guard without a daemon.
struct Guarded {
    fleet: Arc<FakeFleet>,
    jobs: Arc<Jobs>,
    guard: JoinHandle<()>,
}

impl Guarded {
    fn new() -> Self {
        let (fleet, jobs) = (Arc::new(FakeFleet::default()), Jobs::new());
        let guard = Guard::new(Arc::<FakeFleet>::clone(&fleet), Arc::clone(&jobs));
        Self { fleet, jobs, guard: tokio::spawn(guard.run()) }
    }

    fn job(&self) -> Running {
        self.jobs.enter(
            &Delivery {
                id: "1".to_owned(),
                body: String::new(),
                receipt: ReceiptHandle("1".to_owned()),
                receive_count: 1,
                sent_at: None,
            },
            FrozenClock.now(),
        )
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.guard.abort();
    }
}

/// A little more than so many seconds, so that whatever is due then has been done.
async fn seconds(seconds: u64) {
    sleep(Duration::from_secs(seconds) + Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_machine_is_given_free_after_a_while_and_once() {
    let world = Guarded::new();
    seconds(29).await;
    assert!(world.fleet.calls().is_empty());
    seconds(1).await;
    assert_eq!(world.fleet.calls(), [false]);
    seconds(1000).await;
    assert_eq!(world.fleet.calls(), [false]);
}

#[tokio::test(start_paused = true)]
async fn a_busy_machine_is_protected_at_once_and_until_it_has_been_idle_for_a_while() {
    let world = Guarded::new();
    let first = world.job();
    seconds(0).await;
    assert_eq!(world.fleet.calls(), [true]);
    let second = world.job();
    seconds(100).await;
    drop(first);
    seconds(100).await;
    drop(second);
    seconds(29).await;
    let third = world.job();
    seconds(29).await;
    drop(third);
    seconds(29).await;
    assert_eq!(world.fleet.calls(), [true], "never idle for long enough");
    seconds(1).await;
    assert_eq!(world.fleet.calls(), [true, false]);
    let _fourth = world.job();
    seconds(0).await;
    assert_eq!(world.fleet.calls(), [true, false, true]);
}

#[tokio::test(start_paused = true)]
async fn a_protection_that_fails_is_tried_again_every_ten_seconds_and_logged_once() {
    let logs = Logs::listen();
    let world = Guarded::new();
    world.fleet.fail(3);
    let _job = world.job();
    seconds(0).await;
    for calls in 1..=4 {
        assert_eq!(world.fleet.calls(), vec![true; calls]);
        // More jobs, and fewer, are no reason to ask sooner.
        let other = world.job();
        seconds(5).await;
        drop(other);
        seconds(5).await;
    }
    seconds(100).await;
    assert_eq!((world.fleet.calls().len(), world.fleet.is_protected()), (4, Some(true)));
    assert_eq!(logs.count(NOT_SET), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_call_left_is_unknown_and_said_again() {
    let logs = Logs::listen();
    let world = Guarded::new();
    let job = world.job();
    seconds(0).await;
    drop(job);
    world.fleet.fail(2);
    seconds(30).await;
    assert_eq!(world.fleet.calls(), [true, false]);
    seconds(10).await;
    assert_eq!(world.fleet.calls(), [true, false, false]);
    seconds(3).await;
    let job = world.job();
    seconds(0).await;
    assert_eq!(world.fleet.calls(), [true, false, false, true], "at once");
    assert_eq!(logs.count(NOT_SET), 1);
    drop(job);
    world.fleet.fail(1);
    seconds(30).await;
    seconds(10).await;
    assert_eq!(world.fleet.is_protected(), Some(false));
    assert_eq!(logs.count(NOT_SET), 2, "once more, as it had succeeded in between");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_comes_while_the_machine_is_given_free_protects_it_afterwards() {
    let world = Guarded::new();
    world.fleet.be_slow(Duration::from_secs(5));
    seconds(32).await;
    assert_eq!(world.fleet.calls(), [false]);
    let _job = world.job();
    seconds(2).await;
    assert_eq!(world.fleet.calls(), [false], "the answer is waited for");
    seconds(7).await;
    assert_eq!(world.fleet.calls(), [false, true]);
    assert_eq!(world.fleet.is_protected(), Some(true), "in this order");
}

#[tokio::test(start_paused = true)]
async fn a_group_that_does_not_answer_is_asked_again() {
    let world = Guarded::new();
    world.fleet.be_slow(Duration::from_hours(1));
    let _job = world.job();
    seconds(19).await;
    assert_eq!(world.fleet.calls(), [true]);
    world.fleet.be_slow(Duration::ZERO);
    seconds(1).await;
    assert_eq!((world.fleet.calls().len(), world.fleet.is_protected()), (2, Some(true)));
}

#[tokio::test(start_paused = true)]
async fn a_daemon_protects_its_machine_while_it_works_and_says_nothing_at_its_end() {
    let world = World::new();
    world.engine.behave(EngineTask::Chunk(1), Behaviour::Take(Duration::from_secs(40)));
    let shutdown = Shutdown::default();
    let daemon = world.start(&shutdown);
    seconds(31).await;
    assert_eq!(world.fleet.calls(), [false]);
    world.send("a").await;
    seconds(0).await;
    assert_eq!(world.fleet.calls(), [false, true]);
    shutdown.soft.cancel();
    daemon.await.unwrap().unwrap();
    seconds(1000).await;
    assert_eq!(world.names("done.json").len(), 1);
    assert_eq!(world.fleet.calls(), [false, true]);
}

#[tokio::test(start_paused = true)]
async fn no_job_and_no_end_waits_for_the_group() {
    let mut took = Vec::new();
    for (latency, is_grouped) in
        [(Duration::ZERO, false), (Duration::ZERO, true), (Duration::from_hours(1), true)]
    {
        let world = World::new();
        world.fleet.be_slow(latency);
        world.send("a").await;
        let started = Instant::now();
        let daemon = world.daemon(SETTINGS);
        let fleet = daemon.fleet.clone().filter(|_| is_grouped);
        Daemon { fleet, ..daemon }.run(Shutdown::default()).await.unwrap();
        took.push(started.elapsed());
        assert_eq!(world.fleet.calls().len(), usize::from(is_grouped));
    }
    assert_eq!((took[0], took[1]), (took[1], took[2]));
}
