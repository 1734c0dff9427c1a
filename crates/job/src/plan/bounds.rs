//! What the numbers of an index may be. An index is made by a process that has parsed hostile bytes, so that it may hold anything; within
//! these bounds the arithmetic of planning cannot overflow.

use super::PlanError;
use crate::source::SourceIndex;

/// Times up to here can be added and multiplied by small factors. It is 3000 years of 90 kHz.
const LATEST: u64 = 1 << 53;

pub(super) fn check(index: &SourceIndex) -> Result<(), PlanError> {
    let video = index.video.iter().flat_map(|video| &video.frames);
    let video = video.flat_map(|frame| [frame.pts, frame.dts]);
    let audio = index.audio.iter().flat_map(|audio| [audio.start, audio.end]);
    let clock = &index.clock;
    let shifts = clock.video.iter().chain(&clock.audio).map(|step| step.shift);
    let mut times = video.chain(audio).chain(shifts);
    if let Some(ticks) = times.find(|ticks| ticks.unsigned_abs() > LATEST) {
        return Err(PlanError::Time { ticks });
    }
    let video = index.video.as_ref().map_or(0, |video| video.frames.len() as u64);
    let audio = index.audio.as_ref().map_or(0, |audio| audio.frames);
    let (frames, bytes) = (video.max(audio), index.byte_length);
    if frames > bytes {
        return Err(PlanError::FrameCount { frames, bytes });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::option::of;
    use proptest::prelude::*;

    use super::*;
    use crate::plan::plan;
    use crate::playlist::fixture::{audio, identity, index, profile, video};
    use crate::source::{AudioSource, Clock, ClockStep, Frame, VideoSource};

    #[test]
    fn times_that_no_clock_shows_are_refused() {
        let clock = |clock| SourceIndex { clock, ..index(None, Some(audio(1000))) };
        for ticks in [i64::MIN, i64::MAX, -(1 << 53) - 1, (1 << 53) + 1] {
            let mut pts = video(30, 30, &[0]);
            pts.frames[7].pts = ticks;
            let mut dts = video(30, 30, &[0]);
            dts.frames[7].dts = ticks;
            let start = AudioSource { start: ticks, ..audio(1000) };
            let end = AudioSource { end: ticks, ..audio(1000) };
            for index in [
                index(Some(pts), None),
                index(Some(dts), None),
                index(None, Some(start)),
                index(None, Some(end)),
                clock(Clock {
                    video: vec![ClockStep { offset: 0, shift: ticks }],
                    ..Clock::default()
                }),
            ] {
                let refused = plan(&identity(), &index, &profile(true)).unwrap_err();
                assert_eq!(refused, PlanError::Time { ticks });
            }
        }
    }

    #[test]
    fn more_frames_than_bytes_are_refused() {
        let mut index = index(Some(video(30, 30, &[0])), None);
        index.byte_length = 29;
        let refused = plan(&identity(), &index, &profile(true)).unwrap_err();
        assert_eq!(refused, PlanError::FrameCount { frames: 30, bytes: 29 });
        index.byte_length = 30;
        plan(&identity(), &index, &profile(true)).unwrap();
    }

    #[test]
    fn a_sample_rate_that_aac_does_not_have_is_not_copied() {
        for sample_rate in [0, 1, 7349, 96_001, u32::MAX] {
            let index = index(None, Some(AudioSource { sample_rate, ..audio(10_000) }));
            let plan = plan(&identity(), &index, &profile(true)).unwrap();
            assert_eq!(plan.audio.unwrap().sample_rate, 48_000);
        }
    }

    /// Times up to a magnitude.
    fn any_time(magnitude: u32) -> impl Strategy<Value = i64> + Clone {
        let most = i64::MAX >> (63 - magnitude);
        prop_oneof![30 => -most / 8..=most, 1 => Just(most), 1 => Just(-most - 1)]
    }

    /// From milliseconds to all that there are; most within the bounds.
    fn any_magnitude() -> impl Strategy<Value = u32> {
        prop_oneof![4 => 4_u32..30, 4 => 30_u32..=53, 1 => 54_u32..=63]
    }

    fn any_timescale() -> impl Strategy<Value = NonZeroU32> {
        let usual = prop::sample::select(vec![1, 30, 1000, 90_000, u32::MAX]);
        prop_oneof![usual, any::<u32>()].prop_map(|ticks| NonZeroU32::new(ticks.max(1)).unwrap())
    }

    fn any_frame(magnitude: u32) -> impl Strategy<Value = Frame> {
        let time = any_time(magnitude);
        (time.clone(), time, any::<u64>(), any::<u32>(), any::<bool>()).prop_map(Frame::from)
    }

    fn any_length() -> impl Strategy<Value = u32> {
        prop_oneof![3 => 16_u32..=8192, 1 => any::<u32>()]
    }

    fn any_video(magnitude: u32) -> impl Strategy<Value = VideoSource> {
        let aspect = prop_oneof![Just((1, 1)), any::<(u32, u32)>()];
        let frames = prop::collection::vec(any_frame(magnitude), 0..40);
        let shown_from = of(any_time(magnitude));
        let offsets = prop::collection::vec(any::<u64>(), 0..3);
        (
            any_timescale(),
            any_length(),
            any_length(),
            aspect,
            any::<u16>(),
            shown_from,
            offsets,
            frames,
        )
            .prop_map(
                |(timescale, width, height, aspect, turn, shown_from, offsets, frames)| {
                    VideoSource {
                        timescale,
                        width,
                        height,
                        pixel_aspect: aspect,
                        rotation: turn % 4 * 90,
                        shown_from,
                        config_offsets: offsets,
                        frames,
                        ..video(30, 0, &[])
                    }
                },
            )
    }

    fn any_audio(magnitude: u32) -> impl Strategy<Value = AudioSource> {
        let rate = prop_oneof![Just(44_100), any::<u32>()];
        let frames = prop_oneof![0_u64..1000, any::<u64>()];
        (rate, any_timescale(), any_time(magnitude), any_time(magnitude), frames).prop_map(
            |(sample_rate, timescale, start, end, frames)| AudioSource {
                sample_rate,
                timescale,
                start,
                end,
                frames,
                ..audio(0)
            },
        )
    }

    fn any_clock(magnitude: u32) -> impl Strategy<Value = Clock> {
        let step = (any::<u64>(), any_time(magnitude)).prop_map(ClockStep::from);
        let steps = prop::collection::vec(step, 0..3);
        (steps.clone(), steps).prop_map(|(video, audio)| Clock { video, audio })
    }

    proptest! {
        /// A child that was taken over may write any index.
        #[test]
        fn no_index_panics(
            video in any_magnitude().prop_flat_map(|magnitude| of(any_video(magnitude))),
            audio in any_magnitude().prop_flat_map(|magnitude| of(any_audio(magnitude))),
            clock in any_magnitude().prop_flat_map(any_clock),
            copy: bool,
        ) {
            let index = SourceIndex { clock, ..index(video, audio) };
            if let Ok(plan) = plan(&identity(), &index, &profile(copy)) {
                prop_assert!(plan.target_duration >= 1);
                let _ = plan.duration_ms();
            }
        }
    }
}
