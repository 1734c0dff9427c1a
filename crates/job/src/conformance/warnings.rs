//! Warnings: what plays, but could be better.

use super::variants::{Avc, combined};
use super::view::{Rendition, View};
use super::{Found, MASTER, seconds};
use crate::playlist::FIRST_VARIANT_RATE;

/// `level_idc` of 4.1.
const LEVEL_4_1: u8 = 41;
/// Highest peak of a variant for cellular networks, in bits per second.
const CELLULAR: u64 = 192_000;

/// 1.3a.
pub(super) fn level_for_older_devices(view: &View<'_>, found: &mut Found) {
    let levels: Vec<u8> = view.video().filter_map(level).collect();
    if levels.iter().min().is_some_and(|lowest| *lowest > LEVEL_4_1) {
        found.push((MASTER.to_owned(), "no rung is at level 4.1 or lower".to_owned()));
    }
}

fn level(rendition: &Rendition<'_>) -> Option<u8> {
    Avc::parse(&rendition.init?.codecs).map(|avc| avc.level_idc)
}

/// `level_idc`, macroblocks per second, macroblocks per frame, kilobits per second of Main (ITU-T H.264 table A-1).
const LEVELS: [(u8, u64, u64, u64); 16] = [
    (10, 1485, 99, 64),
    (11, 3000, 396, 192),
    (12, 6000, 396, 384),
    (13, 11_880, 396, 768),
    (20, 11_880, 396, 2000),
    (21, 19_800, 792, 4000),
    (22, 20_250, 1620, 4000),
    (30, 40_500, 1620, 10_000),
    (31, 108_000, 3600, 14_000),
    (32, 216_000, 5120, 20_000),
    (40, 245_760, 8192, 20_000),
    (41, 245_760, 8192, 50_000),
    (42, 522_240, 8704, 50_000),
    (50, 589_824, 22_080, 135_000),
    (51, 983_040, 36_864, 240_000),
    (52, 2_073_600, 36_864, 240_000),
];

/// 1.11: two steps above what size, rate and bits need, because reference frames and buffers may take one.
pub(super) fn level_no_higher_than_needed(view: &View<'_>, found: &mut Found) {
    for (variant, rendition) in view.video_variants() {
        let (Some(stated), Some(picture)) = (level(rendition), rendition.picture()) else {
            continue;
        };
        let blocks = u64::from(picture.width.div_ceil(16)) * u64::from(picture.height.div_ceil(16));
        let per_second = blocks.saturating_mul(variant.frame_rate.unwrap_or(0)) / 1000;
        let kbps = rendition.bandwidth().map_or(0, |bandwidth| bandwidth.peak / 1000);
        let suffices = |(_, rate, size, bits): &(u8, u64, u64, u64)| {
            per_second <= *rate && blocks <= *size && kbps <= *bits
        };
        let needed = LEVELS.iter().position(suffices);
        let position = LEVELS.iter().position(|(level, ..)| *level == stated);
        if let (Some(needed), Some(position)) = (needed, position)
            && position > needed + 2
        {
            let sentence = format!("level_idc is {stated}, {} would do", LEVELS[needed].0);
            found.push((rendition.uri.clone(), sentence));
        }
    }
}

/// Longest `EXTINF` in microseconds.
fn longest(rendition: &Rendition<'_>) -> u64 {
    rendition.playlist.segments.iter().map(|segment| segment.duration).max().unwrap_or(0)
}

/// 1.13, with a tenth of a second for frames that do not fall on whole seconds. A last GOP may take half a step more.
pub(super) fn idr_distance(view: &View<'_>, found: &mut Found) {
    for rendition in &view.iframes {
        let longest = longest(rendition);
        if longest > 3_100_000 || median(rendition) > 2_100_000 {
            let longest = seconds(longest.into());
            let sentence = format!("IDR pictures are up to {longest} apart, 2 s is recommended");
            found.push((rendition.uri.clone(), sentence));
        }
    }
}

fn median(rendition: &Rendition<'_>) -> u64 {
    let mut durations: Vec<u64> = rendition.playlist.segments.iter().map(|s| s.duration).collect();
    durations.sort_unstable();
    durations.get(durations.len() / 2).copied().unwrap_or(0)
}

/// 1.18.
pub(super) fn natural_frame_rate(view: &View<'_>, found: &mut Found) {
    const NATURAL: [u64; 11] =
        [12_000, 12_500, 15_000, 23_976, 24_000, 25_000, 29_970, 30_000, 50_000, 59_940, 60_000];
    for (variant, _) in view.video_variants() {
        let Some(rate) = variant.frame_rate.filter(|rate| !NATURAL.contains(rate)) else {
            continue;
        };
        let sentence = format!("{}.{:03} frames/s is not a usual rate", rate / 1000, rate % 1000);
        found.push((variant.uri.clone(), sentence));
    }
}

/// 1.30.
pub(super) fn peak_to_average(view: &View<'_>, found: &mut Found) {
    for (variant, _) in view.video_variants() {
        let Some(measured) = combined(&view.played_together(variant)) else {
            continue;
        };
        if measured.peak > measured.average.saturating_mul(2) {
            let (peak, average) = (measured.peak, measured.average);
            let sentence =
                format!("its peak of {peak} bit/s is over twice its average of {average}");
            found.push((variant.uri.clone(), sentence));
        }
    }
}

/// 1.32.
pub(super) fn first_variant(view: &View<'_>, found: &mut Found) {
    let distance = |rate: u64| rate.abs_diff(FIRST_VARIANT_RATE);
    let averages: Vec<u64> =
        view.video_variants().filter_map(|(variant, _)| variant.average_bandwidth).collect();
    let Some(first) = averages.first() else {
        return;
    };
    if averages.iter().any(|other| distance(*other) < distance(*first)) {
        let sentence = format!(
            "the first variant has {first} bit/s, another is nearer to {FIRST_VARIANT_RATE}"
        );
        found.push((MASTER.to_owned(), sentence));
    }
}

/// 2.18 and 2.19: by a `ludt` box. What players do not read, as session data, is not asked for.
pub(super) fn loudness_is_stated(view: &View<'_>, found: &mut Found) {
    for rendition in view.audio() {
        if rendition.init.and_then(|init| init.loudness) == Some(false) {
            let sentence = "its initialisation segment does not state its loudness".to_owned();
            found.push((rendition.uri.clone(), sentence));
        }
    }
}

/// 6.2: one frame in a second, with a tenth to spare.
pub(super) fn dense_iframes(view: &View<'_>, found: &mut Found) {
    let densest = view.iframes.iter().map(median).min();
    if densest.is_some_and(|distance| distance > 1_100_000) {
        let sentence = "no I-frame playlist has a frame every second".to_owned();
        found.push((MASTER.to_owned(), sentence));
    }
}

/// 7.5. The last segment is as long as it is, and a presentation of one segment has no other.
pub(super) fn segment_length(view: &View<'_>, found: &mut Found) {
    for rendition in view.video() {
        let Some((_, whole)) = rendition.playlist.segments.split_last() else {
            continue;
        };
        let count = u64::try_from(whole.len()).unwrap_or(u64::MAX);
        let sum = whole.iter().fold(0_u64, |sum, s| sum.saturating_add(s.duration));
        let Some(average) = sum.checked_div(count) else {
            continue;
        };
        if !(5_000_000..=7_000_000).contains(&average) {
            let average = seconds(average.into());
            let sentence = format!("segments are {average} long, about 6 s is recommended");
            found.push((rendition.uri.clone(), sentence));
        }
    }
}

/// 9.5.
pub(super) fn audio_is_separate(view: &View<'_>, found: &mut Found) {
    for (variant, _) in view.video_variants() {
        let has_audio = variant.codecs.as_ref().is_some_and(|codecs| codecs.contains("mp4a"));
        if has_audio && variant.audio.is_none() {
            found.push((variant.uri.clone(), "its audio is not apart from its video".to_owned()));
        }
    }
}

/// 9.21.
pub(super) fn cellular(view: &View<'_>, found: &mut Found) {
    let lowest = view.video_variants().map(|(variant, _)| variant.bandwidth).min();
    if let Some(lowest) = lowest.filter(|lowest| *lowest > CELLULAR) {
        let sentence = format!("the lowest variant has a peak of {lowest} bit/s, over {CELLULAR}");
        found.push((MASTER.to_owned(), sentence));
    }
}
