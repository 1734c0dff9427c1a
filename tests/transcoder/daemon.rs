//! `transcoder run`: recordings come through the queue, and whatever comes, the daemon goes on.

use std::fs;
use std::process::Command;

use crate::support::command::run;
use crate::support::directory::Dir;
use crate::support::queue::{QUEUE, TestQueue, enqueue};
use crate::support::recordings::{short, short_with};

fn until_empty(dir: &Dir) -> Command {
    let mut command = dir.transcoder();
    command.args(["run", "--until-empty", "--queue", QUEUE, "--output", "vod"]);
    command
}

#[test]
fn good_recordings_are_published_and_bad_ones_are_dead_letters_with_their_reasons() {
    let dir = Dir::new();
    let queue = TestQueue::new(&dir);
    queue.send("this is junk");
    enqueue(&dir, &dir.write("empty.flv", ""));
    let good = [
        enqueue(&dir, &dir.copy(&short(), "one.flv")),
        enqueue(&dir, &dir.copy(&short_with("silent.flv", "-an"), "two.flv")),
    ];
    // With one slot the junk is behind it when the daemon turns to the rest.
    run(until_empty(&dir).args(["--slots", "1"])).succeeds();

    for presentation in good {
        assert!(presentation.join("master.m3u8").is_file(), "{}", presentation.display());
        dir.has_no_blocker(presentation.to_str().unwrap());
    }
    let depth = queue.depth();
    assert_eq!((depth.visible, depth.in_flight, depth.delayed, depth.dead), (0, 0, 0, 2));
    let [junk, empty] = <[_; 2]>::try_from(queue.dead_letters()).unwrap();
    assert_eq!(junk.body, "this is junk");
    assert!(junk.reason.starts_with("the message is not JSON: "), "{}", junk.reason);
    assert!(empty.body.contains("empty.flv"));
    assert!(empty.reason.ends_with("the file is empty"), "{}", empty.reason);
    assert!(!empty.reason.contains("transcoder: "), "{}", empty.reason);
    let left = fs::read_dir(dir.path("vod/.work")).unwrap().count();
    assert_eq!(left, 0, "scratch is left");
}

#[test]
fn a_recording_that_vanished_is_a_dead_letter() {
    let dir = Dir::new();
    let queue = TestQueue::new(&dir);
    let recording = dir.copy(&short(), "gone.flv");
    let presentation = enqueue(&dir, &recording);
    fs::remove_file(recording).unwrap();
    run(&mut until_empty(&dir)).succeeds();
    assert!(!presentation.exists());
    let [letter] = <[_; 1]>::try_from(queue.dead_letters()).unwrap();
    assert!(letter.reason.contains("there is no recording at"), "{}", letter.reason);
}

#[test]
fn a_recording_outside_of_the_allowed_directories_is_not_read() {
    let dir = Dir::new();
    let queue = TestQueue::new(&dir);
    fs::create_dir(dir.path("allowed")).unwrap();
    let inside = enqueue(&dir, &dir.copy(&short(), "allowed/inside.flv"));
    let outside = enqueue(&dir, &dir.copy(&short(), "outside.flv"));
    run(until_empty(&dir).arg("--recordings").arg(dir.path("allowed"))).succeeds();
    assert!(inside.join("master.m3u8").is_file());
    assert!(!outside.exists());
    let [letter] = <[_; 1]>::try_from(queue.dead_letters()).unwrap();
    assert!(letter.reason.contains("cannot be read by this worker"), "{}", letter.reason);
}

#[test]
fn the_same_recording_twice_is_published_once() {
    let dir = Dir::new();
    let queue = TestQueue::new(&dir);
    let recording = dir.copy(&short(), "twice.flv");
    let presentation = enqueue(&dir, &recording);
    enqueue(&dir, &recording);
    run(&mut until_empty(&dir)).succeeds();
    dir.has_no_blocker(presentation.to_str().unwrap());
    let published = dir.contents("vod");
    enqueue(&dir, &recording);
    run(&mut until_empty(&dir)).succeeds();
    assert!(dir.contents("vod") == published, "a late duplicate changed something");
    assert_eq!((queue.depth().visible, queue.depth().dead), (0, 0));
}

#[test]
fn a_recording_may_ask_for_a_profile() {
    let dir = Dir::new();
    TestQueue::new(&dir);
    let recording = dir.copy(&short(), "asks.flv");
    let presentation = enqueue(&dir, &recording);
    run(dir
        .transcoder()
        .args(["enqueue", "--queue", QUEUE, "--profile", "reference"])
        .arg("asks.flv"))
    .succeeds();
    run(until_empty(&dir).args(["--slots", "1"])).succeeds();
    let master = fs::read_to_string(presentation.join("master.m3u8")).unwrap();
    assert!(!master.contains("/source/"), "the later request replaces the earlier: {master}");
    dir.has_no_blocker(presentation.to_str().unwrap());
}
