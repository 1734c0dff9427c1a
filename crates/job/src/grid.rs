//! The cut grid: where segments start and where IDR pictures stand, the same for every rendition. All times are presentation times in
//! ticks of one timescale, counted from the presentation's start, and each is the exact time of a frame.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// One segment of the grid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GridSegment {
    /// Presentation time of its first frame.
    pub start: i64,
    /// Presentation time at which the next segment starts, or the presentation ends.
    pub end: i64,
    /// Where encoded rungs have IDR pictures; the first is `start`.
    pub idrs: Vec<i64>,
}

/// The times a grid is laid over.
#[derive(Clone, Copy, Debug)]
pub struct Timeline<'a> {
    /// Ticks per second.
    pub timescale: NonZeroU32,
    /// Presentation times of all frames, strictly increasing, the first 0.
    pub frames: &'a [i64],
    /// Presentation time at which the last frame ends.
    pub end: i64,
    /// Usual distance of two frames.
    pub frame_duration: i64,
}

impl Timeline<'_> {
    fn ticks(&self, milliseconds: u32) -> i64 {
        (i64::from(milliseconds) * i64::from(self.timescale.get()) / 1000).max(1)
    }

    /// The first frame presented at `time` or after it, where a frame up to half a frame early counts (times in whole milliseconds
    /// are off by as much as a third of a millisecond, and 3.9996 s must not become 4.033 s).
    fn frame_at(&self, time: i64) -> Option<i64> {
        let earliest = time - self.frame_duration / 2;
        let index = self.frames.partition_point(|frame| *frame < earliest);
        self.frames.get(index).copied()
    }

    /// Frames at `start`, `start + step`, `start + 2 * step` and so on, as long as they lie before `end`.
    fn steps(&self, start: i64, end: i64, step: i64) -> Vec<i64> {
        let mut times = vec![start];
        let mut wanted = start + step;
        // Around a hole the nearest frame may be far from the wanted time, and next to another cut or the end.
        let shortest = (step / 4).max(1);
        // A last GOP shorter than half a step is not worth an IDR picture of its own.
        while end - wanted >= step / 2 {
            match self.frame_at(wanted).filter(|frame| end - frame >= shortest) {
                Some(frame) if times.last().is_some_and(|last| frame - last >= shortest) => {
                    times.push(frame);
                }
                _ => {}
            }
            wanted += step;
        }
        times
    }
}

/// The grid for a presentation that is encoded throughout: an IDR picture every `idr_ms`, a segment every `segment_ms`.
#[must_use]
pub fn even_grid(timeline: &Timeline<'_>, segment_ms: u32, idr_ms: u32) -> Vec<GridSegment> {
    let segment = timeline.ticks(segment_ms);
    let cuts = timeline.steps(0, timeline.end, segment);
    segments(timeline, &cuts, idr_ms)
}

/// The grid for a presentation whose top rung is the copied source: segments start at keyframes of the source, as near to
/// `segment_ms` as they allow. `keyframes` are presentation times, increasing, the first 0.
#[must_use]
pub fn keyframe_grid(
    timeline: &Timeline<'_>,
    keyframes: &[i64],
    segment_ms: u32,
    idr_ms: u32,
) -> Vec<GridSegment> {
    let wanted = timeline.ticks(segment_ms);
    let slack = timeline.frame_duration / 2;
    let mut cuts = vec![0];
    let mut last = 0;
    loop {
        let due = last + wanted + slack;
        let after = keyframes.partition_point(|keyframe| *keyframe <= due);
        let before = keyframes[..after].last().copied().filter(|k| *k - last >= wanted / 2);
        match before.or_else(|| keyframes.get(after).copied()) {
            Some(cut) if cut > last => {
                cuts.push(cut);
                last = cut;
            }
            _ => break,
        }
    }
    // A keyframe may stand on the very last frames, and a segment must be longer than an audio frame.
    if cuts.len() > 1 && timeline.end - last < timeline.ticks(idr_ms) / 4 {
        cuts.pop();
    }
    segments(timeline, &cuts, idr_ms)
}

fn segments(timeline: &Timeline<'_>, cuts: &[i64], idr_ms: u32) -> Vec<GridSegment> {
    let idr = timeline.ticks(idr_ms);
    let ends = cuts.iter().skip(1).copied().chain([timeline.end]);
    cuts.iter()
        .zip(ends)
        .map(|(start, end)| GridSegment {
            start: *start,
            end,
            idrs: timeline.steps(*start, end, idr),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millisecond_frames(count: i64) -> Vec<i64> {
        (0..count).map(|n| (n * 1000 + 15) / 30).collect()
    }

    fn timeline(frames: &[i64]) -> Timeline<'_> {
        Timeline {
            timescale: NonZeroU32::new(1000).unwrap(),
            frames,
            end: frames.last().unwrap() + 33,
            frame_duration: 33,
        }
    }

    fn cuts(grid: &[GridSegment]) -> Vec<i64> {
        grid.iter().map(|segment| segment.start).collect()
    }

    #[test]
    fn an_even_grid_stands_on_frames_and_covers_all() {
        let frames = millisecond_frames(30 * 14);
        let grid = even_grid(&timeline(&frames), 4000, 2000);
        assert_eq!(cuts(&grid), [0, 4000, 8000, 12_000]);
        assert_eq!(grid[1].idrs, [4000, 6000]);
        assert_eq!(grid[3].idrs, [12_000]);
        assert_eq!(grid[3].end, frames.last().unwrap() + 33);
        for pair in grid.windows(2) {
            assert_eq!(pair[0].end, pair[1].start);
        }
    }

    #[test]
    fn a_short_rest_joins_the_last_segment() {
        let frames = millisecond_frames(30 * 13 - 15);
        assert_eq!(cuts(&even_grid(&timeline(&frames), 4000, 4000)), [0, 4000, 8000]);
    }

    #[test]
    fn a_hole_in_the_frames_makes_no_empty_segment() {
        let mut frames = millisecond_frames(30 * 20);
        frames.retain(|t| !(3000..17_000).contains(t));
        let grid = even_grid(&timeline(&frames), 4000, 4000);
        assert!(grid.iter().all(|s| frames.contains(&s.start) && s.end > s.start), "{grid:?}");
    }

    #[test]
    fn a_frame_alone_between_a_hole_and_a_cut_is_no_segment() {
        let mut frames = millisecond_frames(30 * 40);
        frames.retain(|t| !(3000..19_960).contains(t));
        assert_eq!(cuts(&even_grid(&timeline(&frames), 4000, 4000))[..3], [0, 19_967, 24_000]);
        frames.retain(|t| *t <= 19_967);
        assert_eq!(
            cuts(&even_grid(&timeline(&frames), 4000, 4000)),
            [0],
            "and none before the end"
        );
    }

    #[test]
    fn a_keyframe_grid_cuts_at_keyframes_only() {
        let frames = millisecond_frames(30 * 30);
        for (keyframes, expected) in [
            (vec![0, 2000, 4000, 6000, 8000, 10_000, 12_000, 14_000], vec![0, 6000, 12_000]),
            (vec![0, 8333, 16_667, 25_000], vec![0, 8333, 16_667, 25_000]),
            (vec![0, 6000, 12_000, 18_000, 24_000, 29_967], vec![0, 6000, 12_000, 18_000, 24_000]),
            (vec![0, 100, 4000, 7900, 8000, 20_000], vec![0, 4000, 8000, 20_000]),
            (vec![0], vec![0]),
        ] {
            let grid = keyframe_grid(&timeline(&frames), &keyframes, 6000, 2000);
            assert_eq!(cuts(&grid), expected, "{keyframes:?}");
            assert!(grid.iter().all(|s| s.idrs[0] == s.start));
        }
    }
}
