//! When the frames of a source are presented.

use std::num::NonZeroU32;

use super::{FrameRate, LONGEST_PRESENTATION_SECONDS, PlanError};
use crate::grid::Timeline;
use crate::source::VideoSource;

/// When the frames of a source are presented, counted from the first that can be decoded whole.
pub(super) struct Times {
    pub(super) origin: i64,
    /// Strictly increasing; what comes before the first and what repeats a time is left out.
    pub(super) presented: Vec<i64>,
    pub(super) keyframes: Vec<i64>,
    pub(super) frame_duration: i64,
    pub(super) end: i64,
}

impl Times {
    pub(super) fn of(source: &VideoSource) -> Result<Self, PlanError> {
        let first = source.first_whole().ok_or(PlanError::Nothing)?;
        let origin = first_shown(source).filter(|shown| *shown >= first).unwrap_or(first);
        let mut presented: Vec<i64> = source
            .frames
            .iter()
            .map(|f| f.pts.saturating_sub(origin))
            .filter(|t| *t >= 0)
            .collect();
        presented.sort_unstable();
        presented.dedup();
        let mut keyframes: Vec<i64> = source
            .frames
            .iter()
            .filter(|f| f.sync && f.pts >= origin)
            .map(|f| f.pts.saturating_sub(origin))
            .collect();
        keyframes.sort_unstable();
        keyframes.dedup();
        let timescale = i64::from(source.timescale.get());
        let frame_duration = usual_distance(&presented).unwrap_or(timescale / 30).max(1);
        let end = presented.last().copied().unwrap_or(0).saturating_add(frame_duration);
        if end / timescale > LONGEST_PRESENTATION_SECONDS {
            return Err(PlanError::Span { seconds: end / timescale });
        }
        Ok(Self { origin, presented, keyframes, frame_duration, end })
    }

    pub(super) fn timeline(&self, timescale: NonZeroU32) -> Timeline<'_> {
        Timeline {
            timescale,
            frames: &self.presented,
            end: self.end,
            frame_duration: self.frame_duration,
        }
    }

    /// The frame rate while frames come (gaps do not count), as one of the usual rates if it is within 0.5 % of one.
    pub(super) fn frame_rate(&self, timescale: NonZeroU32) -> FrameRate {
        const USUAL: [(u32, u32); 10] = [
            (24_000, 1001),
            (24, 1),
            (25, 1),
            (30_000, 1001),
            (30, 1),
            (50, 1),
            (60_000, 1001),
            (60, 1),
            (15, 1),
            (12, 1),
        ];
        let longest = self.frame_duration.saturating_mul(3) / 2;
        let distances = self.presented.windows(2).map(|pair| pair[1] - pair[0]);
        let (count, ticks) = distances
            .filter(|distance| *distance <= longest)
            .fold((0u128, 0u128), |(count, sum), distance| {
                (count + 1, sum + u128::from(distance.unsigned_abs()))
            });
        // A single frame has no distances: its own duration is all there is.
        let (count, ticks) = match count {
            0 => (1, u128::from(self.frame_duration.unsigned_abs())),
            _ => (count, ticks),
        };
        let ticks = ticks.max(1);
        let thousandths = (count * u128::from(timescale.get()) * 1000 + ticks / 2) / ticks;
        let distance = |(numerator, denominator): (u32, u32)| {
            (u128::from(numerator) * 1000 / u128::from(denominator)).abs_diff(thousandths)
        };
        match USUAL.into_iter().min_by_key(|rate| distance(*rate)) {
            Some(rate) if distance(rate) * 200 <= thousandths => {
                FrameRate { numerator: rate.0, denominator: rate.1 }
            }
            _ => FrameRate {
                numerator: u32::try_from(thousandths).unwrap_or(u32::MAX).max(1),
                denominator: 1000,
            },
        }
    }
}

/// The time of the first picture that the container wants shown, where it wants some hidden.
fn first_shown(source: &VideoSource) -> Option<i64> {
    let from = source.shown_from?;
    source.frames.iter().map(|frame| frame.pts).filter(|pts| *pts >= from).min()
}

/// The median distance of neighbours.
fn usual_distance(times: &[i64]) -> Option<i64> {
    let mut distances: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let middle = distances.len() / 2;
    if distances.is_empty() {
        return None;
    }
    Some(*distances.select_nth_unstable(middle).1)
}
