//! The pictures are a task beside chunks and audio, and never fail a job.

use job::conformance::MASTER;
use job::names::ObjectKind;
use job::playlist::session_data::{DURATION, POSTER, PROJECTION, STORYBOARD, TITLE};
use job::playlist::{Master, Playlist, parse, parse_storyboard, resolve};
use job::presentation::Done;
use job::report::PicturesReport;
use tokio::time::timeout;

use super::world::World;
use crate::fakes::{Behaviour, EngineTask, Entry, Stall};
use crate::line::{Job, Outcome, run_job};

/// A job whose profile wants pictures.
fn job(world: &World) -> Job {
    let mut job = world.job("a");
    job.recording.profile = Some("fast".to_owned());
    job
}

fn master(world: &World) -> Master {
    let text = world.store.objects()["live/a/1/master.m3u8"].clone();
    match parse(&String::from_utf8(text).unwrap()).unwrap() {
        Playlist::Master(master) => master,
        Playlist::Media(_) => panic!("{MASTER} is a media playlist"),
    }
}

fn report(world: &World) -> PicturesReport {
    let name = world.names("chunks/pictures.json").remove(0);
    serde_json::from_slice(&world.store.objects()[&name]).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_session_data_names_is_published_with_its_type() {
    let world = World::new();
    assert_eq!(run_job(job(&world)).await.unwrap(), Outcome::Published);
    let master = master(&world);
    for (id, value) in [(TITLE, "a"), (DURATION, "12.000"), (PROJECTION, "rectilinear")] {
        assert_eq!(master.session_value(id), Some(value));
    }
    let object = |uri: &str| format!("live/a/1/{uri}");
    let poster = master.session_value(POSTER).unwrap();
    assert_eq!(world.store.kind(&object(poster)), Some(ObjectKind::Picture));
    let storyboard = master.session_value(STORYBOARD).unwrap();
    assert_eq!(world.store.kind(&object(storyboard)), Some(ObjectKind::Storyboard));
    let text = world.store.objects()[&object(storyboard)].clone();
    let cues = parse_storyboard(&String::from_utf8(text).unwrap()).unwrap();
    let times: Vec<_> = cues.iter().map(|cue| (cue.start, cue.end)).collect();
    assert_eq!(times, [(0, 10_000), (10_000, 12_000)]);
    for cue in &cues {
        let sprite = object(&resolve(storyboard, &cue.sprite));
        assert_eq!(world.store.kind(&sprite), Some(ObjectKind::Picture), "{sprite}");
    }
    let done = world.names("done.json").remove(0);
    let done: Done = serde_json::from_slice(&world.store.objects()[&done]).unwrap();
    assert_eq!(done.pictures.unwrap().poster, poster);
    assert_eq!(done.warnings, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn pictures_are_written_before_their_report_and_the_storyboard_before_the_master() {
    let world = World::new();
    run_job(job(&world)).await.unwrap();
    let entries = world.journal.entries();
    let position = |part: &str| {
        let wrote = |entry: &Entry| matches!(entry, Entry::Wrote(name) if name.contains(part));
        entries.iter().position(wrote).unwrap_or_else(|| panic!("{part} was not written"))
    };
    let in_order =
        ["/pictures/sprite-0000-", "/pictures/poster-", "chunks/pictures.json", "storyboard.vtt"];
    assert!(in_order.map(position).is_sorted(), "{entries:?}");
    assert!(position("storyboard.vtt") < position("master.m3u8"));
}

#[tokio::test(start_paused = true)]
async fn committed_pictures_are_not_taken_again() {
    let world = World::new();
    world.engine.behave(EngineTask::Chunk(2), Behaviour::Die);
    run_job(job(&world)).await.unwrap_err();
    assert_eq!(world.names("chunks/pictures.json").len(), 1);
    world.engine.behave_well();
    let before = world.engine.calls().len();
    assert_eq!(run_job(job(&world)).await.unwrap(), Outcome::Published);
    let calls = world.engine.calls().split_off(before);
    assert!(!calls.contains(&EngineTask::Pictures), "{calls:?}");
    assert!(master(&world).session_value(POSTER).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_write_loses_no_picture() {
    let alone = World::new();
    run_job(job(&alone)).await.unwrap();
    for write in 0..alone.store.writes() {
        let world = World::new();
        world.store.stall(write, Stall::After);
        let crashed = timeout(std::time::Duration::from_mins(10), run_job(job(&world))).await;
        assert!(crashed.is_err(), "the job is dropped at write {write}");
        run_job(job(&world)).await.unwrap();
        assert_eq!(world.store.objects(), alone.store.objects(), "{write}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_pictures_the_job_is_done_with_a_warning() {
    for (behaviour, says) in [
        (Behaviour::Die, "fake died of signal 11"),
        (Behaviour::Interrupt, "fake was ended by signal 9"),
        (Behaviour::Refuse("no".to_owned()), "no"),
        (Behaviour::Cheat, "asked for 1 sprites, the child made 0"),
        (Behaviour::LoseFrames, "no keyframe could be decoded"),
    ] {
        let world = World::new();
        world.engine.behave(EngineTask::Pictures, behaviour.clone());
        assert_eq!(run_job(job(&world)).await.unwrap(), Outcome::Published, "{behaviour:?}");
        let report = report(&world);
        assert_eq!(report.pictures, None);
        let warning = report.warnings.last().unwrap();
        assert!(warning.starts_with("there is no storyboard and no poster: "), "{warning}");
        assert!(warning.contains(says), "{warning}");
        let master = master(&world);
        assert_eq!((master.session_value(POSTER), master.session_value(STORYBOARD)), (None, None));
        assert!(world.names("storyboard.vtt").is_empty());
        let done = world.names("done.json").remove(0);
        let done: Done = serde_json::from_slice(&world.store.objects()[&done]).unwrap();
        assert_eq!((done.pictures, done.warnings.last()), (None, Some(warning)));
    }
}

#[tokio::test(start_paused = true)]
async fn the_reference_profile_makes_none() {
    let world = World::new();
    run_job(world.job("a")).await.unwrap();
    assert!(!world.engine.calls().contains(&EngineTask::Pictures));
    assert!(world.names("chunks/pictures.json").is_empty());
}
