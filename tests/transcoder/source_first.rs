//! `--source-first`: what is copied can be played while the ladder is encoded.

use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::command::{Ended, Running, eventually, run};
use crate::support::directory::Dir;
use crate::support::ffmpeg::{coded_frames, decodes_clean};
use crate::support::presentation::Presentation;
use crate::support::queue::{QUEUE, TestQueue, enqueue};
use crate::support::recordings::{long, short, short_with};

#[test]
fn the_source_plays_while_the_ladder_is_encoded() {
    let (dir, recording) = (Dir::new(), long());
    let mut command = dir.transcoder();
    command.arg("transcode").arg(&recording).args(["-o", "vod", "--source-first"]);
    let job = Running::start(&mut command);
    let master = dir.path("vod/master.m3u8");
    eventually("there is a master", Duration::from_mins(1), || master.exists());
    job.signal(Signal::TERM);
    job.end_within(Duration::from_secs(20));

    let early = Presentation::open(&dir.path("vod"));
    assert_eq!(early.names(), ["source"], "the ladder was ready before we looked");
    dir.has_no_blocker("vod");
    decodes_clean(&early.master_path());
    assert_eq!(coded_frames(&early.path_of("source")), coded_frames(&recording));

    run(&mut command).succeeds();
    dir.has_no_blocker("vod");
    let elsewhere = Dir::new();
    assert_eq!(elsewhere.publish(&recording, &[]).names().len(), 3);
    assert!(published(&dir) == published(&elsewhere), "in the end the files are others");
}

/// All published files.
fn published(dir: &Dir) -> Vec<(String, Vec<u8>)> {
    let files = dir.contents("vod").into_iter();
    files.map(|(name, (bytes, _))| (name, bytes)).collect()
}

#[test]
fn a_copy_of_the_whole_is_the_same_bytes_as_copies_of_its_chunks() {
    for recording in [
        short_with("predicted.flv", "-bf 2 -g 15"),
        short_with("predicted.mp4", "-bf 2 -g 15"),
        short_with("predicted.ts", "-bf 2 -g 15 -f mpegts"),
        short_with("predicted.mkv", "-bf 2 -g 15"),
    ] {
        let (first, elsewhere) = (Dir::new(), Dir::new());
        let ended = first.transcode(&recording, &["--source-first"]);
        assert_eq!(ended.stderr, "", "{}", recording.display());
        let names = first.publish(&recording, &[]).names();
        assert_eq!(names, ["source"], "{}", recording.display());
        elsewhere.transcode(&recording, &[]).succeeds();
        assert!(published(&first) == published(&elsewhere), "{}", recording.display());
    }
}

/// A daemon that does the one job in its queue.
fn works(options: impl FnOnce(&mut Command) -> &mut Command) -> Ended {
    let dir = Dir::new();
    dir.write("settings.toml", "source_first = true\n");
    TestQueue::new(&dir);
    enqueue(&dir, &dir.copy(&short(), "talk.flv"));
    let mut command = dir.transcoder();
    command.args(["run", "--until-empty", "--queue", QUEUE, "--output", "vod"]);
    run(options(&mut command))
}

#[test]
fn it_is_set_by_flag_variable_and_file_in_that_order() {
    const VARIABLE: &str = "TRANSCODER_SOURCE_FIRST";
    let file = ["--config", "settings.toml"];
    let publishes_first = |ended: Ended| {
        let is_first = ended.stderr.contains("the source can be played, the ladder follows");
        ended.succeeds();
        is_first
    };
    assert!(!publishes_first(works(|command| command)));
    assert!(publishes_first(works(|command| command.arg("--source-first"))));
    assert!(publishes_first(works(|command| command.env(VARIABLE, "1"))));
    assert!(publishes_first(works(|command| command.args(file))));
    assert!(!publishes_first(works(|command| command.args(file).env(VARIABLE, "false"))));
    let flag = "--source-first=false";
    assert!(!publishes_first(works(|command| command.env(VARIABLE, "true").arg(flag))));
}

#[test]
fn a_source_that_cannot_be_copied_is_no_reason_to_fail() {
    let ended = works(|command| command.args(["--source-first", "--profile", "reference"]));
    let said = ended.stderr.clone();
    ended.succeeds();
    assert!(
        said.contains("the source is not copied: there is nothing to publish before"),
        "{said}"
    );
}
