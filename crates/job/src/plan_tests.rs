//! What is planned for which recording.

use std::collections::BTreeMap;

use super::*;
use crate::playlist::fixture::{audio, identity, index, profile, video};
use crate::source::{AudioCodec, AudioSource, Frame, VideoSource};

fn planned(video: Option<VideoSource>, audio: Option<AudioSource>, copy: bool) -> Plan {
    plan(&identity(), &index(video, audio), &profile(copy)).unwrap()
}

fn refused(video: Option<VideoSource>, audio: Option<AudioSource>) -> PlanError {
    plan(&identity(), &index(video, audio), &profile(true)).unwrap_err()
}

fn copies(video: VideoSource) -> bool {
    let plan = planned(Some(video), None, true).video.unwrap();
    plan.rungs[0].bits == RungBits::Source
}

/// 20 s at 30 frames/s, a keyframe every 2 s.
fn good() -> VideoSource {
    let keyframes: Vec<i64> = (0..600).step_by(60).collect();
    video(30, 600, &keyframes)
}

#[test]
fn a_source_that_every_player_takes_is_copied() {
    assert!(copies(good()));
    assert!(planned(Some(good()), None, false).video.unwrap().rungs[0].bits != RungBits::Source);
}

type Change = (&'static str, fn(&mut VideoSource));

#[test]
fn each_rule_of_copying_counts() {
    let changes: [Change; 15] = [
        ("no H.264", |v| v.h264 = None),
        ("High 10", |v| v.h264.as_mut().unwrap().profile_idc = 110),
        ("4:2:2", |v| v.h264.as_mut().unwrap().chroma_format_idc = 2),
        ("10 bit", |v| v.h264.as_mut().unwrap().bit_depth = 10),
        ("interlaced", |v| {
            v.h264.as_mut().unwrap().progressive = false;
        }),
        ("two configurations", |v| {
            v.h264.as_mut().unwrap().one_configuration = false;
        }),
        ("open GOPs", |v| {
            v.h264.as_mut().unwrap().closed_gops = false;
        }),
        ("wide pixels", |v| v.pixel_aspect = (4, 3)),
        ("turned", |v| v.rotation = 90),
        ("odd width", |v| v.width = 1279),
        ("odd height", |v| v.height = 719),
        ("a GOP too long", |v| {
            v.frames[1..].iter_mut().for_each(|frame| frame.sync = false);
        }),
        ("a GOP too large", |v| v.frames[70].size = 4_000_000),
        ("two frames at one time", |v| {
            v.frames[70].pts = v.frames[71].pts;
        }),
        ("a frame before the first keyframe", |v| {
            v.frames[1].pts = -1;
        }),
    ];
    for (name, change) in changes {
        let mut video = good();
        change(&mut video);
        assert!(!copies(video), "{name}");
    }
    let fast: Vec<i64> = (0..2400).step_by(240).collect();
    assert!(!copies(video(120, 2400, &fast)), "more than 60 frames/s");
}

/// What is presented within a chunk is read for it, whatever the order of decoding, and every frame belongs to one chunk.
fn assert_covered(source: &VideoSource, plan: &VideoPlan) {
    let chunks = &plan.chunks;
    assert_eq!(chunks[0].start, 0);
    assert_eq!(chunks.last().unwrap().end, plan.duration);
    assert_eq!(chunks.iter().map(|chunk| u64::from(chunk.frames)).sum::<u64>(), plan.frames);
    let segments: usize = chunks.iter().map(|chunk| plan.segments_of(chunk).len()).sum();
    assert_eq!(segments, plan.segments.len());
    for pair in chunks.windows(2) {
        assert_eq!(pair[0].end, pair[1].start);
        assert_eq!(pair[0].first_segment + pair[0].segments, pair[1].first_segment);
    }
    for chunk in chunks {
        let position = |f: &&Frame| f.offset == chunk.read.offset;
        let first = source.frames.iter().position(|f| position(&f)).unwrap();
        let read = &source.frames[first..first + usize::try_from(chunk.read.packets).unwrap()];
        assert!(read[0].sync && read[0].pts - plan.origin <= chunk.start);
        assert_eq!(read[0].dts, chunk.read.dts);
        let inside = |f: &&Frame| (chunk.start..chunk.end).contains(&(f.pts - plan.origin));
        let presented = source.frames.iter().filter(inside).count();
        assert_eq!(presented, usize::try_from(chunk.frames).unwrap());
        assert_eq!(read.iter().filter(inside).count(), presented, "chunk {}", chunk.index);
    }
}

/// Swaps the presentation of neighbours, as a B-frame does, in every GOP.
fn reordered(mut source: VideoSource) -> VideoSource {
    let mut n = 0;
    while n + 2 < source.frames.len() {
        if source.frames[n + 1].sync || source.frames[n + 2].sync {
            n += 1;
            continue;
        }
        let early = source.frames[n + 1].pts;
        source.frames[n + 1].pts = source.frames[n + 2].pts;
        source.frames[n + 2].pts = early;
        n += 3;
    }
    source
}

#[test]
fn every_frame_is_in_exactly_one_chunk() {
    let keyframes: Vec<i64> = (0..18_000).step_by(250).collect();
    for (name, source) in [
        ("ten minutes", video(30, 18_000, &keyframes)),
        ("B-frames", reordered(video(30, 18_000, &keyframes))),
        ("one keyframe", video(30, 900, &[0])),
        ("irregular", video(25, 3000, &[0, 3, 90, 700, 701, 2999])),
    ] {
        for copy in [false, true] {
            let plan = planned(Some(source.clone()), None, copy).video.unwrap();
            assert_covered(&source, &plan);
            assert!(!plan.chunks.is_empty(), "{name}");
        }
    }
}

#[test]
fn chunks_are_a_sixteenth_of_the_recording_but_at_most_half_a_minute() {
    let longest = |seconds: i64| {
        let chunks =
            planned(Some(video(30, seconds * 30, &[0])), None, false).video.unwrap().chunks;
        chunks.iter().map(|chunk| chunk.end - chunk.start).max().unwrap()
    };
    assert_eq!(longest(60), 6000, "one segment");
    assert_eq!(longest(240), 12_000);
    assert_eq!(longest(3600), 30_000);
}

#[test]
fn a_chunk_reads_the_configuration_in_force() {
    let mut source = video(30, 1800, &[0, 600, 1200]);
    source.config_offsets = vec![13, source.frames[600].offset - 9];
    let chunks = planned(Some(source.clone()), None, false).video.unwrap().chunks;
    assert_eq!(chunks[0].read.config_offset, Some(13));
    assert_eq!(chunks.last().unwrap().read.config_offset, Some(source.config_offsets[1]));
}

#[test]
fn audio_is_cut_at_the_frame_nearest_to_the_video() {
    for rate in [44_100, 48_000] {
        let source = AudioSource { sample_rate: rate, ..audio(20_000) };
        let plan = planned(Some(video(30, 600, &[0])), Some(source), false);
        let (video, audio) = (plan.video.unwrap(), plan.audio.unwrap());
        let times = video.segments.iter().map(|segment| segment.start).chain([video.duration]);
        assert_eq!(audio.cuts.len(), video.segments.len() + 1);
        for (cut, time) in audio.cuts.iter().zip(times) {
            // Twice the distance in samples, times 1000, is at most one frame.
            let wanted = u64::try_from(time).unwrap() * u64::from(rate);
            assert!((cut * AAC_FRAME * 1000).abs_diff(wanted) * 2 <= AAC_FRAME * 1000);
        }
    }
}

#[test]
fn no_audio_segment_is_empty() {
    for keyframes in [&[0, 300, 599][..], &[0, 598], &[0]] {
        let source = video(60, 600, keyframes);
        for copy in [false, true] {
            let plan = planned(Some(source.clone()), Some(audio(10_000)), copy);
            let cuts = plan.audio.unwrap().cuts;
            assert!(cuts.windows(2).all(|pair| pair[0] < pair[1]), "{keyframes:?} {cuts:?}");
        }
    }
}

#[test]
fn audio_is_copied_or_encoded_to_what_plays() {
    let plan_of = |change: fn(&mut AudioSource)| {
        let mut source = audio(20_000);
        change(&mut source);
        let plan = planned(None, Some(source), false).audio.unwrap();
        (plan.bits, plan.sample_rate)
    };
    let encoded = AudioBits::Encoded { kbps: 128 };
    assert_eq!(plan_of(|_| ()), (AudioBits::Source, 44_100));
    assert_eq!(plan_of(|a| a.sample_rate = 22_050), (AudioBits::Source, 22_050));
    assert_eq!(plan_of(|a| a.channels = 1), (encoded, 44_100));
    assert_eq!(plan_of(|a| a.aac_object_type = Some(5)), (encoded, 44_100));
    let speex = |a: &mut AudioSource| {
        (a.codec, a.aac_object_type, a.sample_rate) = (AudioCodec::Speex, None, 16_000);
    };
    assert_eq!(plan_of(speex), (encoded, 48_000));
}

#[test]
fn a_recording_without_video_is_cut_evenly() {
    let plan = planned(None, Some(audio(20_000)), false);
    assert!(plan.video.is_none());
    let audio = plan.audio.as_ref().unwrap();
    assert_eq!(audio.cuts, [0, 258, 516, 861], "6 s are 258.4 frames; the rest joins");
    assert_eq!((plan.target_duration, plan.duration_ms()), (8, 19_992));
}

#[test]
fn frames_are_left_out_evenly_above_the_cap() {
    let kept = |rate: i64| -> BTreeMap<String, u32> {
        let plan = planned(Some(video(rate, rate * 20, &[0])), None, false).video.unwrap();
        plan.rungs.into_iter().map(|rung| (rung.name, rung.keep_every)).collect()
    };
    let expected = |top, low| {
        [("v720", top), ("v480", low), ("v234", low)].map(|(n, k)| (n.to_owned(), k)).into()
    };
    assert_eq!(kept(30), expected(1, 1));
    assert_eq!(kept(50), expected(1, 2));
    assert_eq!(kept(60), expected(1, 2));
    assert_eq!(kept(120), expected(2, 4));
}

#[test]
fn the_frame_rate_is_measured() {
    for (rate, expected) in [(24, (24, 1)), (30, (30, 1)), (60, (60, 1)), (27, (27_000, 1000))] {
        let plan = planned(Some(video(rate, rate * 1000, &[0])), None, false).video.unwrap();
        assert_eq!((plan.frame_rate.numerator, plan.frame_rate.denominator), expected);
    }
}

#[test]
fn one_frame_is_a_presentation() {
    let plan = planned(Some(video(30, 1, &[0])), Some(audio(5000)), true);
    let video = plan.video.as_ref().unwrap();
    assert_eq!((video.frames, video.duration), (1, 33));
    assert_eq!((video.segments.len(), video.chunks.len()), (1, 1));
    assert_eq!(plan.audio.as_ref().unwrap().cuts, [0, 1]);
    assert_eq!((plan.target_duration, plan.duration_ms()), (1, 33));
}

/// A recording of 0.034 s: two frames 17 ms apart.
#[test]
fn a_thirtieth_of_a_second_is_a_presentation() {
    let mut source = video(30, 2, &[0]);
    source.frames[1].pts = 17;
    let plan = planned(Some(source.clone()), Some(audio(34)), false);
    let video = plan.video.unwrap();
    assert_eq!((video.frames, video.duration), (2, 34));
    assert_covered(&source, &video);
    assert_eq!(plan.audio.unwrap().cuts, [0, 1]);
}

#[test]
fn times_count_from_the_first_keyframe() {
    let mut source = good();
    source
        .frames
        .iter_mut()
        .for_each(|frame| (frame.pts, frame.dts) = (frame.pts + 5000, frame.dts + 5000));
    source.frames[0].sync = false;
    source.frames[3].sync = true;
    let plan = planned(Some(source), None, false).video.unwrap();
    assert_eq!((plan.origin, plan.frames, plan.segments[0].start), (5100, 597, 0));
}

#[test]
fn what_cannot_be_published_is_refused() {
    assert_eq!(refused(None, None), PlanError::Nothing);
    assert_eq!(refused(Some(video(30, 30, &[])), None), PlanError::Nothing);
    let mut jump = good();
    jump.frames[599].pts = 13 * 3_600_000;
    assert_eq!(refused(Some(jump), None), PlanError::Span { seconds: 46_800 });
    assert_eq!(refused(None, Some(audio(13 * 3_600_000))), PlanError::Span { seconds: 46_800 });
    for pts in [i64::MAX, i64::MIN] {
        let mut far = good();
        far.frames[0].pts = -far.frames[1].pts.max(2);
        far.frames[599].pts = pts;
        let result = plan(&identity(), &index(Some(far), None), &profile(true));
        assert_eq!(result, Err(PlanError::Time { ticks: pts }));
    }
    let tiny = VideoSource { height: 14, ..good() };
    assert_eq!(refused(Some(tiny), None), PlanError::PictureSize { width: 1280, height: 14 });
}

#[test]
fn composition_offsets_are_shifted_by_what_the_order_needs() {
    let copied = |source| planned(Some(source), None, true).video.unwrap().rungs;
    assert_eq!(copied(good())[0].composition_shift, 0, "decoded as presented");
    assert_eq!(copied(reordered(good()))[0].composition_shift, 34, "one frame of 33 or 34 ms");
    let encoded = copied(good()).pop().unwrap();
    assert!(matches!(encoded.bits, RungBits::Encoded(_)));
    assert_eq!(encoded.composition_shift, 67, "two frames");
    let half =
        planned(Some(video(60, 1200, &[0])), None, false).video.unwrap().rungs.pop().unwrap();
    assert_eq!(
        (half.keep_every, half.composition_shift),
        (2, 4 * 17),
        "two that are kept are four of 17 ms"
    );
}
