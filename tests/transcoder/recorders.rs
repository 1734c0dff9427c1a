//! What recorders, and nginx-rtmp above all, leave in FLV files, made tag by tag: all of it is published, each frame at its time.

use std::fs;

use crate::support::directory::Dir;
use crate::support::ffmpeg::{decodes_clean, packets, times};
use crate::support::flv::{self, AUDIO, HEADER, Tag, VIDEO, recorded, tags};
use crate::support::presentation::Presentation;
use crate::support::recordings::{make, short};

/// Three seconds of small pictures, with an IDR every second and B-frames, and stereo AAC: its tags without metadata.
fn small() -> Vec<Tag> {
    small_with("small.flv", "")
}

fn small_with(name: &str, options: &str) -> Vec<Tag> {
    let pictures = "-f lavfi -i testsrc2=size=160x90:rate=30";
    let sound = "-f lavfi -i sine=sample_rate=48000";
    let codecs = "-c:v libx264 -preset ultrafast -bf 2 -pix_fmt yuv420p -g 30 -sc_threshold 0 -c:a aac -ac 2";
    let file = make(name, &format!("{pictures} {sound} -t 3 {codecs} {options}"));
    recorded(&fs::read(file).expect("it was made"))
}

/// Publishes tags and gives the times of the pictures and how many packets of audio there are.
#[track_caller]
fn published(tags: &[Tag]) -> (Vec<f64>, usize) {
    let published = publish(&Dir::new(), &flv::file(tags));
    (published.0, published.1)
}

#[track_caller]
fn publish(dir: &Dir, file: &[u8]) -> (Vec<f64>, usize, Presentation) {
    let published = dir.publish(&dir.write("recording.flv", file), &[]);
    decodes_clean(&published.master_path());
    let best = published.path_of(&published.names()[0]);
    let heard =
        if published.master.audio.is_empty() { 0 } else { packets('a', &published.audio()) };
    let mut times = times('v', &best);
    let first = times[0];
    for time in &mut times {
        *time -= first;
    }
    (times, heard, published)
}

#[track_caller]
fn same(what: &str, found: &(Vec<f64>, usize), expected: &(Vec<f64>, usize)) {
    assert_eq!(found.0.len(), expected.0.len(), "{what}: pictures");
    let off = found.0.iter().zip(&expected.0).map(|(found, expected)| (found - expected).abs());
    assert!(off.into_iter().all(|off| off < 0.0015), "{what}: {:?}", found.0);
    assert!(found.1.abs_diff(expected.1) <= 1, "{what}: {} of {}", found.1, expected.1);
}

#[test]
fn whatever_the_file_says_of_itself_its_tags_are_believed() {
    let tags = small();
    let expected = published(&tags);
    assert_eq!(expected.0.len(), 90);
    // 1000/33 frames per second is what millisecond times look like.
    let (_, _, all) = publish(&Dir::new(), &flv::file(&tags));
    assert_eq!(all.master.variants[0].frame_rate, Some(30_000));

    let (headers, media): (Vec<Tag>, Vec<Tag>) = tags.into_iter().partition(Tag::is_header);
    let audio_first = headers.iter().rev().chain(&media).cloned().collect::<Vec<_>>();
    same("audio first", &published(&audio_first), &expected);
    let twice = headers.iter().chain(&headers).chain(&media).cloned().collect::<Vec<_>>();
    same("headers twice", &published(&twice), &expected);
    let mut again = headers.iter().chain(&media).cloned().collect::<Vec<_>>();
    let keyframe = again.iter().rposition(Tag::is_keyframe).unwrap();
    again.splice(
        keyframe..keyframe,
        headers.iter().cloned().map(|header| {
            let milliseconds = 2000;
            Tag { milliseconds, ..header }
        }),
    );
    same("headers again", &published(&again), &expected);
    for flags in [0, 1, 4] {
        let mut file = flv::file(headers.iter().chain(&media));
        file[4] = flags;
        let (times, heard, _) = publish(&Dir::new(), &file);
        same(&format!("flags {flags}"), &(times, heard), &expected);
    }
}

#[test]
fn clocks_that_start_anywhere_or_wrap_go_on() {
    let tags = small();
    let expected = published(&tags);
    let shifted = |start: u32, mask: u32| -> Vec<Tag> {
        let shift = |tag: &Tag| Tag {
            // ffmpeg and nginx-rtmp have the headers at 0.
            milliseconds: if tag.is_header() {
                0
            } else {
                tag.milliseconds.wrapping_add(start) & mask
            },
            ..tag.clone()
        };
        tags.iter().map(shift).collect()
    };
    for (what, start, mask) in [
        ("an hour", 3_600_000, u32::MAX),
        ("2^24 without the extended byte", (1 << 24) - 1500, 0x00ff_ffff),
        ("2^24 with it", (1 << 24) - 1500, u32::MAX),
        ("2^31", (1_u32 << 31) - 1500, 0x7fff_ffff),
        ("2^32, or a negative start", 0_u32.wrapping_sub(1500), u32::MAX),
    ] {
        same(what, &published(&shifted(start, mask)), &expected);
    }
}

#[test]
fn a_part_that_begins_with_audio_begins_with_its_first_picture() {
    // As after a roll-over: only audio until the next keyframe, and what came before it is lost.
    let tags = small();
    let second = tags.iter().enumerate().filter(|(_, tag)| tag.is_keyframe()).nth(1).unwrap().0;
    let kept = tags
        .iter()
        .enumerate()
        .filter(|(number, tag)| tag.is_header() || tag.kind == AUDIO || *number >= second);
    let kept: Vec<Tag> = kept.map(|(_, tag)| tag.clone()).collect();
    let (times, heard) = published(&kept);
    assert_eq!(times.len(), 60);
    assert!((93..=95).contains(&heard), "two seconds of audio, not {heard} packets");
}

#[test]
fn a_first_keyframe_that_comes_late_begins_the_presentation() {
    let tags = small();
    let first = tags.iter().position(Tag::is_keyframe).unwrap();
    let dir = Dir::new();
    let without: Vec<Tag> =
        tags.iter().enumerate().filter(|(n, _)| *n != first).map(|(_, tag)| tag.clone()).collect();
    let recording = dir.write("late.flv", flv::file(&without));
    let said = dir.transcode(&recording, &[]).succeeds();
    assert!(said.contains("note: 29 "), "the frames before it are told: {said}");
    dir.has_no_blocker("vod");
}

#[test]
fn gaps_stay_where_they_are() {
    let tags = small();
    // ffmpeg's command line, which looks at what is published, takes ten seconds for a new beginning.
    let delayed = |kind: Option<u8>| -> Vec<Tag> {
        let delay = |tag: &Tag| {
            let late = tag.milliseconds >= 1000 && kind.is_none_or(|kind| kind == tag.kind);
            let milliseconds = tag.milliseconds + if late { 8_000 } else { 0 };
            Tag { milliseconds, ..tag.clone() }
        };
        let mut tags: Vec<Tag> = tags.iter().map(delay).collect();
        tags.sort_by_key(|tag| tag.milliseconds);
        tags
    };
    let (times, heard) = published(&delayed(None));
    assert_eq!(times.len(), 90, "a gap makes no pictures");
    assert!((times[89] - 10.967).abs() < 0.05, "{}", times[89]);
    // 11 s, the gap being silent.
    assert!((514..=517).contains(&heard), "{heard} packets");

    // Only the audio pauses: what comes after it is beyond the last picture, and the pictures are not moved.
    let (times, _) = published(&delayed(Some(AUDIO)));
    assert!((times[89] - 2.967).abs() < 0.05, "{}", times[89]);
    // Only the pictures pause.
    let (times, heard) = published(&delayed(Some(VIDEO)));
    assert!((times[89] - 10.967).abs() < 0.05, "{}", times[89]);
    assert!((514..=517).contains(&heard), "{heard} packets");
}

#[test]
fn a_change_of_size_keeps_one_size_and_every_picture() {
    let mut tags = small();
    let smaller = small_with("smaller.flv", "-s 96x54 -t 2");
    tags.extend(
        smaller.into_iter().map(|tag| Tag { milliseconds: tag.milliseconds + 3000, ..tag }),
    );
    let dir = Dir::new();
    let (times, heard, all) = publish(&dir, &flv::file(&tags));
    assert_eq!(times.len(), 150);
    assert!((233..=236).contains(&heard), "{heard} packets");
    assert!(!all.names().contains(&"source".to_owned()), "two sizes are not copied");
    assert_eq!(all.sizes()[&all.names()[0]], (160, 90));
}

#[test]
fn pictures_that_are_refreshed_bit_by_bit_are_shown_from_where_they_are_whole() {
    // A recorder that comes late never sees the one IDR picture there is.
    for (name, x264, least) in
        [("refresh.flv", "intra-refresh=1:bframes=0", 30), ("open.flv", "open-gop=1", 60)]
    {
        let tags = small_with(name, &format!("-x264-params {x264} -force_key_frames 0"));
        let first = tags.iter().position(Tag::is_keyframe).unwrap();
        let second = first + 1 + tags[first + 1..].iter().position(Tag::is_keyframe).unwrap();
        let kept = tags.iter().enumerate().filter(|(n, tag)| tag.is_header() || *n >= second);
        let kept: Vec<Tag> = kept.map(|(_, tag)| tag.clone()).collect();
        let (times, heard) = published(&kept);
        assert!((least..90).contains(&times.len()), "{name}: {} pictures", times.len());
        assert!(heard > 0, "{name}");
    }
}

#[test]
fn pictures_that_nothing_can_be_decoded_of_are_no_silent_loss() {
    let tags = small();
    let kept: Vec<Tag> = tags.into_iter().filter(|tag| !tag.is_keyframe()).collect();
    let dir = Dir::new();
    let recording = dir.write("no-keyframe.flv", flv::file(&kept));
    let reason = "decoding can start at none of the recording's 87 video frames";
    dir.transcode(&recording, &[]).fails_with(65, reason);
    dir.holds_nothing_published();
}

#[test]
fn a_recording_that_is_cut_anywhere_is_published_or_refused() {
    let whole = fs::read(short()).unwrap();
    let found = tags(&whole);
    let (_, frame) = &found[found.len() / 3];
    let cuts = [1, 8, 9, HEADER.len(), HEADER.len() + 1, frame.start, frame.start + 1]
        .into_iter()
        .chain([10, 11, 12, 16, 17].map(|byte| frame.start + byte))
        .chain([frame.end, frame.end + 2, frame.end + 4, whole.len() - 1]);
    for cut in cuts {
        let dir = Dir::new();
        let recording = dir.write("cut.flv", &whole[..cut]);
        let ended = dir.transcode(&recording, &[]);
        if cut <= HEADER.len() + 1 {
            ended.fails_with(65, "");
            dir.holds_nothing_published();
            continue;
        }
        ended.succeeds();
        dir.has_no_blocker("vod");
    }
}
