//! What cannot be published: one sentence, an exit code that means something, and nothing left behind.

use std::fs;

use crate::support::command::run;
use crate::support::directory::Dir;
use crate::support::ffmpeg::{decodes_clean, packets};
use crate::support::flv;
use crate::support::recordings::{make, short};

#[track_caller]
fn is_refused(bytes: impl AsRef<[u8]>, sentence: &str) {
    let dir = Dir::new();
    let recording = dir.write("recording.flv", bytes);
    dir.transcode(&recording, &[]).fails_with(65, sentence);
    dir.holds_nothing_published();
}

#[test]
fn an_empty_file_is_refused() {
    is_refused("", "the file is empty");
}

#[test]
fn text_is_refused() {
    is_refused("This is not a recording.\n".repeat(100), "the file is text, not a recording");
}

#[test]
fn a_playlist_is_refused_and_what_it_names_is_not_read() {
    let dir = Dir::new();
    dir.copy(
        &make("segment.ts", "-f lavfi -i testsrc2=size=320x180 -t 1 -c:v mpeg4"),
        "segment.ts",
    );
    let text = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsegment.ts\n#EXT-X-ENDLIST\n";
    let playlist = dir.write("playlist.flv", text);
    dir.transcode(&playlist, &[]).fails_with(65, "the file is text, not a recording");
    dir.holds_nothing_published();
}

#[test]
fn bytes_of_no_known_container_are_refused() {
    let noise: Vec<u8> =
        (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    is_refused(&noise, "the file is no recording that is read here");
}

#[test]
fn an_flv_cut_before_its_first_frame_is_refused() {
    let whole = fs::read(short()).unwrap();
    let first_tag = flv::tags(&whole)[0].1.clone();
    is_refused(&whole[..5], "the file ends within the FLV header, after 5 of 9 bytes");
    let no_frame = "the recording holds no frame";
    for end in [flv::HEADER.len(), first_tag.start + 5, first_tag.end - 1] {
        is_refused(&whole[..end], no_frame);
    }
}

#[test]
fn an_flv_cut_in_the_middle_is_published_with_a_note() {
    let whole = fs::read(short()).unwrap();
    let (_, last) =
        flv::tags(&whole).into_iter().find(|(_, range)| range.end > whole.len() / 2).unwrap();
    // Within the tag's head, within its payload, and before the size that follows it.
    for (end, expected) in [
        (last.start + 3, Some("the recording is cut")),
        (last.end - 1, Some("the recording is cut")),
        (last.start, None),
    ] {
        let dir = Dir::new();
        let recording = dir.write("killed.flv", &whole[..end]);
        let said = dir.transcode(&recording, &[]).succeeds();
        let note = said.lines().find(|line| line.contains("note: the recording is cut"));
        assert_eq!(note.is_some(), expected.is_some(), "cut at {end}: {said}");
        dir.has_no_blocker("vod");
    }
}

#[test]
fn garbage_after_whole_tags_is_left_out() {
    let mut bytes = fs::read(short()).unwrap();
    bytes.extend_from_slice(&[0xaa; 5000]);
    let dir = Dir::new();
    let published = dir.publish(&dir.write("garbage.flv", bytes), &[]);
    assert_eq!(packets('v', &published.path_of("source")), 90);
    decodes_clean(&published.master_path());
}

#[test]
fn a_head_of_zeros_is_refused_with_its_cause() {
    let mut bytes = fs::read(short()).unwrap();
    let half = bytes.len() / 2;
    bytes[..half].fill(0);
    // nginx-rtmp patches the flags into it.
    bytes[4] = 5;
    is_refused(bytes, "record_unique");
}

#[test]
fn headers_without_a_frame_are_refused() {
    let donor = fs::read(short()).unwrap();
    let stub = [
        flv::HEADER,
        &flv::tag(flv::AUDIO, 0, flv::AAC_HEADER),
        &flv::tag(flv::VIDEO, 0, flv::avc_header(&donor)),
        &flv::tag(flv::VIDEO, 3, flv::AVC_END),
    ];
    is_refused(stub.concat(), "the recording holds no frame");
}

#[test]
fn enhanced_rtmp_is_refused_by_its_codec() {
    // Extended header with a key frame: packet type 0 begins a sequence, 1 is coded frames with a composition time.
    let begin = [b"\x90hvc1".as_slice(), &[1; 23]].concat();
    let frame = [b"\x91hvc1".as_slice(), &[0; 200]].concat();
    let file =
        [flv::HEADER, &flv::tag(flv::VIDEO, 0, &begin), &flv::tag(flv::VIDEO, 0, &frame)].concat();
    is_refused(&file, "enhanced RTMP with hvc1");
}

#[test]
fn a_codec_that_is_not_decoded_is_refused_by_its_name() {
    let pictures = "-f lavfi -i testsrc2=size=320x180:rate=10 -t 1";
    for (recording, name) in [
        (make("screen.flv", &format!("{pictures} -c:v flashsv")), "Screen video"),
        (make("mjpeg.mkv", &format!("{pictures} -c:v mjpeg")), "mjpeg"),
    ] {
        let dir = Dir::new();
        dir.transcode(&recording, &[]).fails_with(65, name);
        dir.holds_nothing_published();
    }
}

#[test]
fn what_is_not_there_is_no_input() {
    let dir = Dir::new();
    dir.transcode(&dir.path("missing.flv"), &[]).fails_with(66, "missing.flv: ");
    fs::create_dir(dir.path("directory")).unwrap();
    dir.transcode(&dir.path("directory"), &[]).fails_with(66, "not a file");
    assert!(!dir.path("vod").exists());
    run(dir.transcoder().args(["check", "nothing"])).fails_with(66, "there is no master.m3u8");
}

#[test]
fn what_cannot_be_meant_is_a_usage_error() {
    let dir = Dir::new();
    dir.transcode(&short(), &["--profile", "best"]).fails_with(2, "there is no profile \"best\"");
    assert!(!dir.path("vod").exists());
    dir.write("vod", "a file");
    dir.transcode(&short(), &[]).fails_with(2, "vod is a file: give a directory");
    let without_arguments = run(&mut dir.transcoder());
    assert_eq!(without_arguments.code, Some(2));
    assert!(without_arguments.stderr.contains("Usage: transcoder"));
}
