//! The video part of a plan: renditions, segments, chunks.

use super::times::Times;
use super::{Chunk, FrameRate, PlanError, ReadSpan, Rung, RungBits, VideoPlan};
use crate::colour::ColourPlan;
use crate::grid::{GridSegment, even_grid, keyframe_grid};
use crate::ladder::{Size, display_size, ladder};
use crate::profile::{Profile, RungProfile, SourceCopy};
use crate::source::VideoSource;

/// A recording is cut into about this many chunks, so that short ones fill the cores too.
const CHUNKS_PER_RECORDING: i64 = 16;
/// Longest chunk in seconds: what a crash may cost.
const LONGEST_CHUNK_SECONDS: i64 = 30;
/// Highest frame rate that every player takes (HLS Authoring Specification 1.19).
const HIGHEST_RATE: u32 = 60;
/// Frames that H.264 can hold back (`max_dec_frame_buffering`).
const LONGEST_REORDER: i64 = 16;
/// Frames that x264 holds back for its B-frame pyramid.
const ENCODER_REORDER: usize = 2;

pub(super) fn plan(source: &VideoSource, profile: &Profile) -> Result<VideoPlan, PlanError> {
    let times = Times::of(source)?;
    let timeline = times.timeline(source.timescale);
    let copied = profile.source_copy.is_some_and(|rules| can_copy(source, &times, rules));
    let size = display_size(source.width, source.height, source.pixel_aspect, source.rotation);
    check_size(size)?;
    let segments = if copied {
        keyframe_grid(&timeline, &times.keyframes, profile.segment_ms, profile.idr_ms)
    } else {
        even_grid(&timeline, profile.segment_ms, profile.idr_ms)
    };
    let rungs = rungs(source, &times, profile, size, copied);
    let chunks = chunks(source, &times, &segments);
    Ok(VideoPlan {
        codec: source.codec,
        timescale: source.timescale,
        rotation: source.rotation,
        colour: ColourPlan::of(source.colour, size),
        origin: times.origin,
        duration: times.end,
        frames: times.presented.len() as u64,
        frame_duration: times.frame_duration,
        frame_rate: times.frame_rate(source.timescale),
        segments,
        rungs,
        chunks,
    })
}

fn check_size(size: Size) -> Result<(), PlanError> {
    let Size { width, height } = size;
    if (16..=8192).contains(&width) && (16..=8192).contains(&height) {
        Ok(())
    } else {
        Err(PlanError::PictureSize { width, height })
    }
}

fn can_copy(source: &VideoSource, times: &Times, rules: SourceCopy) -> bool {
    let Some(h264) = &source.h264 else { return false };
    let plays_everywhere = source.starts_with_keyframe()
        && matches!(h264.profile_idc, 66 | 77 | 100)
        && h264.level_idc <= 52
        && h264.chroma_format_idc == 1
        && h264.bit_depth == 8
        && h264.progressive
        && h264.one_configuration
        && h264.closed_gops
        && source.pixel_aspect == (1, 1)
        && source.rotation == 0
        && source.width.is_multiple_of(2)
        && source.height.is_multiple_of(2);
    // Every frame counts: a duplicate time would be lost by a rendition that is cut by time.
    let all_presented = source.frames.len() == times.presented.len();
    let rate_plays = keep_every(times.frame_rate(source.timescale), HIGHEST_RATE) == 1;
    plays_everywhere && all_presented && rate_plays && gops_qualify(source, times, rules)
}

fn gops_qualify(source: &VideoSource, times: &Times, rules: SourceCopy) -> bool {
    let timescale = u64::from(source.timescale.get());
    let ends = times.keyframes.iter().skip(1).copied().chain([times.end]);
    let spans = times.keyframes.iter().zip(ends).map(|(start, end)| (end - start).unsigned_abs());
    let bytes = source
        .frames
        .chunk_by(|_, next| !next.sync)
        .map(|gop| gop.iter().map(|frame| u64::from(frame.size)).sum::<u64>());
    spans.zip(bytes).all(|(ticks, bytes)| {
        let short = ticks * 1000 <= u64::from(rules.longest_gop_ms) * timescale;
        // A GOP of a few frames has no rate worth the name: measure over a second at least.
        let rate_ticks = ticks.max(timescale);
        let bits = u128::from(bytes) * 8 * u128::from(timescale);
        short && bits <= u128::from(rules.peak_kbps) * 1000 * u128::from(rate_ticks)
    })
}

fn rungs(
    source: &VideoSource,
    times: &Times,
    profile: &Profile,
    size: Size,
    copied: bool,
) -> Vec<Rung> {
    let bytes: u64 = source.frames.iter().map(|frame| u64::from(frame.size)).sum();
    let milliseconds = times.end.unsigned_abs() * 1000 / u64::from(source.timescale.get());
    let source_kbps = u32::try_from(bytes * 8 / milliseconds.max(1)).unwrap_or(u32::MAX).max(64);
    let copy = copied.then(|| Rung {
        name: "source".to_owned(),
        width: source.width,
        height: source.height,
        bits: RungBits::Source,
        keep_every: 1,
        composition_shift: source_shift(source, times),
    });
    let encoded = ladder(profile, size, copied).into_iter().map(|rung| {
        let keep_every = keep_every(times.frame_rate(source.timescale), rung.profile.fps_cap);
        Rung {
            name: format!("v{}", rung.size.short_side()),
            width: rung.size.width,
            height: rung.size.height,
            composition_shift: encoder_shift(&times.presented, keep_every, times.frame_duration),
            bits: RungBits::Encoded(if profile.prune {
                capped(rung.profile, source_kbps)
            } else {
                rung.profile
            }),
            keep_every,
        }
    });
    copy.into_iter().chain(encoded).collect()
}

/// No rung may spend more bits than the source has.
fn capped(mut rung: RungProfile, source_kbps: u32) -> RungProfile {
    if rung.maxrate_kbps > source_kbps {
        let buffer = u64::from(rung.bufsize_kbps) * u64::from(source_kbps);
        let buffer = buffer / u64::from(rung.maxrate_kbps);
        rung.bufsize_kbps = u32::try_from(buffer).unwrap_or(rung.bufsize_kbps).max(1);
        rung.maxrate_kbps = source_kbps;
    }
    rung
}

/// One of how many frames stays so that the rate is at most `cap`; rates up to 5 % above it count as it (29.97 against a measured 30.3).
fn keep_every(rate: FrameRate, cap: u32) -> u32 {
    let allowed = u64::from(cap) * 105 * u64::from(rate.denominator);
    u32::try_from((u64::from(rate.numerator) * 100).div_ceil(allowed.max(1))).unwrap_or(1).max(1)
}

/// How much a source's frames are presented earlier than the place in time that their decoding order gives them.
fn source_shift(source: &VideoSource, times: &Times) -> u32 {
    let shift = source
        .frames
        .chunk_by(|_, next| !next.sync)
        .flat_map(|gop| {
            let mut sorted: Vec<i64> = gop.iter().map(|frame| frame.pts).collect();
            sorted.sort_unstable();
            let early: Vec<i64> = gop
                .iter()
                .zip(sorted)
                .map(|(frame, place)| place.saturating_sub(frame.pts))
                .collect();
            early
        })
        .max()
        .unwrap_or(0);
    // Where frames are reordered over a pause, the writer makes do with less.
    let longest = times.frame_duration.saturating_mul(LONGEST_REORDER);
    u32::try_from(shift.min(longest)).unwrap_or(0)
}

/// The same for an encoded rung, whose order only the encoder knows: the longest time that [`ENCODER_REORDER`] frames span, gaps
/// excepted (over a gap the writer makes do with less).
fn encoder_shift(presented: &[i64], keep_every: u32, frame_duration: i64) -> u32 {
    let step = usize::try_from(keep_every).unwrap_or(1) * ENCODER_REORDER;
    let usual = frame_duration.saturating_mul(i64::from(keep_every)).saturating_mul(2);
    let longest = presented
        .windows(step + 1)
        .map(|window| window[step] - window[0])
        .filter(|span| *span <= usual.saturating_mul(2))
        .max()
        .unwrap_or(usual);
    u32::try_from(longest.max(usual)).unwrap_or(0)
}

fn chunks(source: &VideoSource, times: &Times, segments: &[GridSegment]) -> Vec<Chunk> {
    let timescale = i64::from(source.timescale.get());
    let longest = (times.end / CHUNKS_PER_RECORDING).min(LONGEST_CHUNK_SECONDS * timescale);
    let mut chunks = Vec::new();
    let mut rest = segments;
    let mut first_segment = 0;
    while let Some(first) = rest.first() {
        let fits = rest.iter().take_while(|segment| segment.end - first.start <= longest).count();
        let (run, after) = rest.split_at(fits.max(1));
        let end = run.last().map_or(first.end, |last| last.end);
        let segments = u32::try_from(run.len()).unwrap_or(u32::MAX);
        chunks.push(Chunk {
            index: u32::try_from(chunks.len()).unwrap_or(u32::MAX),
            first_segment,
            segments,
            start: first.start,
            end,
            frames: frames_between(&times.presented, first.start, end),
            read: read_span(
                source,
                first.start.saturating_add(times.origin),
                end.saturating_add(times.origin),
            ),
        });
        first_segment = first_segment.saturating_add(segments);
        rest = after;
    }
    chunks
}

fn frames_between(presented: &[i64], start: i64, end: i64) -> u32 {
    let before = |time| presented.partition_point(|t| *t < time);
    u32::try_from(before(end) - before(start)).unwrap_or(u32::MAX)
}

/// Times here are the source's.
fn read_span(source: &VideoSource, start: i64, end: i64) -> ReadSpan {
    let frames = &source.frames;
    // Fields are told from each other by the picture before, so that one is decoded which is not shown.
    let first = source.entry_before(if source.may_be_interlaced() {
        start.saturating_sub(1)
    } else {
        start
    });
    let last = frames.iter().rposition(|frame| frame.pts < end).unwrap_or(first).max(first);
    let entry = frames.get(first);
    let offset = entry.map_or(0, |frame| frame.offset);
    ReadSpan {
        config_offset: source.config_offsets.iter().rfind(|config| **config <= offset).copied(),
        offset,
        dts: entry.map_or(0, |frame| frame.dts),
        packets: u32::try_from(last - first + 1).unwrap_or(u32::MAX),
    }
}
