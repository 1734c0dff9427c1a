use std::time::Duration;

use job::failure::{Decision, Failure, Step};
use job::ports::Queue as _;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::world::World;
use crate::failures::GivenUp;
use crate::fakes::{Behaviour, EngineTask, recording_message};
use crate::line::{Outcome, run_job};

async fn failed(world: &World) -> Failure {
    run_job(world.job("a")).await.unwrap_err()
}

/// What is counted, by whoever reads the store.
fn count(world: &World) -> Option<u64> {
    let name = world.names("failures.json").pop()?;
    let stored: serde_json::Value = serde_json::from_slice(&world.store.objects()[&name]).unwrap();
    stored["count"].as_u64()
}

#[tokio::test(start_paused = true)]
async fn the_third_fault_without_progress_is_the_last() {
    for (task, behaviour, step) in [
        (EngineTask::Index, Behaviour::Die, Step::Index),
        (EngineTask::Audio, Behaviour::Die, Step::Encode),
        (EngineTask::Chunk(0), Behaviour::Cheat, Step::Commit),
    ] {
        let world = World::new();
        // Nothing else gets done beside it.
        for other in [EngineTask::Audio, EngineTask::Chunk(0), EngineTask::Chunk(1)] {
            world.engine.behave(other, Behaviour::Hang);
        }
        world.engine.behave(task, behaviour.clone());
        for attempt in 1..=2 {
            let failure = failed(&world).await;
            assert_eq!((failure.decision, failure.step), (Decision::Retry, step), "{task:?}");
            assert_eq!(count(&world), Some(attempt), "{task:?}");
        }
        let failure = failed(&world).await;
        assert_eq!((failure.decision, failure.step), (Decision::Reject, step), "{task:?}");
        assert!(failure.source.is::<GivenUp>());
        let sentence = failure.to_string();
        let says = "given up after 3 failures without progress, the last: ";
        assert!(sentence.starts_with(says) && sentence.len() > says.len(), "{sentence}");
        assert_eq!(failed(&world).await.decision, Decision::Retry, "a redrive starts over");
    }
}

#[tokio::test(start_paused = true)]
async fn a_child_that_always_dies_makes_its_message_a_dead_letter() {
    let world = World::new();
    world.engine.behave(EngineTask::Index, Behaviour::Die);
    world.queue.send(&recording_message("a").to_body()).await.unwrap();
    world.work_until_empty().await;
    let letters = world.queue.dead_letters();
    assert_eq!((letters.len(), letters[0].receive_count), (1, 3));
    assert!(letters[0].reason.starts_with("given up after 3 failures"), "{}", letters[0].reason);
    assert!(letters[0].reason.contains("signal 11"), "{}", letters[0].reason);
}

#[tokio::test(start_paused = true)]
async fn progress_makes_failures_forgotten() {
    let world = World::new();
    world.engine.behave(EngineTask::Index, Behaviour::Die);
    for _ in 0..2 {
        failed(&world).await;
    }
    assert_eq!(count(&world), Some(2));
    world.engine.behave_well();
    // The audio is committed before the last chunk dies.
    world.engine.behave(EngineTask::Chunk(2), Behaviour::Die);
    assert_eq!(failed(&world).await.decision, Decision::Retry);
    assert_eq!(count(&world), Some(0));
    let mut decisions = Vec::new();
    while decisions.last() != Some(&Decision::Reject) {
        decisions.push(failed(&world).await.decision);
    }
    assert_eq!(decisions, [Decision::Retry, Decision::Retry, Decision::Reject]);
}

#[tokio::test(start_paused = true)]
async fn only_faults_of_the_engine_are_counted() {
    let world = World::new();
    world.engine.behave(EngineTask::Index, Behaviour::Interrupt);
    for _ in 0..5 {
        assert_eq!(failed(&world).await.decision, Decision::Retry);
    }
    world.engine.behave(EngineTask::Index, Behaviour::Hang);
    let stop = CancellationToken::new();
    let (stopped, ()) = tokio::join!(run_job(world.cancellable_job("a", stop.clone())), async {
        sleep(Duration::from_secs(100)).await;
        stop.cancel();
    });
    assert_eq!(stopped.unwrap_err().decision, Decision::HandBack);
    world.engine.behave_well();
    for _ in 0..5 {
        world.store.fail(1);
        let failure = failed(&world).await;
        assert_eq!((failure.decision, failure.step), (Decision::Retry, Step::Plan));
    }
    assert_eq!(count(&world), None);
    assert_eq!(run_job(world.job("a")).await.unwrap(), Outcome::Published);
    assert_eq!(count(&world), None, "nothing is written for a job that never failed");
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_cannot_be_counted_is_tried_again() {
    let world = World::new();
    world.engine.behave(EngineTask::Index, Behaviour::Die);
    for _ in 0..5 {
        world.store.fail(1);
        let failure = failed(&world).await;
        assert_eq!((failure.decision, failure.step), (Decision::Retry, Step::Index));
    }
    assert_eq!(count(&world), None);
}
