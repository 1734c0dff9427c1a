use std::sync::Arc;
use std::time::Duration;

use job::metric::Metric;
use job::ports::{Depth, Queue as _, QueueError};
use tokio::time::{Instant, sleep};

use super::world::{FOR_EVER, SETTINGS, World};
use crate::daemon::Shutdown;
use crate::fakes::{Behaviour, EngineTask, Entry, Fault, Verb};
use crate::pulse::Activity;

#[tokio::test(start_paused = true)]
async fn a_message_is_deleted_after_everything_is_written() {
    let world = World::new();
    world.send("a").await;
    world.work_until_empty().await;
    let entries = world.journal.entries();
    assert_eq!(entries[0], Entry::Received("message-1".to_owned()));
    let [.., before, last] = entries.as_slice() else { panic!("{entries:?}") };
    assert!(matches!(before, Entry::Wrote(name) if name.ends_with("done.json")), "{before:?}");
    assert_eq!(*last, Entry::Deleted("message-1".to_owned()));
    assert_eq!((world.depth().await, world.leftovers()), (Depth::default(), 0));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_twice_is_published_once() {
    let world = World::new();
    world.send("a").await;
    world.send("a").await;
    world.work_until_empty().await;
    let deleted = |entry: &&Entry| matches!(entry, Entry::Deleted(_));
    assert_eq!(world.journal.entries().iter().filter(deleted).count(), 2);
    let alone = World::new();
    alone.send("a").await;
    alone.work_until_empty().await;
    assert_eq!(world.store.objects(), alone.store.objects());
}

#[tokio::test(start_paused = true)]
async fn the_message_of_a_worker_that_died_is_taken_over() {
    let world = World::new();
    world.send("a").await;
    let died = world.queue.receive(Duration::ZERO, SETTINGS.visibility).await.unwrap();
    assert!(died.is_some());
    let started = Instant::now();
    world.work_until_empty().await;
    assert_eq!(world.names("done.json").len(), 1);
    assert!(started.elapsed() >= SETTINGS.visibility, "not before its time was over");
}

#[tokio::test(start_paused = true)]
async fn junk_and_refused_recordings_become_dead_letters_and_hold_nobody_up() {
    let world = World::new();
    world.queue.send("junk").await.unwrap();
    world.send("missing").await;
    world.send("a").await;
    world.work_until_empty().await;
    let reasons: Vec<String> =
        world.queue.dead_letters().into_iter().map(|letter| letter.reason).collect();
    assert_eq!(reasons.len(), 2);
    assert!(reasons[0].starts_with("the message is not JSON: "), "{reasons:?}");
    assert_eq!(reasons[1], "there is no recording at file:///recordings/missing.flv");
    assert_eq!(world.names("done.json").len(), 1);

    let world = World::new();
    world.engine.behave(EngineTask::Chunk(1), Behaviour::Refuse("no keyframe".to_owned()));
    world.send("a").await;
    world.work_until_empty().await;
    assert_eq!(world.queue.dead_letters()[0].reason, "no keyframe");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails_or_panics_is_tried_again_later() {
    for behaviour in [Behaviour::Die, Behaviour::Panic] {
        let world = World::new();
        world.engine.behave(EngineTask::Chunk(1), behaviour.clone());
        world.send("a").await;
        let engine = Arc::clone(&world.engine);
        let repair = async {
            sleep(Duration::from_secs(15)).await;
            engine.behave_well();
        };
        tokio::join!(world.work_until_empty(), repair);
        assert_eq!(world.names("done.json").len(), 1, "{behaviour:?}");
        let delays: Vec<u64> = world
            .journal
            .entries()
            .iter()
            .filter_map(|entry| match entry {
                Entry::Visibility(_, seconds) if *seconds != 30 => Some(*seconds),
                _ => None,
            })
            .collect();
        assert_eq!(delays, [5, 10], "{behaviour:?}");
        assert_eq!((world.engine.running(), world.leftovers()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_job_is_not_delivered_twice() {
    let world = World::new();
    world.engine.behave(EngineTask::Chunk(1), Behaviour::Take(Duration::from_hours(1)));
    world.send("a").await;
    world.work_until_empty().await;
    let received = |entry: &&Entry| matches!(entry, Entry::Received(_));
    assert_eq!(world.journal.entries().iter().filter(received).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_lease_runs_out_publishes_nothing() {
    let world = World::new();
    world.engine.behave(EngineTask::Chunk(1), Behaviour::Take(Duration::from_secs(100)));
    world.queue.fail(Verb::ChangeVisibility, Fault::Unavailable, u32::MAX);
    world.send("a").await;
    let shutdown = Shutdown::default();
    let daemon = world.start(&shutdown);
    sleep(Duration::from_secs(29)).await;
    assert_eq!(world.engine.running(), 0, "stopped before the queue gives the message away");
    assert!(world.names("master.m3u8").is_empty());
    world.queue.fail(Verb::ChangeVisibility, Fault::Unavailable, 0);
    world.engine.behave_well();
    sleep(Duration::from_mins(1)).await;
    assert_eq!(world.names("done.json").len(), 1, "the next delivery does it");
    shutdown.soft.cancel();
    daemon.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn never_more_jobs_than_slots() {
    let world = World::new();
    world.send("a").await;
    world.work_until_empty().await;
    world.store.be_slow(Duration::from_secs(1));
    for _ in 0..10_000 {
        world.send("a").await;
    }
    let started = Instant::now();
    world.work_until_empty().await;
    assert_eq!(world.queue.most_in_flight(), 2);
    let jobs = world.metrics.values(Metric::JobsRunning);
    assert!(jobs.len() > 1_000 && jobs.iter().all(|jobs| *jobs <= 2.0));
    let took = started.elapsed();
    // A job that is done reads two objects, a second each.
    assert!(took < Duration::from_secs(10_030), "both slots are always in use: {took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_soft_shutdown_lets_short_jobs_end_and_receives_no_more() {
    let world = World::new();
    world.engine.behave(EngineTask::Chunk(1), Behaviour::Take(Duration::from_secs(50)));
    for stream in ["a", "b", "c"] {
        world.send(stream).await;
    }
    let shutdown = Shutdown::default();
    let daemon = world.start(&shutdown);
    sleep(Duration::from_secs(10)).await;
    shutdown.soft.cancel();
    let asked = Instant::now();
    daemon.await.unwrap().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(50));
    assert_eq!(world.names("done.json").len(), 2);
    assert_eq!(world.depth().await.visible, 1, "the third was never received");
}

#[tokio::test(start_paused = true)]
async fn a_soft_shutdown_hands_long_jobs_back() {
    let world = World::new();
    world.engine.behave(EngineTask::Chunk(1), Behaviour::Hang);
    world.send("a").await;
    let shutdown = Shutdown::default();
    let daemon = world.start(&shutdown);
    sleep(Duration::from_secs(10)).await;
    shutdown.soft.cancel();
    let asked = Instant::now();
    daemon.await.unwrap().unwrap();
    assert_eq!(asked.elapsed(), SETTINGS.drain);
    assert_eq!(world.depth().await.visible, 1, "at once");
    assert_eq!((world.engine.running(), world.leftovers()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_hard_shutdown_hands_back_at_once() {
    for soft_first in [true, false] {
        let world = World::new();
        world.engine.behave(EngineTask::Chunk(1), Behaviour::Hang);
        world.send("a").await;
        let shutdown = Shutdown::default();
        let daemon = world.start(&shutdown);
        sleep(Duration::from_secs(10)).await;
        if soft_first {
            shutdown.soft.cancel();
            sleep(Duration::from_secs(10)).await;
        }
        shutdown.hard.cancel();
        let asked = Instant::now();
        daemon.await.unwrap().unwrap();
        assert_eq!(asked.elapsed(), Duration::ZERO);
        assert_eq!(world.depth().await.visible, 1);
        assert_eq!((world.engine.running(), world.leftovers()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_daemon_stops_at_once() {
    let world = World::new();
    let shutdown = Shutdown::default();
    let daemon = world.start(&shutdown);
    sleep(Duration::from_secs(3)).await;
    shutdown.soft.cancel();
    let asked = Instant::now();
    daemon.await.unwrap().unwrap();
    assert_eq!(asked.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_cannot_be_used_at_start_is_fatal() {
    let world = World::new();
    world.queue.fail(Verb::Receive, Fault::Unusable, 1);
    let ended = world.daemon(FOR_EVER).run(Shutdown::default()).await;
    assert!(matches!(ended, Err(QueueError::Unusable { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_fails_later_is_waited_for() {
    for fault in [Fault::Unavailable, Fault::Unusable] {
        let world = World::new();
        let shutdown = Shutdown::default();
        let daemon = world.start(&shutdown);
        sleep(Duration::from_secs(21)).await;
        world.queue.fail(Verb::Receive, fault, 7);
        // The receive that waits now is not hit.
        sleep(Duration::from_secs(20)).await;
        world.send("a").await;
        // 1 + 2 + 4 + 8 + 16 + 30 + 30 seconds of pauses.
        sleep(Duration::from_secs(85)).await;
        assert!(world.names("done.json").is_empty(), "{fault:?}");
        sleep(Duration::from_secs(30)).await;
        assert_eq!(world.names("done.json").len(), 1, "{fault:?}");
        shutdown.soft.cancel();
        daemon.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_deleted_comes_again_and_is_done() {
    let world = World::new();
    world.queue.fail(Verb::Delete, Fault::Unavailable, 1);
    world.send("a").await;
    world.work_until_empty().await;
    assert_eq!(world.depth().await, Depth::default());
    let calls = world.engine.calls().iter().filter(|call| **call == EngineTask::Index).count();
    assert_eq!(calls, 1);
}

#[tokio::test(start_paused = true)]
async fn the_pulse_says_what_the_daemon_does_and_only_a_stuck_one_has_none() {
    let receiving = Activity::Receiving { wait: SETTINGS.wait };
    let world = World::new();
    assert_eq!(world.pulse.activity(), Activity::Starting);
    let shutdown = Shutdown::default();
    let daemon = world.start(&shutdown);
    let at_ease = async |activity: Activity| {
        for _ in 0..200 {
            sleep(Duration::from_secs(1)).await;
            assert_eq!(world.pulse.activity(), activity);
            assert!(world.pulse.is_alive(), "{activity:?}");
        }
    };
    at_ease(receiving).await;
    world.engine.behave(EngineTask::Chunk(1), Behaviour::Hang);
    world.send("a").await;
    at_ease(receiving).await;
    world.send("b").await;
    at_ease(Activity::WaitingForSlot).await;
    shutdown.soft.cancel();
    sleep(Duration::from_secs(50)).await;
    assert_eq!(world.pulse.activity(), Activity::Draining);
    assert!(world.pulse.is_alive());
    daemon.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_receive_that_fails_keeps_the_pulse_and_one_that_hangs_ends_it() {
    let world = World::new();
    let shutdown = Shutdown::default();
    world.queue.fail(Verb::Receive, Fault::Unavailable, u32::MAX);
    let daemon = world.start(&shutdown);
    for _ in 0..200 {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(world.pulse.activity(), Activity::Pausing);
        assert!(world.pulse.is_alive());
    }
    world.queue.fail(Verb::Receive, Fault::Hang, 1);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(world.pulse.activity(), Activity::Receiving { wait: SETTINGS.wait });
    sleep(Duration::from_secs(30)).await;
    assert!(world.pulse.is_alive());
    sleep(Duration::from_mins(1)).await;
    assert!(!world.pulse.is_alive());
    shutdown.soft.cancel();
    daemon.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_hangs_when_asked_whether_it_is_empty_delays_no_shutdown() {
    let world = World::new();
    world.queue.fail(Verb::Depth, Fault::Hang, u32::MAX);
    let shutdown = Shutdown::default();
    let daemon = tokio::spawn(world.daemon(SETTINGS).run(shutdown.clone()));
    sleep(Duration::from_secs(25)).await;
    shutdown.soft.cancel();
    let asked = Instant::now();
    daemon.await.unwrap().unwrap();
    assert_eq!(asked.elapsed(), Duration::ZERO);
}
