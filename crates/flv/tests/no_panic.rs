//! Whatever the bytes, no parser panics, and a walk ends.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use common::{AUDIO, HEAD, VIDEO, push_tag};
use flv::{
    AudioSpecificConfig, AudioTag, AvcConfig, Header, NalLengthSize, NalUnits, Sps, Stamp, Stream,
    TagKind, TagReader, VideoTag, annex_b_nal_units, annex_b_to_length_prefixed, contains_idr,
    follow_clock,
};
use proptest::collection::vec;
use proptest::prelude::*;

mod common;

const SPS: &[u8] = b"\x67\x64\x00\x1e\xac\xd9\x40\xa0\x2b\xf8\x8f\xfc\x02\x84\x02\x80\x40\x00\x00\
                     \x03\x00\x40\x00\x00\x0f\x03\xc5\x8b\x65\x80";
const PPS: &[u8] = b"\x68\xeb\xec\xb2\x2c";

fn recording() -> Vec<u8> {
    let extradata = [b"\0\0\0\x01", SPS, b"\0\0\0\x01", PPS].concat();
    let config = AvcConfig::from_annex_b(&extradata).unwrap();
    let mut file = HEAD.to_vec();
    push_tag(&mut file, VIDEO, 0, &[b"\x17\0\0\0\0", config.raw()].concat());
    push_tag(&mut file, AUDIO, 0, b"\xaf\0\x13\x08\x56\xe5\x9d\x48\x80");
    push_tag(&mut file, VIDEO, 33, b"\x17\x01\0\0\x43\0\0\0\x02\x06x\0\0\0\x03\x65id");
    push_tag(&mut file, AUDIO, 40, b"\xaf\x01sound");
    push_tag(&mut file, VIDEO, 66, b"\x90hvc1");
    file
}

/// Gives the bytes to every parser, as if they were its own.
fn parse_as_everything(bytes: &[u8]) {
    let _ = Header::parse(bytes);
    let _ = VideoTag::parse(bytes);
    let _ = AudioTag::parse(bytes);
    let _ = AudioSpecificConfig::parse(bytes).map(|config| config.rfc6381());
    let _ = Sps::parse(bytes);
    let _ = Sps::parse(&[&SPS[..1], bytes].concat());
    let _ = AvcConfig::from_annex_b(bytes);
    let _ = annex_b_nal_units(bytes).count();
    let _ = annex_b_to_length_prefixed(bytes, &mut Vec::new());
    if let Ok(config) = AvcConfig::parse(bytes) {
        for sps in config.sps() {
            let _ = Sps::parse(sps);
        }
    }
    for size in [NalLengthSize::One, NalLengthSize::Two, NalLengthSize::Four] {
        assert!(NalUnits::new(bytes, size).count() <= bytes.len());
        let _ = contains_idr(bytes, size);
    }
}

/// Walks and takes every tag apart; returns how many there were.
fn walk(file: &[u8]) -> usize {
    let Ok((_, mut reader)) = TagReader::open(file) else {
        return 0;
    };
    let mut count = 0;
    while let Some(tag) = reader.next_tag().unwrap() {
        count += 1;
        match tag.header.kind {
            TagKind::Video => match VideoTag::parse(tag.body) {
                Ok(VideoTag::Avc { payload, .. }) => parse_as_everything(payload),
                _ => parse_as_everything(tag.body),
            },
            TagKind::Audio => match AudioTag::parse(tag.body) {
                Ok(AudioTag::Aac { payload, .. }) => parse_as_everything(payload),
                _ => parse_as_everything(tag.body),
            },
            TagKind::Script => {}
        }
    }
    assert!(reader.end().is_some());
    count
}

/// Mostly a clock's, sometimes anything.
fn any_timestamp() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0_u32..5000, 1 => any::<u32>(), 1 => 0xffff_0000_u32.., 1 => 0xff_0000_u32..0x101_0000]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        parse_as_everything(&bytes);
        walk(&[HEAD, &bytes].concat());
    }

    /// Few distinct values: start codes, long Exp-Golomb codes and zero sizes become likely.
    #[test]
    fn sparse_bytes_never_panic(bytes in vec(prop_oneof![Just(0), Just(1), Just(3), Just(0x67), Just(0xff), any::<u8>()], 0..300)) {
        parse_as_everything(&bytes);
    }

    #[test]
    fn mutated_recordings_never_panic(
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut file = recording();
        for (at, value) in &changes {
            let at = at.index(file.len());
            file[at] = *value;
        }
        walk(&file);
        walk(&file[..cut.index(file.len())]);
    }

    #[test]
    fn mutated_parameter_sets_never_panic(
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut sps = SPS.to_vec();
        for (at, value) in &changes {
            let at = at.index(sps.len());
            sps[at] = *value;
        }
        let _ = Sps::parse(&sps);
        let _ = AvcConfig::from_annex_b(&[b"\0\0\x01", &sps[..], b"\0\0\x01", PPS].concat());
    }

    #[test]
    fn any_timestamps_have_a_time_that_goes_on(raw in vec((any::<bool>(), any_timestamp()), 0..80)) {
        let stamp = |(is_video, timestamp)| Stamp {
            stream: if is_video { Stream::Video } else { Stream::Audio },
            timestamp,
        };
        let stamps: Vec<Stamp> = raw.into_iter().map(stamp).collect();
        let (times, jumps) = follow_clock(&stamps);
        prop_assert_eq!(times.len(), stamps.len());
        prop_assert!(jumps.iter().all(|jump| jump.stamp < stamps.len()));
        let mut latest: Option<i64> = None;
        for time in &times {
            prop_assert!(*time - latest.unwrap_or(*time) <= 600_000, "a leap to {time} ms in {times:?}");
            latest = latest.max(Some(*time));
        }
        for stream in [Stream::Video, Stream::Audio] {
            let of = stamps.iter().zip(&times).filter(|(stamp, _)| stamp.stream == stream);
            let times: Vec<i64> = of.map(|(_, time)| *time).collect();
            for pair in times.windows(2) {
                let step = pair[1] - pair[0];
                prop_assert!(step >= -30_000, "{step} ms in {times:?}");
            }
        }
    }
}

#[test]
fn the_recording_that_is_mutated_is_whole() {
    assert_eq!(walk(&recording()), 5);
}
