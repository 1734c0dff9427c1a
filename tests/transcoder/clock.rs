//! Recordings whose clock wraps, is set to another time, or shows a wrong one.

use std::fs;
use std::path::Path;

use crate::support::directory::Dir;
use crate::support::ffmpeg::{decodes_clean, packets, times};
use crate::support::flv::{self, AUDIO, VIDEO};
use crate::support::presentation::{Presentation, cuts};
use crate::support::recordings::{short_with, usual};

/// The usual recording, eight seconds, with other timestamps on its media tags: `retime` gets the tag's kind, its number among those of its
/// kind, configurations excepted, and its time.
fn retimed(retime: impl Fn(u8, usize, u32) -> u32) -> Vec<u8> {
    retimed_from(&usual(), retime)
}

fn retimed_from(recording: &Path, retime: impl Fn(u8, usize, u32) -> u32) -> Vec<u8> {
    let mut bytes = fs::read(recording).expect("it was made");
    let (mut video, mut audio) = (0, 0);
    for (kind, range) in flv::tags(&bytes) {
        let number = match kind {
            VIDEO => &mut video,
            AUDIO => &mut audio,
            _ => continue,
        };
        // The second byte of AVC and AAC payloads: 0 is a configuration, 1 media.
        if bytes[range.start + 12] != 1 {
            continue;
        }
        let field = range.start + 4..range.start + 8;
        let [a, b, c, extension] = bytes[field.clone()].try_into().expect("they are four");
        let time = retime(kind, *number, u32::from_be_bytes([extension, a, b, c]));
        let [extension, a, b, c] = time.to_be_bytes();
        bytes[field].copy_from_slice(&[a, b, c, extension]);
        *number += 1;
    }
    bytes
}

/// What is published of a recording, and what is said of it.
fn publish(dir: &Dir, bytes: Vec<u8>, options: &[&str]) -> (Presentation, String) {
    let said = dir.transcode(&dir.write("recording.flv", bytes), options).succeeds();
    dir.has_no_blocker("vod");
    let published = Presentation::open(&dir.path("vod"));
    decodes_clean(&published.master_path());
    (published, said)
}

/// Asserts that sound and pictures are as far apart as in the usual recording, and as many, and go on at the usual distance.
fn as_usual(published: &Presentation) {
    let pictures = times('v', &published.path_of("source"));
    assert_eq!(pictures.len(), 240);
    for pair in pictures.windows(2) {
        let distance = pair[1] - pair[0];
        assert!((0.030..0.037).contains(&distance), "{distance} s after {} s", pair[0]);
    }
    let sound = times('a', &published.audio());
    assert!((sound[sound.len() - 1] - pictures[pictures.len() - 1]).abs() < 0.1);
}

#[test]
fn timestamps_that_wrap_or_start_late_are_nothing_special() {
    for (name, start, mask) in [
        ("an hour from the start", 3_600_000, u32::MAX),
        ("2^24 without the extended byte", (1 << 24) - 3000, (1 << 24) - 1),
        ("2^31, as ffmpeg writes negative times", (1 << 31) - 3000, (1 << 31) - 1),
        ("2^32", u32::MAX - 3000, u32::MAX),
    ] {
        println!("{name}");
        let dir = Dir::new();
        let bytes = retimed(|_, _, time| time.wrapping_add(start) & mask);
        let (published, said) = publish(&dir, bytes, &[]);
        as_usual(&published);
        assert!(!said.contains("clock"), "{said}");
    }
}

#[test]
fn a_clock_that_is_set_loses_nothing() {
    for (name, set, words) in [
        ("back", (|t| t - 4000) as fn(u32) -> u32, "set back by 4 s"),
        ("ahead", |t| t + 5_000_000, "set ahead by 5000 s"),
    ] {
        println!("{name}");
        let dir = Dir::new();
        let bytes = retimed(|_, _, time| if time < 4000 { time } else { set(time) });
        let (published, said) = publish(&dir, bytes, &[]);
        as_usual(&published);
        assert!(said.contains(words), "{said}");
    }
}

/// A recorder that appends starts its clock anew.
#[test]
fn two_recordings_in_one_file_become_one_presentation() {
    let mut bytes = fs::read(usual()).unwrap();
    let again = bytes[flv::HEADER.len()..].to_vec();
    bytes.extend(again);
    let dir = Dir::new();
    let (published, said) = publish(&dir, bytes, &[]);
    assert_eq!(packets('v', &published.path_of("source")), 480);
    assert!(said.contains("set back by"), "{said}");
}

#[test]
fn a_clock_that_is_set_between_keyframes_is_followed_by_every_rung() {
    let dir = Dir::new();
    // Frame 100 is 40 after its keyframe.
    let bytes = retimed(|_, _, time| if time < 3350 { time + 100_000 } else { time });
    let (published, _) = publish(&dir, bytes, &["--profile", "reference"]);
    for (name, playlist) in published.video() {
        assert_eq!(packets('v', &playlist), 240, "{name}");
        // Pictures wait for sound that was encoded ahead of them, for less than a frame.
        let cut = cuts(&playlist)[0];
        assert!((4_000_000..4_034_000).contains(&cut), "{name} is cut at {cut} us");
    }
}

#[test]
fn one_wrong_timestamp_is_set_right() {
    for (name, kind, wrong) in [
        ("video ahead", VIDEO, 9_000_000),
        ("video at 0", VIDEO, 0),
        ("audio ahead", AUDIO, 9_000_000),
        ("audio at 0", AUDIO, 0),
    ] {
        println!("{name}");
        let dir = Dir::new();
        let bytes = retimed(|of, number, time| match number {
            130 if of == kind => wrong,
            _ => time,
        });
        let (published, said) = publish(&dir, bytes, &[]);
        as_usual(&published);
        assert!(!said.contains("clock"), "{said}");
    }
}

#[test]
fn sound_alone_whose_clock_is_set_goes_on() {
    let recording = short_with("sound.flv", "-vn -t 20");
    let whole = cuts(&Dir::new().publish(&recording, &[]).audio());
    let dir = Dir::new();
    let set = |_, _, time| if time < 7000 { time } else { time - 7000 };
    let published = dir.publish(&dir.write("set.flv", retimed_from(&recording, set)), &[]);
    assert_eq!(cuts(&published.audio()), whole);
}
