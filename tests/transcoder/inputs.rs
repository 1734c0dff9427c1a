//! Recordings of every kind become presentations that any player takes.

use crate::support::directory::Dir;
use crate::support::ffmpeg::{decodes_clean, packets, probe_one};
use crate::support::presentation::Presentation;
use crate::support::recordings::{make, short_with};

const PICTURE_FACTS: &str = "-select_streams v:0 -show_entries stream=codec_name,pix_fmt";
const SOUND_FACTS: &str =
    "-select_streams a:0 -show_entries stream=codec_name,profile,sample_rate,channels";

/// The size of each rung, from the best.
fn sizes(published: &Presentation) -> Vec<(String, (u32, u32))> {
    let sizes = published.sizes();
    published.names().into_iter().map(|name| (name.clone(), sizes[&name])).collect()
}

#[test]
fn without_audio_there_is_no_audio_group() {
    let dir = Dir::new();
    let published = dir.publish(&short_with("silent.flv", "-an"), &[]);
    assert_eq!(published.master.audio, []);
    assert!(published.master.variants.iter().all(|variant| variant.audio.is_none()));
    decodes_clean(&published.master_path());
}

#[test]
fn without_video_the_presentation_is_audio_only() {
    let dir = Dir::new();
    let published = dir.publish(&short_with("sound.flv", "-vn"), &[]);
    assert_eq!(published.names(), Vec::<String>::new());
    assert_eq!(published.master.variants.len(), 1);
    assert_eq!(published.master.iframes, []);
    assert_eq!(probe_one(SOUND_FACTS, &published.audio()), "aac,LC,48000,2");
    decodes_clean(&published.master_path());
}

#[test]
fn audio_of_every_kind_becomes_stereo_aac() {
    for (name, options, expected) in [
        ("mono.flv", "-ac 1", "aac,LC,48000,2"),
        ("cd.flv", "-ar 44100", "aac,LC,44100,2"),
        ("mp3.flv", "-c:a libmp3lame -ar 44100", "aac,LC,44100,2"),
        ("speech.flv", "-ar 22050 -ac 1", ""),
        ("surround.mp4", "-ac 6", "aac,LC,48000,2"),
        ("opus.mkv", "-c:a libopus", "aac,LC,48000,2"),
        ("ac3.ts", "-c:a ac3", "aac,LC,48000,2"),
    ] {
        let dir = Dir::new();
        let published = dir.publish(&short_with(name, options), &[]);
        let facts = probe_one(SOUND_FACTS, &published.audio());
        let is_stereo_aac = facts.starts_with("aac,LC,") && facts.ends_with(",2");
        assert!(is_stereo_aac && (expected.is_empty() || facts == expected), "{name}: {facts}");
        decodes_clean(&published.master_path());
    }
}

#[test]
fn pictures_that_players_cannot_show_are_not_copied() {
    for (name, options) in [
        ("yuv444.mp4", "-pix_fmt yuv444p"),
        ("ten-bit.mp4", "-pix_fmt yuv420p10le"),
        ("yuv422.mkv", "-pix_fmt yuv422p"),
        ("mpeg4.mp4", "-c:v mpeg4"),
        ("sorenson.flv", "-c:v flv1"),
    ] {
        let dir = Dir::new();
        let published = dir.publish(&short_with(name, options), &[]);
        let names = published.names();
        assert!(!names.is_empty() && !names.contains(&"source".to_owned()), "{name}: {names:?}");
        for (rung, playlist) in published.video() {
            assert_eq!(probe_one(PICTURE_FACTS, &playlist), "h264,yuv420p", "{name} {rung}");
            assert_eq!(packets('v', &playlist), 90, "{name} {rung}");
        }
        decodes_clean(&published.master_path());
    }
}

#[test]
fn the_short_side_of_a_portrait_counts() {
    let portrait = "-f lavfi -i testsrc2=size=406x720:rate=30 -t 3 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 60";
    let dir = Dir::new();
    let published = dir.publish(&make("portrait.flv", portrait), &[]);
    let sizes = sizes(&published);
    assert_eq!(sizes[0], ("source".to_owned(), (406, 720)));
    assert!(sizes.iter().all(|(_, (width, height))| width < height), "{sizes:?}");
    assert!(sizes.iter().any(|(name, (width, _))| name == "v234" && *width == 234), "{sizes:?}");
}

#[test]
fn odd_sizes_become_even() {
    let odd = "-f lavfi -i testsrc2=size=321x241:rate=30 -t 3 -c:v libx264 -preset ultrafast -pix_fmt yuv444p";
    let dir = Dir::new();
    let published = dir.publish(&make("odd.mp4", odd), &[]);
    let sizes = sizes(&published);
    assert!(!sizes.is_empty());
    assert!(sizes.iter().all(|(_, (w, h))| w % 2 == 0 && h % 2 == 0), "{sizes:?}");
    decodes_clean(&published.master_path());
}

#[test]
fn sixty_frames_are_halved_where_the_profile_says_so() {
    let fast = "-f lavfi -i testsrc2=size=1280x720:rate=60 -t 3 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 120 -b:v 4M";
    let dir = Dir::new();
    let published = dir.publish(&make("fast.flv", fast), &[]);
    let rates = |name: &str| {
        let variants = published.master.variants.iter();
        let mut found = variants.filter(|variant| variant.uri.contains(&format!("/{name}/")));
        found.next().and_then(|variant| variant.frame_rate)
    };
    assert_eq!(rates("source"), Some(60_000));
    assert_eq!(packets('v', &published.path_of("source")), 180);
    assert_eq!(rates("v480"), Some(30_000));
    assert_eq!(packets('v', &published.path_of("v480")), 90);
    decodes_clean(&published.master_path());
}

#[test]
fn a_single_keyframe_is_no_source_rung() {
    let endless = "-f lavfi -i testsrc2=size=320x180:rate=30 -t 14 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 9999";
    let dir = Dir::new();
    let published = dir.publish(&make("endless.flv", endless), &[]);
    assert!(!published.names().contains(&"source".to_owned()), "{:?}", published.names());
    for (name, playlist) in published.video() {
        assert_eq!(packets('v', &playlist), 420, "{name}");
    }
}
