//! The recording's clock: what the timestamps of its tags mean, where they wrap, jump or are plainly wrong.

/// Whose a tag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// The video's.
    Video,
    /// The audio's.
    Audio,
}

/// When a tag says that it is to be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Whose tag it is.
    pub stream: Stream,
    /// The timestamp as it stands in the tag, in milliseconds: 0 to 2^32 - 1.
    pub timestamp: u32,
}

/// A place where the recording's clock was set anew: an encoder or a server that started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// The number of the first stamp by the new clock.
    pub stamp: usize,
    /// How far the timestamps leap there, in milliseconds; negative if the clock was set back.
    pub by: i64,
}

/// A tag that comes this much before the one before it, in milliseconds, is jitter of an encoder.
const JITTER: i64 = 1000;
/// A pause longer than this, in milliseconds, is no pause: the clock was set.
const LONGEST_PAUSE: i64 = 600_000;
/// Timestamps no farther apart than this, in milliseconds, agree with one another.
const COHERENT: i64 = 10_000;
/// How far from a seamless continuation, in milliseconds, a timestamp after a wrap may be. Small, because a stream that starts again at 0 near a
/// wrap looks the same.
const WRAP_TOLERANCE: u64 = 30_000;
/// So many wrong timestamps in a row are recognised as wrong.
const LONGEST_ERROR: usize = 8;
/// The distance of two tags, in milliseconds, while nothing better is known.
const USUAL_GAP: i64 = 33;
/// A distance of two tags, in milliseconds, above which it says nothing of the next.
const LONGEST_GAP: i64 = 1000;

const WRAP_AT_24_BITS: i64 = 1 << 24;
/// `FFmpeg`'s FLV muxer writes 31 bits, also of negative times.
const WRAP_AT_31_BITS: i64 = 1 << 31;
const WRAP_AT_32_BITS: i64 = 1 << 32;

/// The times of all audio and video tags of a file, given in file order, on one clock that goes on; in milliseconds.
///
/// - Where the field wraps, at 2^32 ms (49.7 days), at 2^31 ms by writers that mask the sign away, or at 2^24 ms (4.66 hours) by writers that
///   leave the extended byte at 0, time goes on.
/// - A pause of up to ten minutes stays one, a longer one if the other stream shows that the clock went on; what steps back by up to a second is left as it is.
/// - Up to eight wrong timestamps in a row, after which the clock goes on as before, are set evenly between their neighbours.
/// - Anything else is a [`Jump`]: time goes on there as if nothing had happened. Audio and video, which interleave, change to the new clock
///   each where its own timestamps do, and stay as far apart as they were.
#[must_use]
pub fn follow_clock(stamps: &[Stamp]) -> (Vec<i64>, Vec<Jump>) {
    let mut follower = Follower::over(stamps);
    for number in 0..stamps.len() {
        follower.place(number);
    }
    (follower.times, follower.jumps)
}

struct Follower<'a> {
    stamps: &'a [Stamp],
    /// For every stamp the next one of its stream.
    next: Vec<Option<usize>>,
    times: Vec<i64>,
    jumps: Vec<Jump>,
    video: Progress,
    audio: Progress,
    /// What the clock in force adds to timestamps.
    newest: i64,
}

/// How far a stream has come.
#[derive(Clone, Copy, Default)]
struct Progress {
    last: Option<Placed>,
    /// What is added to its timestamps.
    shift: i64,
    /// The first right stamp after wrong ones, which have their times already, and what is added to it.
    right: Option<(usize, i64)>,
}

#[derive(Clone, Copy)]
struct Placed {
    raw: i64,
    time: i64,
    /// Usual distance to the next.
    gap: i64,
}

impl Placed {
    fn expected(&self) -> i64 {
        self.time.saturating_add(self.gap)
    }

    /// True if a tag at `time` follows without more than a pause or jitter.
    fn goes_on_at(&self, time: i64) -> bool {
        (-JITTER..=LONGEST_PAUSE).contains(&time.saturating_sub(self.time))
    }
}

impl<'a> Follower<'a> {
    fn over(stamps: &'a [Stamp]) -> Self {
        let mut next = vec![None; stamps.len()];
        let (mut video, mut audio) = (None, None);
        for (number, stamp) in stamps.iter().enumerate().rev() {
            let following = match stamp.stream {
                Stream::Video => &mut video,
                Stream::Audio => &mut audio,
            };
            next[number] = following.replace(number);
        }
        Self {
            stamps,
            next,
            times: vec![0; stamps.len()],
            jumps: Vec::new(),
            video: Progress::default(),
            audio: Progress::default(),
            newest: 0,
        }
    }

    fn raw(&self, number: usize) -> i64 {
        self.stamps.get(number).map_or(0, |stamp| i64::from(stamp.timestamp))
    }

    /// The progress of a stamp's stream, and of the other one.
    fn progress(&self, number: usize) -> (Progress, Progress) {
        match self.stamps.get(number).map(|stamp| stamp.stream) {
            Some(Stream::Audio) => (self.audio, self.video),
            _ => (self.video, self.audio),
        }
    }

    fn progress_mut(&mut self, number: usize) -> &mut Progress {
        match self.stamps.get(number).map(|stamp| stamp.stream) {
            Some(Stream::Audio) => &mut self.audio,
            _ => &mut self.video,
        }
    }

    fn place(&mut self, number: usize) {
        let (own, other) = self.progress(number);
        match (own.right, own.last) {
            (Some((right, _)), _) if number < right => {}
            (Some((right, shift)), _) if number == right => self.settle(number, shift),
            (_, None) => self.place_first(number, other),
            (_, Some(last)) => self.place_after(number, own, last, other.last),
        }
    }

    fn place_after(&mut self, number: usize, own: Progress, last: Placed, other: Option<Placed>) {
        let raw = self.raw(number);
        let apart = |shift: &i64| (raw + shift).abs_diff(last.expected());
        // The other stream may have changed to a new clock already, or again.
        let shift = if apart(&self.newest) < apart(&own.shift) { self.newest } else { own.shift };
        // However long a stream pauses, the other one tells that the clock goes on.
        let is_with_other =
            |other: Placed| (raw + shift).abs_diff(other.time) <= COHERENT.unsigned_abs();
        if last.goes_on_at(raw + shift)
            || raw + shift > last.time && other.is_some_and(is_with_other)
        {
            self.settle(number, shift);
        } else if let Some(shift) = wrapped(raw, last, own.shift) {
            self.newest = shift;
            self.settle(number, shift);
        } else if let Some(right) = self.end_of_error(number, last, [own.shift, self.newest]) {
            self.spread(number, right, last);
        } else {
            let end = self.end_of_both(number, last, other);
            self.jump(number, end - raw, raw + own.shift - last.expected());
        }
    }

    /// Where the clock that is set at this stamp goes on: after what both streams have by the old one, so that neither steps back.
    fn end_of_both(&self, number: usize, last: Placed, other: Option<Placed>) -> i64 {
        let is_audio = self.stamps.get(number).is_some_and(|stamp| stamp.stream == Stream::Audio);
        let end = last.expected();
        // A little more sound than pictures is cut; pictures never are.
        let overlap = if is_audio { 0 } else { JITTER };
        let later = |other: &Placed| (overlap..=LONGEST_PAUSE).contains(&(other.expected() - end));
        other.filter(later).map_or(end, |other| other.expected())
    }

    /// The first tag of a stream has only its own successor and the other stream to go by.
    fn place_first(&mut self, number: usize, other: Progress) {
        let raw = match self.next[number] {
            Some(next) if self.is_alone(number, next) => self.raw(next) - USUAL_GAP,
            _ => self.raw(number),
        };
        let time = raw + self.newest;
        let lag = other.last.map_or(0, |other| time.saturating_sub(other.time));
        let wrapped = other.last.and_then(|other| wrapped(raw, other, self.newest));
        let shift = match wrapped {
            _ if lag.abs() <= LONGEST_PAUSE => self.newest,
            Some(shift) => shift,
            None => {
                self.jumps.push(Jump { stamp: number, by: lag });
                self.newest - lag
            }
        };
        self.newest = shift;
        self.settle(number, raw + shift - self.raw(number));
        self.progress_mut(number).shift = shift;
    }

    /// True if `first` does not lead to `second`, but `second` leads on.
    fn is_alone(&self, first: usize, second: usize) -> bool {
        let leads = |number: usize, to: usize| {
            let raw = self.raw(number);
            let placed = Placed { raw, time: raw, gap: USUAL_GAP };
            placed.goes_on_at(self.raw(to)) || wrapped(self.raw(to), placed, 0).is_some()
        };
        !leads(first, second) && self.next[second].is_none_or(|third| leads(second, third))
    }

    fn jump(&mut self, number: usize, shift: i64, by: i64) {
        self.newest = shift;
        self.jumps.push(Jump { stamp: number, by });
        self.settle(number, shift);
    }

    fn settle(&mut self, number: usize, shift: i64) {
        let raw = self.raw(number);
        let time = raw + shift;
        self.times[number] = time;
        let progress = self.progress_mut(number);
        let gap = progress.last.map_or(USUAL_GAP, |last| match time - last.time {
            gap @ 1..=LONGEST_GAP => gap,
            _ => last.gap,
        });
        progress.shift = shift;
        progress.last = Some(Placed { raw, time, gap });
    }

    /// The first stamp after `wrong` that goes on where the clock was, if those before it contradict one another or are but one; past the last
    /// stamp of the stream if nothing follows.
    fn end_of_error(&self, wrong: usize, last: Placed, shifts: [i64; 2]) -> Option<usize> {
        let mut former = wrong;
        for _ in 0..LONGEST_ERROR {
            let Some(next) = self.next[former] else { return Some(self.stamps.len()) };
            let raw = self.raw(next);
            if shifts.iter().any(|shift| last.goes_on_at(raw + shift)) {
                return Some(next);
            }
            if (-JITTER..=COHERENT).contains(&(raw - self.raw(former))) {
                return None;
            }
            former = next;
        }
        None
    }

    /// Sets wrong stamps evenly between the last right one and the next, or after the last if `right` is past all stamps.
    fn spread(&mut self, first: usize, right: usize, last: Placed) {
        let (own, _) = self.progress(first);
        let wrong: Vec<usize> =
            std::iter::successors(Some(first), |number| self.next.get(*number).copied().flatten())
                .take_while(|number| *number < right)
                .collect();
        let count = i64::try_from(wrong.len()).unwrap_or(i64::MAX).saturating_add(1);
        let raw = self.raw(right);
        let fits =
            [own.shift, self.newest].into_iter().filter(|shift| last.goes_on_at(raw + shift));
        let nearest = fits.min_by_key(|shift| (raw + shift).abs_diff(last.expected()));
        let shift = nearest.unwrap_or(own.shift);
        let room = if right < self.stamps.len() {
            raw + shift - last.time
        } else {
            last.gap.saturating_mul(count)
        };
        for (place, number) in (1_i64..).zip(&wrong) {
            self.times[*number] = last.time + room.max(0) * place / count;
        }
        self.progress_mut(first).right = Some((right, shift));
    }
}

/// What must be added to `raw`, instead of `shift`, if the field wrapped between it and `last`, or back again.
fn wrapped(raw: i64, last: Placed, shift: i64) -> Option<i64> {
    let extended_byte_is_unused = last.raw.max(raw) < WRAP_AT_24_BITS;
    let periods: &[i64] = if extended_byte_is_unused {
        &[WRAP_AT_24_BITS]
    } else {
        &[WRAP_AT_31_BITS, WRAP_AT_32_BITS]
    };
    let shifts = periods.iter().flat_map(|period| [shift + period, shift - period]);
    // No clock wraps back before it began.
    let shifts = shifts.filter(|shift| *shift >= 0);
    let apart = |shift: &i64| (raw + shift).abs_diff(last.expected());
    shifts.min_by_key(|shift| apart(shift)).filter(|shift| apart(shift) <= WRAP_TOLERANCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_24: i64 = 1 << 24;
    const AT_31: i64 = 1 << 31;
    const AT_32: i64 = 1 << 32;

    fn video(timestamps: &[u32]) -> Vec<Stamp> {
        timestamps.iter().map(|t| Stamp { stream: Stream::Video, timestamp: *t }).collect()
    }

    /// Video, or audio where a number is written negative, less one.
    fn both(timestamps: &[i64]) -> Vec<Stamp> {
        let stamp = |t: &i64| match u32::try_from(*t) {
            Ok(timestamp) => Stamp { stream: Stream::Video, timestamp },
            Err(_) => Stamp { stream: Stream::Audio, timestamp: u32::try_from(-t - 1).unwrap() },
        };
        timestamps.iter().map(stamp).collect()
    }

    /// What comes out for `timestamps`, and how far the clock leaps at which of them.
    fn follow(stamps: &[Stamp]) -> (Vec<i64>, Vec<(usize, i64)>) {
        let (times, jumps) = follow_clock(stamps);
        (times, jumps.into_iter().map(|jump| (jump.stamp, jump.by)).collect())
    }

    #[test]
    fn wraps_are_undone_and_are_no_jumps() {
        let table: [(&str, &[u32], &[i64]); 5] = [
            ("nothing wraps", &[0, 33, 67], &[0, 33, 67]),
            (
                "the extended byte takes over at 2^24",
                &[0x00ff_fff0, 0x0100_0011],
                &[AT_24 - 16, AT_24 + 17],
            ),
            (
                "no extended byte",
                &[0x00ff_fff0, 17, 0x0007_0000],
                &[AT_24 - 16, AT_24 + 17, AT_24 + 0x0007_0000],
            ),
            ("all 32 bits", &[0xffff_fff0, 17, 50], &[AT_32 - 16, AT_32 + 17, AT_32 + 50]),
            (
                "31 bits, as FFmpeg writes negative times",
                &[0x7fff_ffe9, 10, 43],
                &[AT_31 - 23, AT_31 + 10, AT_31 + 43],
            ),
        ];
        for (name, raw, want) in table {
            assert_eq!(follow(&video(raw)), (want.to_vec(), Vec::new()), "{name}");
        }
    }

    #[test]
    fn a_clock_without_the_extended_byte_goes_around_as_often_as_it_likes() {
        let step = 20_000;
        let raw: Vec<u32> = (0..3000_u32).map(|n| n * step % (1 << 24)).collect();
        let want: Vec<i64> = (0..3000).map(|n| n * i64::from(step)).collect();
        assert_eq!(follow(&video(&raw)), (want, Vec::new()));
    }

    #[test]
    fn audio_and_video_wrap_each_on_its_own() {
        let raw = [0x00ff_fff0, -0x00ff_fff1, 2, -0x00ff_ffff, 20, -1, 40, -21];
        let want = [-16, -16, 2, -2, 20, 0, 40, 20].map(|t| AT_24 + t);
        assert_eq!(follow(&both(&raw)), (want.to_vec(), Vec::new()));
    }

    #[test]
    fn what_a_recording_does_is_left_as_it_is() {
        for (name, raw) in [
            ("pauses", &[0, 33, 599_000, 599_033][..]),
            ("jitter", &[5000, 4990, 5033, 4100, 5100]),
            ("an hour from the start", &[3_600_000, 3_600_033]),
            ("one frame", &[7]),
            ("nothing", &[]),
        ] {
            let same: Vec<i64> = raw.iter().map(|t| i64::from(*t)).collect();
            assert_eq!(follow(&video(raw)), (same, Vec::new()), "{name}");
        }
        let late_audio = [0, 33, 67, 60_000, -60_001, 60_033, -60_022];
        assert_eq!(follow(&both(&late_audio)).1, []);
    }

    #[test]
    fn a_clock_that_is_set_goes_on_without_a_pause() {
        let start = AT_24 - 50;
        for (name, raw, want, by) in [
            ("back", [9000, 9033, 0, 33], [9000, 9033, 9066, 9099], -9066),
            ("ahead", [0, 40, 5_000_000, 5_000_040], [0, 40, 80, 120], 4_999_920),
            (
                "too far from a wrap",
                [0x00ff_ffce, 0x00ff_fff0, 40_000, 40_033],
                [start, start + 34, start + 68, start + 101],
                40_000 - start - 68,
            ),
        ] {
            assert_eq!(follow(&video(&raw)), (want.to_vec(), vec![(2, by)]), "{name}");
        }
    }

    #[test]
    fn audio_and_video_stay_together_over_a_jump() {
        // The audio leads by 100 ms; its last tag by the old clock comes after the video's first by the new one.
        let raw = [9000, -9101, 9040, -9141, 0, -9181, 40, -101, 80, -141];
        let want = vec![9000, 9100, 9040, 9140, 9080, 9180, 9120, 9180, 9160, 9220];
        assert_eq!(follow(&both(&raw)), (want, vec![(4, -9080)]));
    }

    #[test]
    fn neither_stream_steps_back_where_the_clock_is_set() {
        // The sound ends 45 ms before the pictures, and comes first by the new clock.
        let raw = [9000, -8980, 9033, -9001, -1, 0, -22, 33];
        let want = vec![9000, 8979, 9033, 9000, 9066, 9066, 9087, 9099];
        assert_eq!(follow(&both(&raw)), (want, vec![(4, -9021)]));
        // The pictures ended long before the sound, and come first.
        let raw = [9000, 9033, -39_001, -39_022, 0, -1, 33, -22];
        let (times, jumps) = follow(&both(&raw));
        assert_eq!(times[4..], [39_042, 39_042, 39_075, 39_063]);
        assert_eq!(jumps, [(4, -9066)]);
    }

    #[test]
    fn a_stream_that_pauses_longer_than_any_pause_comes_back_beside_the_other() {
        let sound = (0..100_i64).map(|n| -(n * 9_000 + 1));
        let raw: Vec<i64> = [0, 33].into_iter().chain(sound).chain([891_040, 891_073]).collect();
        let (times, jumps) = follow(&both(&raw));
        assert_eq!(times[times.len() - 2..], [891_040, 891_073]);
        assert_eq!(jumps, []);
    }

    #[test]
    fn wrong_timestamps_are_set_between_their_neighbours() {
        for (name, raw, want) in [
            ("far ahead", &[0, 33, 9_000_000, 99, 132][..], vec![0, 33, 66, 99, 132]),
            ("far back", &[50_000, 50_033, 5, 50_099], vec![50_000, 50_033, 50_066, 50_099]),
            ("two unlike", &[0, 33, 9_000_000, 70_000_000, 132], vec![0, 33, 66, 99, 132]),
            ("the last", &[0, 33, 9_000_000], vec![0, 33, 66]),
            ("the first", &[9_000_000, 33, 66], vec![0, 33, 66]),
        ] {
            assert_eq!(follow(&video(raw)), (want, Vec::new()), "{name}");
        }
    }

    #[test]
    fn one_wrong_timestamp_of_the_audio_does_not_move_the_video() {
        let raw = [0, -1, 33, -9_000_001, 67, -41, 100, -61];
        let want = vec![0, 0, 33, 20, 67, 40, 100, 60];
        assert_eq!(follow(&both(&raw)), (want, Vec::new()));
    }

    #[test]
    fn a_stream_by_a_clock_of_its_own_joins_the_other() {
        let raw = [3_600_000, 3_600_033, -1, 3_600_067, -22];
        let (times, jumps) = follow(&both(&raw));
        assert_eq!(times, [3_600_000, 3_600_033, 3_600_033, 3_600_067, 3_600_054]);
        assert_eq!(jumps, [(2, -3_600_033)]);
    }
}
