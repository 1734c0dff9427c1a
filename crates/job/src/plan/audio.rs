//! The audio part of a plan: one rendition over the whole presentation, cut where the video is.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use super::{AAC_FRAME, AudioBits, AudioPlan, LONGEST_PRESENTATION_SECONDS, PlanError, VideoPlan};
use crate::profile::Profile;
use crate::source::{AudioSource, SourceIndex};

/// Sample rates that AAC has (ISO/IEC 14496-3 table 1.18).
const AAC_RATES: RangeInclusive<u32> = 7350..=96_000;

pub(super) fn plan(
    index: &SourceIndex,
    profile: &Profile,
    video: Option<&VideoPlan>,
) -> Result<Option<AudioPlan>, PlanError> {
    let Some(audio) = &index.audio else { return Ok(None) };
    let copy = profile.audio.copy
        && audio.aac_object_type == Some(2)
        && audio.channels == 2
        && AAC_RATES.contains(&audio.sample_rate);
    let rate_plays = matches!(audio.sample_rate, 44_100 | 48_000);
    let sample_rate = if copy || rate_plays { audio.sample_rate } else { 48_000 };
    let bits =
        if copy { AudioBits::Source } else { AudioBits::Encoded { kbps: profile.audio.kbps } };
    let (origin, origin_timescale, cuts) = if let Some(video) = video {
        (video.origin, video.timescale, cuts_of_video(video, sample_rate))
    } else {
        (audio.start, audio.timescale, cuts_of_audio(audio, sample_rate, profile)?)
    };
    Ok(Some(AudioPlan { bits, sample_rate, origin, origin_timescale, cuts }))
}

/// The AAC frames nearest to the video's cuts.
fn cuts_of_video(video: &VideoPlan, sample_rate: u32) -> Vec<u64> {
    let starts = video.segments.iter().map(|segment| segment.start);
    let mut cuts: Vec<u64> = starts
        .chain([video.duration])
        .map(|time| aac_frames(time, video.timescale, sample_rate))
        .collect();
    // Even a presentation shorter than half an AAC frame has one.
    if let [_, .., end] | [end] = cuts.as_mut_slice() {
        *end = (*end).max(1);
    }
    cuts
}

/// The cuts of a presentation without video.
fn cuts_of_audio(
    audio: &AudioSource,
    sample_rate: u32,
    profile: &Profile,
) -> Result<Vec<u64>, PlanError> {
    let span = audio.end.saturating_sub(audio.start);
    let seconds = span / i64::from(audio.timescale.get());
    if seconds > LONGEST_PRESENTATION_SECONDS {
        return Err(PlanError::Span { seconds });
    }
    let frames = aac_frames(span, audio.timescale, sample_rate).max(1);
    Ok(even_cuts(frames, sample_rate, profile.segment_ms))
}

fn even_cuts(frames: u64, sample_rate: u32, segment_ms: u32) -> Vec<u64> {
    let per_segment = u64::from(segment_ms) * u64::from(sample_rate) / 1000 / AAC_FRAME;
    let step = usize::try_from(per_segment.max(1)).unwrap_or(usize::MAX);
    let mut cuts: Vec<u64> = (0..frames).step_by(step).collect();
    // A rest of less than half a segment joins the last one.
    if cuts.len() > 1 && cuts.last().is_some_and(|last| frames - last < per_segment / 2) {
        cuts.pop();
    }
    cuts.push(frames);
    cuts
}

/// A time as a number of AAC frames, rounded to the nearest.
fn aac_frames(ticks: i64, timescale: NonZeroU32, sample_rate: u32) -> u64 {
    let samples = i128::from(ticks.max(0)) * i128::from(sample_rate);
    let per_frame = i128::from(timescale.get()) * i128::from(AAC_FRAME);
    u64::try_from((samples + per_frame / 2) / per_frame).unwrap_or(0)
}
