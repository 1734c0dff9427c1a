//! Players and readers that nobody here wrote: ffmpeg's HLS demuxer, Debian's and the newest; hls.js and shaka-player in Chromium; the parser
//! `m3u8`; mediainfo.
//!
//! Seeking is left out for ffmpeg: its own of 5.1 reads fragmented MP4 at wrong offsets after a seek, Apple's example streams too
//! (<https://github.com/mpv-player/mpv/issues/15184>).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use job::report::{AudioReport, ChunkReport, PublishedRendition};
use serde_json::Value;

use crate::support::directory::Dir;
use crate::support::ffmpeg::{decodes_clean, times};
use crate::support::players::{environment, newest_ffmpeg};
use crate::support::presentation::Presentation;
use crate::support::recordings::{short, short_with, usual};

#[test]
fn every_variant_decodes_from_the_master_without_complaint() {
    let dir = Dir::new();
    let published = dir.publish(&usual(), &[]);
    decodes_clean(&published.master_path());
}

#[test]
fn video_and_audio_begin_together_at_zero() {
    for recording in [usual(), short_with("late.ts", "-output_ts_offset 100 -f mpegts")] {
        let dir = Dir::new();
        let published = dir.publish(&recording, &[]);
        let (video, audio) =
            (times('v', &published.master_path())[0], times('a', &published.master_path())[0]);
        let frame = 1.0 / 30.0;
        assert!((video - audio).abs() <= frame, "video from {video} s, audio from {audio} s");
        // Frames that are shown later than they are decoded: two of them are ahead at most.
        assert!((0.0..=2.0 * frame + 0.001).contains(&video), "video from {video} s");
    }
}

#[test]
fn the_newest_ffmpeg_decodes_all_without_complaint_and_complains_of_damage() {
    let dir = Dir::new();
    let published = dir.publish(&usual(), &[]);
    for playlist in [published.master_path()].into_iter().chain(published.iframes()) {
        let Output { status, stderr, .. } = newest_ffmpeg_decodes(&playlist);
        let complaints = String::from_utf8_lossy(&stderr);
        assert!(status.success() && complaints.is_empty(), "{}: {complaints}", playlist.display());
    }
    damage(&published);
    let Output { stderr, .. } = newest_ffmpeg_decodes(&published.master_path());
    assert!(!stderr.is_empty(), "damage goes unnoticed");
}

fn newest_ffmpeg_decodes(playlist: &Path) -> Output {
    let options = "-map 0 -fps_mode passthrough -f null -".split_whitespace();
    let mut command = Command::new(newest_ffmpeg());
    command.args(["-nostdin", "-v", "error", "-i"]).arg(playlist).args(options);
    command.stdin(Stdio::null()).output().expect("the newest ffmpeg starts")
}

/// Overwrites the middle of a segment of every level.
fn damage(published: &Presentation) {
    for (_, playlist) in published.video() {
        let segment = media_segments(&playlist).remove(1);
        let mut bytes = fs::read(&segment).expect("the segment is there");
        let middle = bytes.len() / 2;
        let end = (middle + 4000).min(bytes.len());
        bytes[middle..end].fill(0xa5);
        fs::write(segment, bytes).expect("the directory is writable");
    }
}

/// The segments of a media playlist, by what its lines say.
fn media_segments(playlist: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(playlist).expect("the playlist is there");
    let uris = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    uris.map(|uri| playlist.with_file_name(uri)).collect()
}

#[test]
fn every_level_plays_in_hls_js() {
    plays_in("hls.js");
}

#[test]
fn every_level_plays_in_shaka_player() {
    plays_in("shaka");
}

/// Up and down through all levels, after seeks forward and back, and to the end; and not, if a segment is missing.
#[track_caller]
fn plays_in(player: &str) {
    let dir = Dir::new();
    let published = dir.publish(&usual(), &[]);
    let levels = published.names().len();
    let (code, said) = play(player, &dir, levels);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = play(player, &dir, levels + 1);
    assert!(code == Some(1) && said.contains("levels were expected"), "{said}");
    let (_, playlist) = published.video().remove(0);
    fs::remove_file(media_segments(&playlist).remove(1)).expect("the segment is there");
    let (code, said) = play(player, &dir, levels);
    assert!(code == Some(1) && said.contains("404"), "{said}");
}

fn play(player: &str, dir: &Dir, levels: usize) -> (Option<i32>, String) {
    let mut command = Command::new("node");
    command.arg(root().join("tests/browser/play-directory.mjs")).arg(player);
    command.arg(dir.path("vod")).arg(levels.to_string()).stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.output().expect("node is installed");
    let said = [stdout, stderr].concat();
    (status.code(), String::from_utf8_lossy(&said).into_owned())
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("the crate is two folders below the project").to_owned()
}

/// All renditions by name, each with what all its reports say.
fn reported(dir: &Dir) -> BTreeMap<String, Vec<PublishedRendition>> {
    let mut reported: BTreeMap<String, Vec<PublishedRendition>> = BTreeMap::new();
    let mut chunks: Vec<ChunkReport> = Vec::new();
    for (name, (bytes, _)) in dir.contents("vod") {
        if name.ends_with("/chunks/audio.json") {
            let report: AudioReport = serde_json::from_slice(&bytes).expect("a report");
            reported.insert("audio".to_owned(), vec![report.rendition]);
        } else if name.contains("/chunks/") && !name.ends_with("pictures.json") {
            chunks.push(serde_json::from_slice(&bytes).expect("a report"));
        }
    }
    chunks.sort_by_key(|chunk| chunk.chunk);
    for rendition in chunks.into_iter().flat_map(|chunk| chunk.renditions) {
        reported.entry(rendition.rendition.clone()).or_default().push(rendition);
    }
    reported
}

#[test]
fn another_parser_reads_what_the_reports_say() {
    let dir = Dir::new();
    let published = dir.publish(&usual(), &[]);
    let read = parse(&dir).expect("the parser m3u8 reads it");
    assert_eq!(read["independent"], true);
    assert_eq!(read["variants"].as_array().map(Vec::len), Some(published.names().len()));
    assert_eq!(read["iframes"].as_array().map(Vec::len), Some(published.names().len()));
    assert_eq!(read["audio"][0]["language"], "und");
    for (name, parts) in reported(&dir) {
        let own = format!("/{name}/media.m3u8");
        let all = read["playlists"].as_object().expect("playlists by URI");
        let (uri, playlist) =
            all.iter().find(|(uri, _)| uri.ends_with(&own)).expect("it is listed");
        assert_eq!(playlist["type"], "vod");
        assert_eq!((&playlist["ended"], &playlist["iframes"]), (&true.into(), &false.into()));
        assert_eq!(playlist["maps"], serde_json::json!([parts[0].init]));
        let listed = playlist["segments"].as_array().expect("segments");
        let due: Vec<_> = parts.iter().flat_map(|part| &part.segments).collect();
        assert_eq!(listed.len(), due.len(), "{name}");
        for (listed, due) in listed.iter().zip(due) {
            assert_eq!((&listed[0], &listed[3]), (&due.name.as_str().into(), &false.into()));
            let ticks = u32::try_from(due.facts.duration).expect("a segment is short");
            let seconds = f64::from(ticks) / f64::from(parts[0].timescale);
            let stated = listed[1].as_f64().expect("seconds");
            assert!((stated - seconds).abs() < 0.000_002, "{name}: {stated} instead of {seconds}");
        }
        if name != "audio" {
            let variants = read["variants"].as_array().expect("variants");
            let variant =
                variants.iter().find(|variant| variant["uri"] == **uri).expect("a variant");
            let codec = &parts[0].codec;
            assert_eq!(variant["resolution"], serde_json::json!([codec.width, codec.height]));
            assert_eq!(variant["codecs"], format!("{},mp4a.40.2", codec.codecs));
        }
    }
    let media = published.path_of("source");
    let text = fs::read_to_string(&media).expect("the playlist is there");
    fs::write(&media, text.replacen("#EXTINF:", "#EXTINF:x", 1)).expect("it is writable");
    assert_eq!(parse(&dir), None, "a broken playlist is read");
}

fn parse(dir: &Dir) -> Option<Value> {
    let mut command = Command::new(environment().join("bin/python"));
    command.arg("-B").arg(root().join("tests/players/playlists.py")).arg(dir.path("vod"));
    let Output { status, stdout, .. } = command.output().expect("the environment has Python");
    status.success().then(|| serde_json::from_slice(&stdout).expect("it prints JSON"))
}

#[test]
fn mediainfo_sees_what_the_master_says() {
    let dir = Dir::new();
    let published = dir.publish(&short(), &[]);
    let reported = reported(&dir);
    for (name, playlist) in published.video() {
        let parts = &reported[&name];
        let mut file = fs::read(playlist.with_file_name(&parts[0].init)).expect("it is there");
        for segment in media_segments(&playlist) {
            file.extend(fs::read(segment).expect("the segment is there"));
        }
        let video = mediainfo(&dir.write("whole.mp4", file));
        let segments = parts.iter().flat_map(|part| &part.segments);
        let frames: u32 = segments.map(|segment| segment.facts.frames).sum();
        let codec = &parts[0].codec;
        assert_eq!(video["FrameCount"], frames.to_string(), "{name}");
        assert_eq!(video["Width"], codec.width.to_string());
        assert_eq!(video["Height"], codec.height.to_string());
        assert_eq!((&video["Format"], &video["CodecID"]), (&"AVC".into(), &"avc1".into()));
        let stated =
            published.master.variants.iter().find(|v| v.uri.contains(&format!("/{name}/")));
        let rate = stated.and_then(|variant| variant.frame_rate).expect("it states a rate");
        let seen = video["FrameRate"].as_str().expect("a rate");
        assert_eq!(seen, format!("{}.{:03}", rate / 1000, rate % 1000), "{name}");
        assert_eq!(profile(&video), codec.codecs, "{name}");
    }
}

/// The string of RFC 6381 by mediainfo's names, without the constraint flags that it does not tell.
fn profile(video: &Value) -> String {
    let (profile, flags) = match video["Format_Profile"].as_str() {
        Some("High") => (100, 0),
        Some("Main") => (77, 0x40),
        Some("Constrained Baseline" | "Baseline") => (66, 0xc0),
        other => panic!("an unknown profile: {other:?}"),
    };
    let level = video["Format_Level"].as_str().expect("a level");
    let (whole, tenth) = level.split_once('.').unwrap_or((level, "0"));
    let digit = |text: &str| text.parse::<u8>().expect("a digit");
    format!("avc1.{profile:02X}{flags:02X}{:02X}", digit(whole) * 10 + digit(tenth))
}

/// What mediainfo says of a file's video.
fn mediainfo(file: &Path) -> Value {
    let mut command = Command::new("mediainfo");
    let Output { status, stdout, .. } =
        command.arg("--Output=JSON").arg(file).output().expect("mediainfo is installed");
    assert!(status.success());
    let all: Value = serde_json::from_slice(&stdout).expect("it prints JSON");
    let tracks = all["media"]["track"].as_array().expect("tracks");
    tracks.iter().find(|track| track["@type"] == "Video").expect("a video track").clone()
}
