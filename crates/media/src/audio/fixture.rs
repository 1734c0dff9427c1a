//! What the tests of this folder share: small plans, a tone, and reading back what was written.

use std::num::NonZeroU32;
use std::path::Path;

use ffmpeg_next::codec::{self, Id, decoder};
use job::plan::{AudioBits, AudioPlan};
use job::report::EncodedAudio;

use super::convert::Stereo;
use crate::cmaf::{Init, Media, read_init, read_segment};
use crate::decode::AudioDecoder;
use crate::ffi;
use crate::input::AudioPacket;

/// 48 kHz stereo AAC-LC.
pub(super) const CONFIG: [u8; 2] = [0x11, 0x90];

/// So many frames at 48 kHz, in one segment.
pub(super) fn plan(frames: u64) -> AudioPlan {
    AudioPlan {
        bits: AudioBits::Source,
        sample_rate: 48_000,
        origin: 0,
        origin_timescale: NonZeroU32::new(1000).unwrap(),
        cuts: vec![0, frames],
    }
}

/// A square wave of 500 Hz: loud everywhere.
pub(super) fn tone(samples: usize) -> Stereo {
    let wave: Vec<f32> = (0..samples).map(|i| if i / 48 % 2 == 0 { 0.4 } else { -0.4 }).collect();
    Stereo { left: wave.clone(), right: wave }
}

/// The frames of a rendition.
pub(super) fn frames(output: &Path, encoded: &EncodedAudio) -> Vec<Vec<u8>> {
    let init = init(output, encoded);
    let mut frames = Vec::new();
    for segment in &encoded.rendition.segments {
        let bytes = std::fs::read(output.join(&segment.file)).unwrap();
        let fragments = read_segment(&bytes, &init).unwrap();
        let samples = fragments.iter().flat_map(|fragment| &fragment.samples);
        frames.extend(samples.map(|sample| bytes[sample.data.clone()].to_vec()));
    }
    frames
}

/// The left channel of a rendition.
pub(super) fn sound(output: &Path, encoded: &EncodedAudio) -> Vec<f32> {
    let Media::Audio(entry) = init(output, encoded).media else { panic!("not audio") };
    decode(&entry.audio_specific_config, &frames(output, encoded))
}

/// Decodes AAC frames: the left channel.
pub(super) fn decode(config: &[u8], frames: &[Vec<u8>]) -> Vec<f32> {
    let mut context = codec::Context::new_with_codec(decoder::find(Id::AAC).unwrap());
    assert!(ffi::set_extradata(&mut context, config));
    let mut decoder = AudioDecoder::open(context).unwrap();
    let mut samples = Vec::new();
    let mut sink = |frame: &mut ffmpeg_next::frame::Audio, _| {
        samples.extend_from_slice(frame.plane::<f32>(0));
        Ok(())
    };
    for (index, data) in frames.iter().enumerate() {
        let pts = i64::try_from(index).unwrap() * 1024;
        decoder.decode(Some(&AudioPacket { pts, offset: 0, data }), &mut sink).unwrap();
    }
    decoder.decode(None, &mut sink).unwrap();
    assert_eq!(decoder.errors(), 0);
    samples
}

/// Which frames of decoded sound are loud.
pub(super) fn loud(samples: &[f32]) -> Vec<usize> {
    let is_loud = |frame: &[f32]| frame.iter().filter(|sample| sample.abs() > 0.2).count() > 512;
    let frames = samples.chunks(1024).enumerate();
    frames.filter(|(_, frame)| is_loud(frame)).map(|(index, _)| index).collect()
}

fn init(output: &Path, encoded: &EncodedAudio) -> Init {
    read_init(&std::fs::read(output.join(&encoded.rendition.init)).unwrap()).unwrap()
}
