//! One clock for all times of an FLV.

use flv::{Jump, Stamp, Stream, follow_clock};
use job::source::{Clock, ClockStep, Defect, Frame};

/// Sets the times of all frames, and of the audio packets (byte offset and time), both in file order and as they stand in the tags, to those
/// of one clock that neither wraps nor jumps. Gives what that took, and where the clock was set.
pub(super) fn follow(frames: &mut [Frame], packets: &mut [(u64, i64)]) -> (Clock, Vec<Defect>) {
    let (offsets, stamps) = interleaved(frames, packets);
    let (times, jumps) = follow_clock(&stamps);
    let set =
        |jump: &Jump| Some(Defect::ClockSet { offset: *offsets.get(jump.stamp)?, by: jump.by });
    let defects = jumps.iter().filter_map(set).collect();
    let (mut video, mut audio) = (Vec::new(), Vec::new());
    let (mut frames, mut packets) = (frames.iter_mut(), packets.iter_mut());
    for ((offset, stamp), time) in offsets.into_iter().zip(stamps).zip(times) {
        let shift = time - i64::from(stamp.timestamp);
        match stamp.stream {
            Stream::Video => {
                step(&mut video, offset, shift);
                if let Some(frame) = frames.next() {
                    frame.pts = frame.pts.saturating_add(shift);
                    frame.dts = frame.dts.saturating_add(shift);
                }
            }
            Stream::Audio => {
                step(&mut audio, offset, shift);
                if let Some((_, packet_time)) = packets.next() {
                    *packet_time = time;
                }
            }
        }
    }
    (Clock { video, audio }, defects)
}

/// All stamps in file order, with their offsets.
fn interleaved(frames: &[Frame], packets: &[(u64, i64)]) -> (Vec<u64>, Vec<Stamp>) {
    let stamp = |stream, time: i64| {
        // The field has 32 bits.
        Stamp { stream, timestamp: u32::try_from(time).unwrap_or(0) }
    };
    let mut all: Vec<(u64, Stamp)> = Vec::with_capacity(frames.len() + packets.len());
    all.extend(frames.iter().map(|frame| (frame.offset, stamp(Stream::Video, frame.dts))));
    all.extend(packets.iter().map(|(offset, time)| (*offset, stamp(Stream::Audio, *time))));
    // Two runs that are in order already.
    all.sort_by_key(|(offset, _)| *offset);
    all.into_iter().unzip()
}

fn step(steps: &mut Vec<ClockStep>, offset: u64, shift: i64) {
    if steps.last().map_or(0, |step| step.shift) != shift {
        steps.push(ClockStep { offset, shift });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(offset: u64, dts: i64, reorder: i64) -> Frame {
        Frame { pts: dts + reorder, dts, offset, size: 10, sync: false }
    }

    #[test]
    fn both_streams_follow_where_the_clock_is_set() {
        let mut frames =
            [frame(0, 5000, 66), frame(20, 5033, 0), frame(40, 7, 66), frame(60, 40, 0)];
        let mut packets = [(10, 5010), (30, 5031), (50, 10), (70, 31)];
        let (clock, defects) = follow(&mut frames, &mut packets);
        assert_eq!(frames.map(|frame| frame.dts), [5000, 5033, 5066, 5099]);
        assert_eq!(frames.map(|frame| frame.pts - frame.dts), [66, 0, 66, 0]);
        assert_eq!(packets.map(|(_, time)| time), [5010, 5031, 5069, 5090]);
        assert_eq!(clock.video, [ClockStep { offset: 40, shift: 5059 }]);
        assert_eq!(clock.audio, [ClockStep { offset: 50, shift: 5059 }]);
        assert_eq!(defects, [Defect::ClockSet { offset: 40, by: -5059 }]);
    }

    #[test]
    fn a_clock_that_runs_through_needs_nothing() {
        let mut frames = [frame(0, 0, 0), frame(20, 33, 0)];
        let mut packets = [(10, 0), (30, 21)];
        let (clock, defects) = follow(&mut frames, &mut packets);
        assert!(clock.runs_through() && defects.is_empty());
    }
}
