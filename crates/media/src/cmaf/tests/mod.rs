//! Tests of the writer and the reader against each other, against fixed boxes, and of the reader
//! against arbitrary bytes. Here: what they share.

mod arbitrary;
mod reading;
mod timing;
mod writing;

use super::boxes::boxes;
use super::*;

/// High profile, level 3.0, one SPS and one PPS; the trailing byte shows that it is not rewritten.
const AVCC: &[u8] = &[
    1, 0x64, 0, 0x1E, 0xFF, 0xE1, 0, 4, 0x67, 0x64, 0, 0x1E, 1, 0, 2, 0x68, 0xEE, 0xFD, 0xF8, 0xF8,
    0, 0xAA,
];
/// AAC-LC, 48 kHz, stereo.
const ASC: &[u8] = &[0x11, 0x90];

fn video_init() -> VideoInit<'static> {
    VideoInit {
        timescale: 90_000,
        width: 642,
        height: 358,
        avcc: AVCC,
        composition_shift: 7_200,
        colour: Some(Colour { primaries: 1, transfer: 6, matrix: 5, full_range: true }),
    }
}

fn audio_init() -> AudioInit<'static> {
    AudioInit { sample_rate: 48_000, channels: 2, audio_specific_config: ASC, bitrate: None }
}

/// A GOP in coded order I P B b b, two frames of reordering, at 25 frames/s.
fn gop_samples(data: &[u8]) -> Vec<Sample<'_>> {
    let presentation_times = [0, 14_400, 7_200, 3_600, 10_800];
    let timings = closed_gop(&presentation_times, 18_000, 7_200).unwrap();
    let sample = |(index, timing): (usize, SampleTiming)| Sample {
        data: &data[..=index],
        duration: timing.duration,
        composition_offset: timing.composition_offset,
        sync: index == 0,
    };
    timings.into_iter().enumerate().map(sample).collect()
}

const CONTAINERS: [&str; 10] =
    ["moov", "trak", "edts", "mdia", "minf", "dinf", "stbl", "mvex", "moof", "traf"];

fn init_with_defaults(size: u32) -> Init {
    let mut init = read_init(&video_init().to_bytes().unwrap()).unwrap();
    init.defaults = SampleDefaults { duration: 10, size, flags: 0x0001_0000 };
    init
}
