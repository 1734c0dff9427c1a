//! Frames of H.264 that decoding can start at although they are no IDR pictures, as a pass over the recording finds them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use job::source::{Frame, RecoveryPoint};

use crate::input::VideoPacket;

/// Recovery points so far.
#[derive(Default)]
pub(super) struct RecoveryPoints {
    /// Where decoding can start, and the frame from which on pictures are whole then, in the order of the latter.
    ready: Vec<(usize, usize)>,
    /// Reference frames so far.
    references: u64,
    /// After how many reference frames pictures are whole, and where decoding must have started for it; the earliest first.
    waiting: BinaryHeap<Reverse<(u64, usize)>>,
}

impl RecoveryPoints {
    /// Takes the frame with this number.
    pub(super) fn take(&mut self, number: usize, packet: &VideoPacket<'_>) {
        self.references += u64::from(packet.is_reference);
        if let Some(frames) = packet.recovery_frames.filter(|_| !packet.sync) {
            self.waiting.push(Reverse((self.references + u64::from(frames), number)));
        }
        while let Some(Reverse((due, frame))) = self.waiting.peek().copied() {
            if due > self.references {
                break;
            }
            self.waiting.pop();
            self.ready.push((frame, number));
        }
    }

    /// Those that were reached before the recording ends, in decoding order. `frames` are the recording's, at their final times; those before
    /// the first that decoding can start at are taken out. Returns how many.
    pub(super) fn finish(mut self, frames: &mut Vec<Frame>) -> (Vec<RecoveryPoint>, u64) {
        self.ready.sort_unstable();
        let keyframe = frames.iter().position(|frame| frame.sync);
        let recovered = self.ready.first().map(|(frame, _)| *frame);
        let unusable = keyframe.into_iter().chain(recovered).min().unwrap_or(frames.len());
        let point = |(frame, ready): (usize, usize)| {
            let ready = frames.get(ready)?.pts;
            Some(RecoveryPoint { frame: frame.checked_sub(unusable)?, ready })
        };
        let points = self.ready.into_iter().filter_map(point).collect();
        frames.drain(..unusable);
        (points, unusable as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames by what they are: an IDR picture, one that says in how many reference frames all is whole, one that is predicted from,
    /// and one that is not. They are 10 ticks apart.
    fn found(kinds: &[(bool, Option<u32>, bool)]) -> (Vec<(usize, i64)>, u64) {
        let mut points = RecoveryPoints::default();
        let mut frames = Vec::new();
        for (number, (sync, recovery_frames, is_reference)) in kinds.iter().enumerate() {
            let pts = i64::try_from(number).unwrap() * 10;
            frames.push(Frame { pts, dts: pts, offset: 0, size: 1, sync: *sync });
            let packet = VideoPacket {
                pts,
                dts: pts,
                offset: 0,
                sync: *sync,
                recovery_frames: *recovery_frames,
                is_reference: *is_reference,
                hidden: false,
                data: &[],
            };
            points.take(number, &packet);
        }
        let (points, unusable) = points.finish(&mut frames);
        assert_eq!(frames.len() as u64 + unusable, kinds.len() as u64);
        (points.iter().map(|point| (point.frame, point.ready)).collect(), unusable)
    }

    const IDR: (bool, Option<u32>, bool) = (true, None, true);
    const P: (bool, Option<u32>, bool) = (false, None, true);
    const B: (bool, Option<u32>, bool) = (false, None, false);
    const OPEN: (bool, Option<u32>, bool) = (false, Some(0), true);
    const IN_TWO: (bool, Option<u32>, bool) = (false, Some(2), true);

    #[test]
    fn decoding_starts_where_pictures_become_whole() {
        assert_eq!(found(&[IDR, P, OPEN, P]), (vec![(2, 20)], 0), "an open GOP");
        assert_eq!(found(&[P, B, OPEN, P]), (vec![(0, 20)], 2), "one that begins in the middle");
        assert_eq!(found(&[IN_TWO, P, B, P, P]), (vec![(0, 30)], 0), "B-frames do not count");
        assert_eq!(found(&[P, IN_TWO, IN_TWO, P, P]), (vec![(0, 30), (1, 40)], 1), "two at once");
        assert_eq!(found(&[P, IN_TWO, P]), (vec![], 3), "it ends too early");
        assert_eq!(found(&[P, P, IDR, P]), (vec![], 2), "a late keyframe");
        assert_eq!(found(&[]), (vec![], 0));
    }
}
