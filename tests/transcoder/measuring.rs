//! `transcoder transcode --measure`, with an ffmpeg that has libvmaf and with Debian's, which has none.

use std::path::Path;

use crate::support::directory::Dir;
use crate::support::players::newest_ffmpeg;
use crate::support::recordings::{make, short, usual};

/// Pictures encoded almost without loss have more. Compared with the frame before or after, those of a zoom have about 55.
const SAME_PICTURES: f64 = 95.0;

/// `reference`, almost without loss.
fn almost_lossless(dir: &Dir, fps_cap: &str) -> String {
    let profile = include_str!("../../crates/job/profiles/reference.toml")
        .replace("fps_cap = 60", fps_cap)
        .replace("crf = 23", "crf = 12")
        .replace("maxrate_kbps = ", "maxrate_kbps = 20")
        .replace("bufsize_kbps = ", "bufsize_kbps = 20");
    dir.write("profile.toml", profile).display().to_string()
}

/// The measured facts of a recording published with a profile.
fn measured(dir: &Dir, recording: &Path, profile: &str) -> serde_json::Value {
    let ffmpeg = newest_ffmpeg().display().to_string();
    let options = ["--measure", "--json", "--ffmpeg", &ffmpeg, "--profile", profile];
    let printed = dir.transcode(recording, &options).succeeds();
    let facts: serde_json::Value = serde_json::from_str(&printed).expect("it prints JSON");
    facts["measured"].clone()
}

#[test]
fn every_frame_is_compared_with_its_own_original() {
    let dir = Dir::new();
    let facts = measured(&dir, &usual(), &almost_lossless(&dir, "fps_cap = 60"));
    assert_eq!((&facts["width"], &facts["height"]), (&640.into(), &360.into()));
    let rung = &facts["rungs"][0];
    assert_eq!(rung["name"], "v360");
    assert_eq!(rung["quality"]["frames"], 240);
    let score = |name: &str| rung["quality"]["vmaf"][name].as_f64().unwrap();
    assert!(score("mean") > SAME_PICTURES, "{facts:#}");
    assert!(score("least") <= score("percentile_5") && score("percentile_5") <= score("mean"));
    let cpu = |value: &serde_json::Value| value.as_u64().unwrap();
    let (encoding, scaling) = (cpu(&rung["encoding_cpu_ms"]), cpu(&rung["scaling_cpu_ms"]));
    let (decoding, all) = (cpu(&facts["cpu"]["decoding_cpu_ms"]), cpu(&facts["cpu"]["all_cpu_ms"]));
    assert!(encoding > 0 && decoding > 0, "{facts:#}");
    assert!(encoding + scaling + decoding <= all, "{facts:#}");
}

#[test]
fn a_rung_of_half_the_frames_is_compared_with_those_it_has() {
    let pictures = "-f lavfi -i mandelbrot=size=640x360:rate=60:end_pts=300 -t 2";
    let recording = make("sixty.flv", &format!("{pictures} -c:v libx264 -pix_fmt yuv420p -g 120"));
    let dir = Dir::new();
    let facts = measured(&dir, &recording, &almost_lossless(&dir, "fps_cap = 30"));
    let quality = &facts["rungs"][0]["quality"];
    assert_eq!(quality["frames"], 60);
    assert!(quality["vmaf"]["mean"].as_f64().unwrap() > SAME_PICTURES, "{facts:#}");
}

#[test]
fn a_copied_source_has_a_rate_and_no_score() {
    let facts = measured(&Dir::new(), &short(), "default");
    assert_eq!(facts["rungs"][0]["name"], "source");
    assert!(facts["rungs"][0]["bandwidth"]["average"].as_u64().unwrap() > 0);
    assert!(facts["rungs"][0]["quality"].is_null());
}

#[test]
fn the_table_has_a_row_for_each_rung() {
    let dir = Dir::new();
    let ffmpeg = newest_ffmpeg().display().to_string();
    let said = dir.transcode(&usual(), &["--measure", "--ffmpeg", &ffmpeg]).succeeds();
    let table = said.split_once("measured at 640x360:\n").expect(&said).1;
    let first_words: Vec<_> =
        table.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(first_words, ["rung", "source", "v234", "CPU:"]);
}

#[test]
fn what_cannot_be_measured_is_refused_before_anything_is_encoded() {
    let dir = Dir::new();
    let without = dir.transcode(&short(), &["--measure", "--ffmpeg", "/usr/bin/ffmpeg"]);
    without.fails_with(2, "an ffmpeg with libvmaf, and /usr/bin/ffmpeg has none");
    let missing = dir.transcode(&short(), &["--measure", "--ffmpeg", "./no-such-program"]);
    missing.fails_with(2, "./no-such-program does not run");
    let mut remote = dir.transcoder();
    remote.args(["transcode", "s3://bucket/talk.flv", "-o", "vod", "--measure"]);
    crate::support::command::run(&mut remote).fails_with(2, "give a local file and a directory");
    dir.holds_nothing_published();
}
