//! What `transcoder transcode` makes of a recording as most are.

use std::path::Path;

use crate::support::directory::Dir;
use crate::support::ffmpeg::{coded_frames, decodes_clean, ffprobe, packets, times};
use crate::support::presentation::{cuts, media_playlist};
use crate::support::recordings::{short, usual};

/// One frame of 1024 samples at 48 kHz, in seconds.
const AAC_FRAME: f64 = 1024.0 / 48_000.0;

#[test]
fn a_recording_becomes_a_presentation_without_blockers() {
    let dir = Dir::new();
    let published = dir.publish(&usual(), &[]);
    assert_eq!(published.names(), ["source", "v234"]);
    assert_eq!(published.sizes()["source"], (640, 360));
    assert_eq!(published.sizes()["v234"], (416, 234));
    assert_eq!(published.master.audio.len(), 1);
    assert!(!dir.path("vod/.work").exists(), "no scratch is left");
}

#[test]
fn the_source_rung_has_the_coded_frames_of_the_recording() {
    let (dir, recording) = (Dir::new(), usual());
    let published = dir.publish(&recording, &[]);
    let frames = coded_frames(&recording);
    assert_eq!(frames.len(), 240);
    assert_eq!(coded_frames(&published.path_of("source")), frames);
}

#[test]
fn the_audio_is_copied_where_it_is_stereo_aac() {
    let (dir, recording) = (Dir::new(), usual());
    let published = dir.publish(&recording, &[]);
    let sizes = |path| ffprobe("-select_streams a:0 -show_entries packet=size", path);
    let (of_recording, of_published) = (sizes(&recording), sizes(&published.audio()));
    // What lies beyond the last picture is cut.
    let lost = of_recording.len() - of_published.len();
    assert!(lost <= 2, "{} of {} frames", of_published.len(), of_recording.len());
    let is_part = (0..=lost).any(|from| of_recording[from..].starts_with(&of_published));
    assert!(is_part, "the frames are others");
}

#[test]
fn a_second_run_changes_no_byte() {
    let dir = Dir::new();
    let recording = short();
    assert!(dir.transcode(&recording, &[]).succeeds().contains(" published as "));
    let before = dir.contents("vod");
    let said = dir.transcode(&recording, &[]).succeeds();
    assert!(said.contains("was published before"), "{said}");
    assert_eq!(dir.contents("vod"), before);
}

#[test]
fn the_same_recording_gives_the_same_bytes_elsewhere() {
    let contents = |children| {
        let dir = Dir::new();
        dir.transcode(&short(), &["--children", children]).succeeds();
        let files = dir.contents("vod").into_iter();
        // How long encoding took is in the reports.
        let media = files.filter(|(name, _)| !name.contains("/chunks/"));
        media.map(|(name, (bytes, _))| (name, bytes)).collect::<Vec<_>>()
    };
    let alone = contents("1");
    assert!(alone.iter().any(|(name, _)| name.contains(".m4s")));
    assert!(alone == contents("3"), "bytes depend on the number of children");
}

#[test]
fn the_reference_profile_encodes_every_rung() {
    let dir = Dir::new();
    let published = dir.publish(&usual(), &["--profile", "reference"]);
    assert_eq!(published.names(), ["v360"]);
}

#[test]
fn what_was_published_is_printed_as_json() {
    let dir = Dir::new();
    let printed = dir.transcode(&short(), &["--json"]).succeeds();
    let done: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(done["duration_ms"], 3000);
    let names = done["renditions"].as_array().unwrap().iter().map(|r| r["name"].clone());
    assert_eq!(names.collect::<Vec<_>>(), ["source", "audio"]);
}

#[test]
fn all_renditions_are_cut_at_the_same_times() {
    let dir = Dir::new();
    let published = dir.publish(&usual(), &[]);
    let expected = cuts(&published.path_of("source"));
    assert_eq!(expected, [6_000_000, 8_000_000]);
    assert_eq!(cuts(&published.path_of("v234")), expected);
    // Audio can be cut between its own frames only.
    let audio = cuts(&published.audio());
    assert_eq!(audio.len(), expected.len());
    for (cut, expected) in audio.iter().zip(&expected) {
        assert!(cut.abs_diff(*expected) <= 21_334, "{cut} instead of {expected}");
    }
}

#[test]
fn idrs_are_on_the_grid_and_nowhere_else() {
    let dir = Dir::new();
    let published = dir.publish(&usual(), &[]);
    let options =
        "-select_streams v:0 -show_entries frame=key_frame,best_effort_timestamp_time,pict_type";
    let frames = ffprobe(options, &published.path_of("v234"));
    assert_eq!(frames.len(), 240);
    let first = seconds(&frames[0]);
    let intra = frames.iter().filter(|frame| frame.starts_with("1,") || frame.ends_with(",I"));
    let intra: Vec<f64> = intra.map(|frame| seconds(frame) - first).collect();
    assert_eq!(intra.len(), 4, "{intra:?}");
    for (time, expected) in intra.iter().zip([0.0, 2.0, 4.0, 6.0]) {
        assert!((time - expected).abs() < 0.001, "{intra:?}");
    }
}

fn seconds(frame: &str) -> f64 {
    frame.split(',').nth(1).and_then(|time| time.parse().ok()).expect("key, time, type")
}

#[test]
fn no_frame_is_lost_or_made_up() {
    let recording = usual();
    let dir = Dir::new();
    let published = dir.publish(&recording, &[]);
    let expected = packets('v', &recording);
    for (name, playlist) in published.video() {
        assert_eq!(packets('v', &playlist), expected, "{name}");
    }
}

#[test]
fn audio_is_as_long_as_video() {
    let dir = Dir::new();
    let published = dir.publish(&usual(), &[]);
    let end = |kind, path: &Path, frame: f64| times(kind, path).last().unwrap() + frame;
    let video = end('v', &published.path_of("source"), 1.0 / 30.0);
    let audio = end('a', &published.audio(), AAC_FRAME);
    assert!((video - 8.0).abs() < 0.002, "{video}");
    assert!((video - audio).abs() <= AAC_FRAME, "video {video} s, audio {audio} s");
}

#[test]
fn i_frame_playlists_hold_the_idrs_and_play() {
    let dir = Dir::new();
    let published = dir.publish(&usual(), &[]);
    let playlists = published.iframes();
    assert_eq!(playlists.len(), 2);
    for playlist in playlists {
        assert!(media_playlist(&playlist).iframes_only);
        assert_eq!(media_playlist(&playlist).segments.len(), 4);
        decodes_clean(&playlist);
        let key_frames = ffprobe("-select_streams v:0 -show_entries frame=key_frame", &playlist);
        assert_eq!(key_frames, ["1"; 4]);
    }
}
