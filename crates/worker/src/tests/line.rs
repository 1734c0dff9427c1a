use std::sync::{Arc, Mutex};
use std::time::Duration;

use job::failure::{Decision, Failure, Step};
use job::names::ObjectKind;
use job::ports::Store as _;
use job::presentation::Done;
use job::recording::Identity;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::world::World;
use crate::fakes::{Behaviour, EngineTask, Entry, Stall, source_index};
use crate::line::{Outcome, run_job};
use crate::progress::{Observer, Phase, Progress};

fn decision(result: Result<Outcome, Failure>) -> (Decision, Step, String) {
    let failure = result.unwrap_err();
    (failure.decision, failure.step, failure.to_string())
}

#[tokio::test(start_paused = true)]
async fn objects_are_written_before_whatever_names_them() {
    let world = World::new();
    assert_eq!(run_job(world.job("a")).await.unwrap(), Outcome::Published);
    let names: Vec<String> = world
        .journal
        .entries()
        .into_iter()
        .map(|entry| match entry {
            Entry::Wrote(name) => name,
            other => panic!("{other:?}"),
        })
        .collect();
    let position = |name: &str| names.iter().position(|written| written.ends_with(name)).unwrap();
    assert_eq!(position("plan.json"), 0);
    for chunk in 0..3 {
        let report = position(&format!("chunks/{chunk}.json"));
        let segment = format!("/{chunk:05}-");
        let segments = names.iter().enumerate().filter(|(_, n)| n.contains(&segment));
        let video: Vec<_> = segments.filter(|(_, name)| !name.contains("/audio/")).collect();
        assert_eq!(video.len(), 2, "one in each rendition");
        assert!(video.iter().all(|(at, _)| *at < report));
    }
    let last = names.iter().rposition(|name| name.contains("/chunks/")).unwrap();
    let end: Vec<&str> =
        names[last + 1..].iter().map(|name| name.rsplit('/').next().unwrap()).collect();
    assert_eq!(
        end,
        [
            "media.m3u8",
            "iframes.m3u8",
            "media.m3u8",
            "iframes.m3u8",
            "media.m3u8",
            "master.m3u8",
            "presentation.json",
            "done.json"
        ]
    );
    assert_eq!(names.last().unwrap().split('/').count(), 6, "live/a/1/1/<plan id>/done.json");
    assert_eq!(world.leftovers(), 0);
}

#[tokio::test(start_paused = true)]
async fn every_name_in_the_playlists_is_an_object() {
    let world = World::new();
    run_job(world.job("a")).await.unwrap();
    let objects = world.store.objects();
    let mut checked = 0;
    for (name, bytes) in objects.iter().filter(|(name, _)| name.contains(".m3u8")) {
        let folder = name.rsplit_once('/').unwrap().0;
        for line in String::from_utf8_lossy(bytes).lines() {
            let quoted = line.split_once("URI=\"").and_then(|(_, rest)| rest.split_once('"'));
            let plain = (!line.starts_with('#')).then_some(line);
            if let Some(uri) = plain.or(quoted.map(|(uri, _)| uri)) {
                assert!(objects.contains_key(&format!("{folder}/{uri}")), "{name}: {uri}");
                checked += 1;
            }
        }
    }
    // Master: 2 variants, 2 I-frame variants, audio. Media: 3 segments and a map each. I-frame playlists: 3 pictures and a map each.
    assert_eq!(checked, 5 + 3 * 4 + 2 * 4);
}

#[tokio::test(start_paused = true)]
async fn a_second_delivery_does_only_the_rest() {
    let world = World::new();
    world.engine.behave(EngineTask::Chunk(1), Behaviour::Die);
    let (decision, step, sentence) = decision(run_job(world.job("a")).await);
    assert_eq!((decision, step), (Decision::Retry, Step::Encode));
    assert!(sentence.contains("signal 11"), "{sentence}");
    let committed = world.names(".json").iter().filter(|name| name.contains("/chunks/")).count();
    assert!(committed >= 1, "what was encoded is kept");
    assert!(world.names("master.m3u8").is_empty() && world.names("done.json").is_empty());

    world.engine.behave_well();
    let before = world.engine.calls().len();
    assert_eq!(run_job(world.job("a")).await.unwrap(), Outcome::Published);
    let calls = world.engine.calls().split_off(before);
    assert_eq!(calls.len(), 1 + 4 - committed, "the index, and what was not committed: {calls:?}");
    assert!(calls.contains(&EngineTask::Chunk(1)));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_done_costs_nothing() {
    let world = World::new();
    run_job(world.job("a")).await.unwrap();
    let (writes, calls) = (world.store.writes(), world.engine.calls().len());
    assert_eq!(run_job(world.job("a")).await.unwrap(), Outcome::AlreadyPublished);
    assert_eq!((world.store.writes(), world.engine.calls().len()), (writes, calls));
}

#[tokio::test(start_paused = true)]
async fn a_master_that_is_missing_is_restored() {
    let world = World::new();
    run_job(world.job("a")).await.unwrap();
    let (before, calls) = (world.store.objects(), world.engine.calls().len());
    world.store.lose("live/a/1/master.m3u8");
    assert_eq!(run_job(world.job("a")).await.unwrap(), Outcome::Published);
    assert_eq!(world.store.objects(), before);
    assert_eq!(world.engine.calls().split_off(calls), [EngineTask::Index], "nothing is encoded");
}

#[tokio::test(start_paused = true)]
async fn the_recording_that_was_published_last_is_the_one_that_is_seen() {
    let world = World::new();
    let other = || {
        let mut job = world.job("a");
        job.recording.identity = Identity::Content { sha256: "0b".repeat(32) };
        job
    };
    let seen = || {
        let objects = world.store.objects();
        ["master.m3u8", "presentation.json"]
            .map(|name| objects[&format!("live/a/1/{name}")].clone())
    };
    run_job(world.job("a")).await.unwrap();
    let first = seen();
    run_job(other()).await.unwrap();
    let second = seen();
    assert_ne!(first, second);
    assert_eq!(run_job(world.job("a")).await.unwrap(), Outcome::Published);
    assert_eq!(seen(), first);
    assert_eq!(run_job(world.job("a")).await.unwrap(), Outcome::AlreadyPublished);
    run_job(other()).await.unwrap();
    assert_eq!(seen(), second);
}

#[tokio::test(start_paused = true)]
async fn the_same_job_gives_the_same_bytes() {
    let (one, other) = (World::new(), World::new());
    run_job(one.job("a")).await.unwrap();
    other.engine.behave(EngineTask::Chunk(0), Behaviour::Take(Duration::from_secs(9)));
    run_job(other.job("a")).await.unwrap();
    assert_eq!(one.store.objects(), other.store.objects());
}

#[tokio::test(start_paused = true)]
async fn two_workers_at_one_job_publish_it_once() {
    let (alone, world) = (World::new(), World::new());
    run_job(alone.job("a")).await.unwrap();
    let (one, other) = tokio::join!(run_job(world.job("a")), run_job(world.job("a")));
    assert_eq!((one.unwrap(), other.unwrap()), (Outcome::Published, Outcome::Published));
    assert_eq!(world.store.objects(), alone.store.objects());
    let entries = world.journal.entries();
    for once in ["plan.json", "chunks/0.json", "chunks/audio.json", "master.m3u8", "done.json"] {
        let wrote = |entry: &&Entry| matches!(entry, Entry::Wrote(name) if name.ends_with(once));
        assert_eq!(entries.iter().filter(wrote).count(), 1, "{once}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_write_loses_nothing() {
    let alone = World::new();
    run_job(alone.job("a")).await.unwrap();
    let writes = alone.store.writes();
    assert!(writes > 20, "{writes}");
    for write in 0..writes {
        for stall in [Stall::Before, Stall::After] {
            let world = World::new();
            world.store.stall(write, stall);
            let crashed = timeout(Duration::from_mins(10), run_job(world.job("a"))).await;
            assert!(crashed.is_err(), "the job is dropped at write {write}");
            let is_done = !world.names("done.json").is_empty();
            assert_eq!(is_done, write == writes - 1 && stall == Stall::After);
            let master = world.names("master.m3u8").len();
            assert!(master == 0 || world.names("media.m3u8").len() == 3, "{write} {stall:?}");
            run_job(world.job("a")).await.unwrap();
            assert_eq!(world.store.objects(), alone.store.objects(), "{write} {stall:?}");
            assert_eq!(world.leftovers(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn failures_are_decided_by_who_is_at_fault() {
    use Decision::{Reject, Retry};
    let refuse = || Behaviour::Refuse("no keyframe".to_owned());
    for (stream, task, behaviour, expected, says) in [
        ("a", EngineTask::Index, refuse(), (Reject, Step::Index), "no keyframe"),
        ("a", EngineTask::Chunk(2), refuse(), (Reject, Step::Encode), "no keyframe"),
        ("a", EngineTask::Audio, refuse(), (Reject, Step::Encode), "no keyframe"),
        ("a", EngineTask::Index, Behaviour::Die, (Retry, Step::Index), "signal 11"),
        ("a", EngineTask::Audio, Behaviour::Die, (Retry, Step::Encode), "signal 11"),
        ("a", EngineTask::Chunk(0), Behaviour::Cheat, (Retry, Step::Commit), "of chunk 1"),
        (
            "a",
            EngineTask::Chunk(1),
            Behaviour::LoseFrames,
            (Reject, Step::Check),
            "the result fails the quality bar: ",
        ),
        ("missing", EngineTask::Index, Behaviour::Die, (Reject, Step::Fetch), "no recording at"),
        ("unavailable", EngineTask::Index, Behaviour::Die, (Retry, Step::Fetch), "asked to fail"),
    ] {
        let world = World::new();
        world.engine.behave(task, behaviour.clone());
        let (decision, step, sentence) = decision(run_job(world.job(stream)).await);
        assert_eq!((decision, step), expected, "{task:?} {behaviour:?}");
        assert!(sentence.contains(says), "{sentence}");
        assert!(world.names("master.m3u8").is_empty());
        assert_eq!((world.engine.running(), world.leftovers()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_profile_is_rejected_and_a_shipped_one_is_used() {
    let world = World::new();
    let mut job = world.job("a");
    job.recording.profile = Some("best".to_owned());
    let (decision, _, sentence) = decision(run_job(job).await);
    assert_eq!(decision, Decision::Reject);
    assert!(sentence.contains("\"best\"") && sentence.contains("reference"), "{sentence}");
    let mut job = world.job("a");
    job.recording.profile = Some("fast".to_owned());
    assert_eq!(run_job(job).await.unwrap(), Outcome::Published);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_damaged_is_encoded_instead_of_copied() {
    let world = World::new();
    let job = || {
        let mut job = world.job("a");
        job.recording.profile = Some("default".to_owned());
        job
    };
    world.engine.behave(EngineTask::Chunk(1), Behaviour::MeetDamage);
    assert_eq!(run_job(job()).await.unwrap(), Outcome::Published);
    let [done] = <[String; 1]>::try_from(world.names("done.json")).unwrap();
    let objects = world.store.objects();
    let done: Done = serde_json::from_slice(&objects[&done]).unwrap();
    let names: Vec<&str> = done.renditions.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["v480", "v360", "v234", "audio"]);
    assert!(done.warnings.contains(&"decoding the video met 1 errors".to_owned()));
    let master = String::from_utf8_lossy(&objects["live/a/1/master.m3u8"]).into_owned();
    assert!(master.contains(&format!("/{}/v480/", done.plan)), "{master}");
    let calls = world.engine.calls().len();
    assert_eq!(run_job(job()).await.unwrap(), Outcome::AlreadyPublished);
    assert_eq!(world.engine.calls().len(), calls, "it is known that all is done");
    world.store.lose("live/a/1/master.m3u8");
    assert_eq!(run_job(job()).await.unwrap(), Outcome::Published);
    let seen = "live/a/1/master.m3u8";
    assert_eq!(world.store.objects()[seen], objects[seen]);
    assert_eq!(world.names("done.json").len(), 1);
    assert_eq!(world.leftovers(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_tried_again() {
    let world = World::new();
    world.store.fail(1);
    let (decision, step, _) = decision(run_job(world.job("a")).await);
    assert_eq!((decision, step), (Decision::Retry, Step::Plan));
    run_job(world.job("a")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_report_that_is_none_is_named() {
    let world = World::new();
    world.engine.behave(EngineTask::Chunk(2), Behaviour::Die);
    run_job(world.job("a")).await.unwrap_err();
    let name = world.names("chunks/0.json").remove(0);
    world.store.put(&name, ObjectKind::State, b"{}").await.unwrap();
    let (decision, _, sentence) = decision(run_job(world.job("a")).await);
    assert_eq!(decision, Decision::Reject);
    assert!(sentence.starts_with(&name), "{sentence}");
}

#[tokio::test(start_paused = true)]
async fn the_master_of_another_plan_is_replaced() {
    let world = World::new();
    let mut first = world.job("a");
    first.recording.profile = Some("fast".to_owned());
    run_job(first).await.unwrap();
    let before = world.store.objects();
    run_job(world.job("a")).await.unwrap();
    let after = world.store.objects();
    assert_ne!(before["live/a/1/master.m3u8"], after["live/a/1/master.m3u8"]);
    assert_eq!(world.names("done.json").len(), 2);
    assert_eq!(world.store.kind("live/a/1/master.m3u8"), Some(ObjectKind::Master));
    let alone = World::new();
    run_job(alone.job("a")).await.unwrap();
    for name in ["live/a/1/master.m3u8", "live/a/1/presentation.json"] {
        assert_eq!(after[name], alone.store.objects()[name], "the newer plan is the only one");
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_told_to_stop_hands_back_and_leaves_nothing_running() {
    for task in [EngineTask::Index, EngineTask::Chunk(1), EngineTask::Audio] {
        let world = World::new();
        world.engine.behave(task, Behaviour::Hang);
        let stop = CancellationToken::new();
        let started = Instant::now();
        let (result, ()) = tokio::join!(run_job(world.cancellable_job("a", stop.clone())), async {
            tokio::time::sleep(Duration::from_secs(100)).await;
            stop.cancel();
        });
        assert_eq!(decision(result).0, Decision::HandBack);
        assert_eq!(started.elapsed(), Duration::from_secs(100), "{task:?}");
        assert_eq!((world.engine.running(), world.leftovers()), (0, 0));
    }
    let world = World::new();
    world.store.stall(0, Stall::Before);
    let stop = CancellationToken::new();
    let (result, ()) = tokio::join!(run_job(world.cancellable_job("a", stop.clone())), async {
        tokio::time::sleep(Duration::from_secs(100)).await;
        stop.cancel();
    });
    assert_eq!(decision(result).0, Decision::HandBack, "a store that hangs holds nobody");
}

#[derive(Default)]
struct Seen(Mutex<Vec<Progress>>);

impl Observer for Seen {
    fn progressed(&self, progress: &Progress) {
        self.0.lock().unwrap().push(*progress);
    }
}

#[tokio::test(start_paused = true)]
async fn progress_only_grows_and_ends_at_the_end() {
    let mut audio_only = source_index(12);
    audio_only.video = None;
    for (world, frames, chunks) in [(World::new(), 360, 4), (World::with(audio_only), 563, 1)] {
        let seen = Arc::new(Seen::default());
        let mut job = world.job("a");
        job.observer = Arc::<Seen>::clone(&seen);
        run_job(job).await.unwrap();
        let seen = seen.0.lock().unwrap();
        let encoding = seen.iter().filter(|progress| progress.phase == Phase::Encoding);
        assert!(encoding.clone().is_sorted_by_key(|progress| progress.frames));
        let last = seen.last().unwrap();
        assert_eq!(
            (last.phase, last.frames, last.total_frames),
            (Phase::Published, frames, frames)
        );
        assert_eq!((last.chunks, last.total_chunks), (chunks, chunks));
        assert!(last.realtime_factor.unwrap() > 1.0, "12 seconds in a few");
    }
}

#[tokio::test(start_paused = true)]
async fn chunks_in_flight_are_limited() {
    let world = World::with(source_index(120));
    run_job(world.job("a")).await.unwrap();
    assert!(world.engine.calls().len() > 10);
    assert_eq!(world.engine.most_running(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_stops_the_other_chunks() {
    let world = World::new();
    world.engine.behave(EngineTask::Audio, Behaviour::Hang);
    world.engine.behave(EngineTask::Chunk(0), Behaviour::Refuse("no keyframe".to_owned()));
    let started = Instant::now();
    let (decision, _, sentence) = decision(run_job(world.job("a")).await);
    assert_eq!((decision, sentence.as_str()), (Decision::Reject, "no keyframe"));
    assert!(started.elapsed() < Duration::from_mins(1), "the audio is not waited for");
    assert_eq!(world.engine.running(), 0);
    assert!(!world.engine.calls().contains(&EngineTask::Chunk(2)), "no more are started");
}
