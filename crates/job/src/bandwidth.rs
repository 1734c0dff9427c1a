//! Bandwidth as HLS defines it: the peak and the average rate of the segments of one playlist (RFC 8216 4.3.4.2; RFC 8216bis
//! 4.4.6.2). A variant that plays several playlists at once has the sum of their peaks and the sum of their averages: both
//! documents define the two attributes as sums over the playlists that are played together.

use std::num::NonZeroU32;
use std::ops::Add;

use serde::{Deserialize, Serialize};

/// Rates in bits per second, rounded up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bandwidth {
    /// The highest rate over any run of segments whose length is between 0.5 and 1.5 target durations.
    pub peak: u64,
    /// All bits over the whole time.
    pub average: u64,
}

impl Add for Bandwidth {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            peak: self.peak.saturating_add(other.peak),
            average: self.average.saturating_add(other.average),
        }
    }
}

/// One segment, or one byte range of an I-frame playlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Its bytes.
    pub bytes: u64,
    /// Its duration in ticks.
    pub ticks: u64,
}

/// Measures the segments of one playlist. `target_duration` is in seconds. A playlist in which no run of segments is between 0.5 and
/// 1.5 target durations long (it is shorter than that) has its average as its peak.
#[must_use]
pub fn measure(extents: &[Extent], timescale: NonZeroU32, target_duration: u32) -> Bandwidth {
    let target = u128::from(target_duration) * u128::from(timescale.get());
    let average = rate(sum(extents), timescale);
    let peak = (0..extents.len())
        .flat_map(|first| runs_from(&extents[first..], target))
        .map(|run| rate(run, timescale))
        .max()
        .unwrap_or(average);
    Bandwidth { peak, average }
}

/// Bits and ticks of a run.
#[derive(Clone, Copy, Default)]
struct Run {
    bytes: u128,
    ticks: u128,
}

impl Run {
    fn and(self, extent: Extent) -> Self {
        Self {
            bytes: self.bytes + u128::from(extent.bytes),
            ticks: self.ticks + u128::from(extent.ticks),
        }
    }
}

fn sum(extents: &[Extent]) -> Run {
    extents.iter().fold(Run::default(), |run, extent| run.and(*extent))
}

/// The runs that start with the first extent and are between 0.5 and 1.5 targets long.
fn runs_from(extents: &[Extent], target: u128) -> impl Iterator<Item = Run> {
    extents
        .iter()
        .scan(Run::default(), |run, extent| {
            *run = run.and(*extent);
            Some(*run)
        })
        .take_while(move |run| run.ticks * 2 <= target * 3)
        .filter(move |run| run.ticks * 2 >= target)
}

fn rate(run: Run, timescale: NonZeroU32) -> u64 {
    if run.ticks == 0 {
        return 0;
    }
    // 2^64 bytes at 2^32 ticks a second stay below 2^128.
    let bits = run.bytes.saturating_mul(8 * u128::from(timescale.get()));
    u64::try_from(bits.div_ceil(run.ticks)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(extents: &[(u64, u64)], target_duration: u32) -> (u64, u64) {
        let extents: Vec<Extent> =
            extents.iter().map(|(bytes, ticks)| Extent { bytes: *bytes, ticks: *ticks }).collect();
        let Bandwidth { peak, average } =
            measure(&extents, NonZeroU32::new(1000).unwrap(), target_duration);
        (peak, average)
    }

    #[test]
    fn the_peak_is_over_runs_of_half_to_one_and_a_half_targets() {
        for (extents, target, expected, why) in [
            (
                &[(6000, 6000), (12_000, 6000)][..],
                6,
                (16_000, 12_000),
                "each is a run, both are too long",
            ),
            (
                &[(3000, 3000), (9000, 3000), (3000, 3000)],
                6,
                (24_000, 13_334),
                "half a target is a run",
            ),
            (
                &[(3000, 4000), (9000, 1000), (3000, 4000)],
                6,
                (19_200, 13_334),
                "a second alone is none",
            ),
            (&[(1000, 1000)], 6, (8000, 8000), "shorter than half a target"),
            (&[(1, 3000)], 3, (3, 3), "rounded up"),
            (&[], 6, (0, 0), "nothing"),
            (&[(5, 0)], 6, (0, 0), "no time"),
        ] {
            assert_eq!(measured(extents, target), expected, "{why}");
        }
    }

    #[test]
    fn a_combination_is_the_sum_of_its_playlists() {
        let video = Bandwidth { peak: 3, average: 2 };
        let audio = Bandwidth { peak: 2, average: 1 };
        assert_eq!(video + audio, Bandwidth { peak: 5, average: 3 });
    }

    #[test]
    fn sizes_and_times_beyond_reason_do_not_overflow() {
        let extents = [Extent { bytes: u64::MAX, ticks: u64::MAX }; 3];
        let measured = measure(&extents, NonZeroU32::MAX, u32::MAX);
        assert_eq!(measured.average, 8 * u64::from(u32::MAX));
    }
}
