//! Recordings that are damaged within: what can be shown and heard of them is published, without the damage.

use std::fs;

use crate::support::command::run;
use crate::support::directory::Dir;
use crate::support::ffmpeg::{decodes_clean, packets};
use crate::support::flv::{self, AUDIO, VIDEO, tags};
use crate::support::presentation::Presentation;
use crate::support::recordings::{short, short_with, usual};

/// Overwrites what a tag of a kind holds, codec configuration and headers excepted.
fn spoil(file: &mut [u8], kind: u8, number: usize) {
    let found = tags(file).into_iter().filter(|(found, _)| *found == kind).nth(number);
    let (_, tag) = found.expect("it has so many");
    file[tag.start + 18..tag.end].fill(0x55);
}

fn published(dir: &Dir, bytes: &[u8], options: &[&str]) -> Presentation {
    let published = dir.publish(&dir.write("damaged.flv", bytes), options);
    decodes_clean(&published.master_path());
    published
}

/// What `check` finds besides blockers.
fn warnings(dir: &Dir) -> String {
    run(dir.transcoder().args(["check", "vod"])).succeeds()
}

#[test]
fn a_damaged_source_keeps_its_size_where_it_was_the_only_rung() {
    let mut bytes = fs::read(short()).unwrap();
    spoil(&mut bytes, VIDEO, 40);
    let dir = Dir::new();
    let published = published(&dir, &bytes, &[]);
    assert_eq!(published.names(), ["v180"]);
    assert!(packets('v', &published.path_of("v180")) >= 85);
    let again = dir.transcode(&dir.path("damaged.flv"), &[]).succeeds();
    assert!(again.contains("was published before"), "{again}");
}

#[test]
fn a_damaged_source_keeps_its_size_above_other_rungs() {
    let mut bytes = fs::read(usual()).unwrap();
    spoil(&mut bytes, VIDEO, 100);
    let published = published(&Dir::new(), &bytes, &[]);
    assert_eq!(published.names(), ["v360", "v234"]);
}

#[test]
fn pictures_that_the_decoder_drops_without_a_word_are_not_copied() {
    // Half a second is lost, and with it what the frames after it are predicted from: the decoder waits for something to start from.
    let mut bytes = fs::read(short_with("predicted.flv", "-bf 2 -an")).unwrap();
    let video: Vec<_> = tags(&bytes).into_iter().filter(|(kind, _)| *kind == VIDEO).collect();
    bytes.drain(video[20].1.start..video[36].1.start);
    let published = published(&Dir::new(), &bytes, &[]);
    assert!(!published.names().contains(&"source".to_owned()));
}

#[test]
fn damaged_sound_is_silence_and_no_noise() {
    let mut bytes = fs::read(short()).unwrap();
    spoil(&mut bytes, AUDIO, 70);
    let dir = Dir::new();
    let recording = dir.write("damaged.flv", &bytes);
    let said = dir.transcode(&recording, &[]).succeeds();
    assert!(said.contains("1 audio packets could not be decoded"), "{said}");
    assert!(!warnings(&dir).contains("1-audio"));
    decodes_clean(&Presentation::open(&dir.path("vod")).master_path());
}

#[test]
fn one_wrong_time_of_the_audio_adds_no_hours() {
    let mut bytes = fs::read(short_with("sound.flv", "-vn")).unwrap();
    let (_, tag) = tags(&bytes).into_iter().filter(|(kind, _)| *kind == AUDIO).nth(50).unwrap();
    bytes[tag.start + 4] = 0xff;
    let dir = Dir::new();
    let recording = dir.write("damaged.flv", &bytes);
    let said = dir.transcode(&recording, &[]).succeeds();
    assert!(said.contains("(3 s)") && !said.contains("silence"), "{said}");
    dir.has_no_blocker("vod");
}

#[test]
fn an_audio_configuration_that_no_decoder_opens_is_refused() {
    // AAC scalable, which no decoder knows.
    let mut bytes = flv::HEADER.to_vec();
    bytes.extend(flv::tag(AUDIO, 0, &[0xaf, 0, 0x32, 0x10]));
    for time in 0..9 {
        bytes.extend(flv::tag(AUDIO, time * 21, &[0xaf, 1, 33, 0, 73, 144, 2, 25, 0, 35, 128]));
    }
    let dir = Dir::new();
    let recording = dir.write("scalable.flv", bytes);
    dir.transcode(&recording, &[]).fails_with(65, "audio configuration is damaged");
}
