//! The source is published first, and whatever becomes of that, the ladder follows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use job::conformance::MASTER;
use job::failure::Decision;
use job::names::ObjectKind;
use job::playlist::{Master, Playlist, parse};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::logs::Logs;
use super::world::World;
use crate::fakes::{Behaviour, EngineTask, Entry, Stall};
use crate::line::{Job, Outcome, run_job};

const SEEN: &str = "live/a/1/master.m3u8";
/// Longer than copying, far shorter than chunks that take [`SLOW`].
const SOON: Duration = Duration::from_secs(10);
const SLOW: Behaviour = Behaviour::Take(Duration::from_mins(5));

/// A world that publishes the source first.
fn world() -> World {
    let mut world = World::new();
    Arc::get_mut(&mut world.tools).unwrap().source_first = true;
    world
}

/// A job whose profile copies the source.
fn job(world: &World) -> Job {
    cancellable_job(world, CancellationToken::new())
}

fn cancellable_job(world: &World, cancelled: CancellationToken) -> Job {
    let mut job = world.cancellable_job("a", cancelled);
    job.recording.profile = Some("default".to_owned());
    job
}

/// What a world holds that does not publish the source first.
async fn without() -> BTreeMap<String, Vec<u8>> {
    let world = World::new();
    run_job(job(&world)).await.unwrap();
    world.store.objects()
}

fn master(world: &World) -> Master {
    let text = world.store.objects()[SEEN].clone();
    match parse(&String::from_utf8(text).unwrap()).unwrap() {
        Playlist::Master(master) => master,
        Playlist::Media(_) => panic!("{MASTER} is a media playlist"),
    }
}

fn variants(world: &World) -> usize {
    master(world).variants.len()
}

fn written(world: &World, ending: &str) -> usize {
    let entries = world.journal.entries();
    let wrote = |entry: &&Entry| matches!(entry, Entry::Wrote(name) if name.ends_with(ending));
    entries.iter().filter(wrote).count()
}

fn copies(world: &World) -> usize {
    world.engine.calls().iter().filter(|call| **call == EngineTask::Source).count()
}

fn slow_chunks(world: &World) {
    for chunk in 0..3 {
        world.engine.behave(EngineTask::Chunk(chunk), SLOW);
    }
}

#[tokio::test(start_paused = true)]
async fn the_source_can_be_played_while_the_ladder_is_encoded() {
    let world = world();
    slow_chunks(&world);
    let (done, ()) = tokio::join!(run_job(job(&world)), async {
        sleep(SOON).await;
        let early = master(&world);
        let uris: Vec<&str> = early.variants.iter().map(|variant| variant.uri.as_str()).collect();
        let [uri] = uris[..] else { panic!("{uris:?}") };
        assert!(uri.ends_with("/source/media.m3u8"), "{uri}");
        assert_eq!((early.audio.len(), early.iframes.len()), (1, 1));
        assert_eq!(world.store.kind(SEEN), Some(ObjectKind::Master));
        assert_eq!(written(&world, "presentation.json") + written(&world, "done.json"), 0);
    });
    assert_eq!(done.unwrap(), Outcome::Published);
    assert_eq!(variants(&world), 3);
    assert_eq!(written(&world, "master.m3u8"), 2, "it is created once and replaced once");
    assert_eq!(world.store.objects(), without().await, "in the end nothing shows it");
    assert_eq!(world.leftovers(), 0);
}

#[tokio::test(start_paused = true)]
async fn all_that_the_early_master_names_is_written_before_it() {
    let world = world();
    slow_chunks(&world);
    let stopped = timeout(SOON, run_job(job(&world))).await;
    assert!(stopped.is_err());
    let early = master(&world);
    let playlists = early.variants.iter().map(|variant| &variant.uri);
    let playlists = playlists.chain(early.iframes.iter().map(|variant| &variant.uri));
    let audio = early.audio.iter().filter_map(|group| group.uri.as_ref());
    let objects = world.store.objects();
    let mut segments = 0;
    for uri in playlists.chain(audio) {
        let name = format!("live/a/1/{uri}");
        let folder = name.rsplit_once('/').unwrap().0;
        for line in String::from_utf8_lossy(&objects[&name]).lines() {
            let map = line.split_once("URI=\"").and_then(|(_, rest)| rest.split_once('"'));
            let plain = (!line.starts_with('#')).then_some(line);
            if let Some(uri) = plain.or(map.map(|(uri, _)| uri)) {
                assert!(objects.contains_key(&format!("{folder}/{uri}")), "{name}: {uri}");
                segments += 1;
            }
        }
    }
    // Media playlists of three segments and their maps; an I-frame playlist of six pictures and its map.
    assert_eq!(segments, 2 * (3 + 1) + 6 + 1);
    let last = world.journal.entries().into_iter().rev();
    let after: Vec<Entry> = last.take_while(|entry| *entry != Entry::Wrote(SEEN.into())).collect();
    let later = |entry: &Entry| matches!(entry, Entry::Wrote(name) if name.contains("/pictures"));
    assert!(after.iter().all(later), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_uploaded_first_is_not_uploaded_again() {
    let world = world();
    slow_chunks(&world);
    run_job(job(&world)).await.unwrap();
    let objects = world.store.objects();
    let source: Vec<&String> = objects
        .keys()
        .filter(|name| name.contains("/source/") && !name.contains(".m3u8"))
        .collect();
    assert_eq!(source.len(), 3 + 1, "{source:?}");
    for name in source {
        assert_eq!(written(&world, name), 1, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_write_loses_nothing() {
    let alone = world();
    run_job(job(&alone)).await.unwrap();
    let (writes, expected) = (alone.store.writes(), without().await);
    let mut early = 0;
    for write in 0..writes {
        let world = world();
        world.store.stall(write, Stall::After);
        let crashed = timeout(Duration::from_mins(10), run_job(job(&world))).await;
        assert!(crashed.is_err(), "the job is dropped at write {write}");
        let is_early = !world.names("master.m3u8").is_empty() && variants(&world) == 1;
        early += usize::from(is_early);
        let before = copies(&world);
        run_job(job(&world)).await.unwrap();
        assert_eq!(world.store.objects(), expected, "{write}");
        assert_eq!(written(&world, "done.json"), 1);
        assert!(written(&world, "master.m3u8") <= 2, "{write}");
        assert!(!is_early || copies(&world) == before, "its master is there: {write}");
        assert_eq!(world.leftovers(), 0);
    }
    assert!(early > 4, "only {early} crashes left an early master");
}

#[tokio::test(start_paused = true)]
async fn two_workers_at_one_job_write_each_master_once() {
    let world = world();
    slow_chunks(&world);
    let late = async {
        sleep(Duration::from_millis(500)).await;
        run_job(job(&world)).await
    };
    let (one, other) = tokio::join!(run_job(job(&world)), late);
    assert_eq!((one.unwrap(), other.unwrap()), (Outcome::Published, Outcome::Published));
    assert_eq!(written(&world, "master.m3u8"), 2);
    assert_eq!(world.store.objects(), without().await);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_comes_late_puts_nothing_less_in_place_of_the_ladder() {
    let world = world();
    slow_chunks(&world);
    // It hangs in the copy until the other one is done.
    world.engine.behave(EngineTask::Source, Behaviour::Take(Duration::from_mins(20)));
    for chunk in 0..3 {
        world.engine.behave(EngineTask::Chunk(chunk), Behaviour::Take(Duration::from_mins(30)));
    }
    let quick = async {
        sleep(SOON).await;
        world.engine.behave_well();
        run_job(job(&world)).await
    };
    let watch = async {
        sleep(Duration::from_mins(25)).await;
        assert_eq!(variants(&world), 3, "the late copy is uploaded, and seen by nobody");
    };
    let (late, quick, ()) = tokio::join!(run_job(job(&world)), quick, watch);
    assert_eq!((late.unwrap(), quick.unwrap()), (Outcome::Published, Outcome::Published));
    assert_eq!(written(&world, "master.m3u8"), 2, "the quick one's");
    assert_eq!(world.store.objects(), without().await);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_may_not_go_on_publishes_no_source() {
    let world = world();
    world.engine.behave(EngineTask::Source, SLOW);
    world.engine.behave(EngineTask::Audio, SLOW);
    let stop = CancellationToken::new();
    let (stopped, ()) = tokio::join!(run_job(cancellable_job(&world, stop.clone())), async {
        sleep(SOON).await;
        stop.cancel();
    });
    assert_eq!(stopped.unwrap_err().decision, Decision::HandBack);
    assert!(world.names("master.m3u8").is_empty());
    assert_eq!((world.engine.running(), world.leftovers()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_master_that_is_there_stays_until_the_ladder_is_there() {
    let world = world();
    let mut before = world.job("a");
    before.recording.profile = Some("fast".to_owned());
    run_job(before).await.unwrap();
    let (seen, copies) = (world.store.objects()[SEEN].clone(), copies(&world));
    slow_chunks(&world);
    let (done, ()) = tokio::join!(run_job(job(&world)), async {
        sleep(SOON).await;
        assert_eq!(world.store.objects()[SEEN], seen);
        assert_eq!(self::copies(&world), copies, "it is not even copied");
    });
    done.unwrap();
    assert_ne!(world.store.objects()[SEEN], seen);
}

#[tokio::test(start_paused = true)]
async fn the_master_of_a_damaged_source_is_replaced_by_the_ladder_that_is_encoded() {
    let world = world();
    slow_chunks(&world);
    world.engine.behave(EngineTask::Chunk(1), Behaviour::MeetDamage);
    // The first plan's are encoded in turn, the second's slowly.
    world.engine.behave(EngineTask::Chunk(0), Behaviour::Take(Duration::from_secs(20)));
    let (done, ()) = tokio::join!(run_job(job(&world)), async {
        sleep(SOON).await;
        assert_eq!(variants(&world), 1);
    });
    assert_eq!(done.unwrap(), Outcome::Published);
    let uris: Vec<String> = master(&world).variants.into_iter().map(|v| v.uri).collect();
    assert!(uris.len() > 1 && uris.iter().all(|uri| !uri.contains("/source/")), "{uris:?}");
    assert_eq!(written(&world, "master.m3u8"), 2);
    assert_eq!(run_job(job(&world)).await.unwrap(), Outcome::AlreadyPublished);
}

#[tokio::test(start_paused = true)]
async fn without_a_copy_the_ladder_is_all_there_is() {
    for behaviour in
        [Behaviour::Die, Behaviour::Interrupt, Behaviour::Refuse("no".to_owned()), Behaviour::Cheat]
    {
        let (world, logs) = (world(), Logs::listen());
        world.engine.behave(EngineTask::Source, behaviour.clone());
        assert_eq!(run_job(job(&world)).await.unwrap(), Outcome::Published, "{behaviour:?}");
        assert_eq!(written(&world, "master.m3u8"), 1, "{behaviour:?}");
        assert_eq!(world.store.objects(), without().await, "{behaviour:?}");
        assert_eq!(logs.count("nothing is published before the ladder"), 1, "{behaviour:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_not_copied_is_not_published_first() {
    let world = world();
    assert_eq!(run_job(world.job("a")).await.unwrap(), Outcome::Published);
    assert_eq!(written(&world, "master.m3u8"), 1);
    assert_eq!(copies(&world), 0);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_the_early_master_for_a_moment_fails_no_job() {
    let world = world();
    slow_chunks(&world);
    world.engine.behave(EngineTask::Source, Behaviour::Take(Duration::from_secs(5)));
    let (done, ()) = tokio::join!(run_job(job(&world)), async {
        sleep(Duration::from_secs(4)).await;
        world.store.fail(1);
    });
    assert_eq!(done.unwrap(), Outcome::Published);
    assert_eq!(written(&world, "master.m3u8"), 1);
    assert_eq!(world.store.objects(), without().await);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_comes_again_replaces_the_early_master() {
    let world = world();
    slow_chunks(&world);
    world.engine.behave(EngineTask::Chunk(2), Behaviour::Interrupt);
    run_job(job(&world)).await.unwrap_err();
    assert_eq!(variants(&world), 1, "what can be played stays");
    world.engine.behave_well();
    assert_eq!(run_job(job(&world)).await.unwrap(), Outcome::Published);
    assert_eq!((variants(&world), copies(&world)), (3, 1));
    assert_eq!(world.store.objects(), without().await);
}
