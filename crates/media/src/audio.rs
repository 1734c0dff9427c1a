//! The audio rendition, once for the whole recording: never per chunk, where it would click at every join.

use std::path::Path;

use job::plan::{AudioBits, AudioPlan, Plan};
use job::report::EncodedAudio;

use crate::MediaError;
use crate::input::Input;

mod aac;
mod convert;
mod copy;
mod encode;
#[cfg(test)]
mod fixture;
pub(crate) mod timeline;
mod track;
mod writer;

/// Makes the audio rendition of `recording` as files in `output`. `progress` hears how much of it is done, in AAC frames.
///
/// What is encoded is computed in floating point: to give the same bytes on all CPUs of an architecture, the whole process keeps to
/// instructions that all of them have.
///
/// # Errors
/// If the recording cannot be read or does not fit the plan, or a library call fails. Damaged packets are counted, not errors.
pub fn encode_audio(
    recording: &Path,
    plan: &Plan,
    output: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<EncodedAudio, MediaError> {
    let audio = plan
        .audio
        .as_ref()
        .ok_or_else(|| MediaError::PlanMismatch("the plan has no audio".to_owned()))?;
    let input = Input::open(recording, plan.container, &plan.clock)?;
    match audio.bits {
        AudioBits::Source => copy::copy(input, audio, output, progress),
        AudioBits::Encoded { kbps } => {
            crate::ffi::use_common_instructions();
            encode::encode(input, audio, kbps, output, progress)
        }
    }
}

/// A source time as samples from the presentation's start, rounded to the nearest.
fn samples_at(audio: &AudioPlan, time: i64, timescale: u32) -> i64 {
    let ticks_per_second = i128::from(timescale);
    let origin_ticks_per_second = i128::from(audio.origin_timescale.get());
    let per_second = ticks_per_second * origin_ticks_per_second;
    let ticks =
        i128::from(time) * origin_ticks_per_second - i128::from(audio.origin) * ticks_per_second;
    let samples =
        (ticks * i128::from(audio.sample_rate) * 2 + per_second).div_euclid(per_second * 2);
    i64::try_from(samples).unwrap_or(if samples < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn times_become_samples_without_drift() {
        let audio = AudioPlan {
            bits: AudioBits::Source,
            sample_rate: 44_100,
            origin: 67,
            origin_timescale: NonZeroU32::new(1000).unwrap(),
            cuts: vec![0, 1],
        };
        for (time, samples) in
            [(67, 0), (68, 44), (1067, 44_100), (0, -2955), (36_000_067, 1_587_600_000)]
        {
            assert_eq!(samples_at(&audio, time, 1000), samples, "{time} ms");
        }
        assert_eq!(samples_at(&audio, i64::MAX, 1), i64::MAX, "no overflow");
    }
}
