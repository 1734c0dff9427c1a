//! Which timestamps to believe: a jump only if what follows agrees with it. One bad timestamp would otherwise mute all up to it.

/// How far sound may lie from the end of the former, in samples, before it counts as a jump. Times in milliseconds jitter by 48.
const JITTER: u64 = 768;
/// How far the next may lie from where a jump leads, in seconds, to agree with it.
const REACH_SECONDS: u64 = 10;

/// Gives pieces of sound their places, in samples. Holds each back until the time of the next is known.
pub(crate) struct Timeline<T> {
    reach: u64,
    held: Option<Piece<T>>,
    /// Where the former piece ended.
    expected: Option<i64>,
}

struct Piece<T> {
    at: i64,
    length: i64,
    sound: T,
}

impl<T> Timeline<T> {
    /// A timeline of so many samples per second.
    pub(crate) fn new(sample_rate: u32) -> Self {
        Self { reach: u64::from(sample_rate) * REACH_SECONDS, held: None, expected: None }
    }

    /// Takes `sound` of `length` samples that says it belongs at sample `at`, or right after what came before it. Gives the former piece
    /// and where that belongs.
    pub(crate) fn push(&mut self, at: Option<i64>, length: i64, sound: T) -> Option<(i64, T)> {
        let follows = match &self.held {
            Some(held) => held.at.saturating_add(held.length),
            None => self.expected.unwrap_or(0),
        };
        let at = at.unwrap_or(follows);
        let former = self.held.replace(Piece { at, length, sound })?;
        Some(self.settle(former, Some(at)))
    }

    /// The last piece.
    pub(crate) fn finish(&mut self) -> Option<(i64, T)> {
        let last = self.held.take()?;
        Some(self.settle(last, None))
    }

    fn settle(&mut self, piece: Piece<T>, next: Option<i64>) -> (i64, T) {
        let Piece { at, length, sound } = piece;
        let place = match self.expected {
            Some(expected) if at.abs_diff(expected) <= JITTER => at,
            Some(expected) => {
                let agrees = |next: i64| {
                    let apart = next.abs_diff(at.saturating_add(length));
                    apart <= self.reach && apart < next.abs_diff(expected.saturating_add(length))
                };
                if next.is_some_and(agrees) { at } else { expected }
            }
            None => first(at, length, next),
        };
        self.expected = Some(place.saturating_add(length));
        (place, sound)
    }
}

/// Where the first piece belongs. If the second does not follow it, one of the two may be wrong: the one that is farther from the start.
fn first(at: i64, length: i64, next: Option<i64>) -> i64 {
    let before_next = next.map_or(at, |next| next.saturating_sub(length));
    let apart = before_next.abs_diff(at);
    if apart > JITTER && before_next.unsigned_abs() < at.unsigned_abs() { before_next } else { at }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOURS: i64 = 48_000 * 36_000;

    fn places(times: &[Option<i64>]) -> Vec<i64> {
        let mut timeline = Timeline::new(48_000);
        let mut places = Vec::new();
        for (number, at) in times.iter().enumerate() {
            let former = timeline.push(*at, 1000, number);
            places.extend(former);
        }
        places.extend(timeline.finish());
        assert!(places.iter().map(|(_, sound)| *sound).eq(0..times.len()), "all, in order");
        places.into_iter().map(|(at, _)| at).collect()
    }

    #[test]
    fn a_jump_counts_if_the_next_agrees() {
        for (what, times, expected) in [
            ("jitter", vec![0, 1040, 1960, 3000], vec![0, 1040, 1960, 3000]),
            ("a gap", vec![0, 5000, 6000], vec![0, 5000, 6000]),
            ("every other one lost", vec![0, 2000, 4000, 5000], vec![0, 2000, 4000, 5000]),
            ("one twice", vec![0, 1000, 1000, 2000], vec![0, 1000, 1000, 2000]),
            (
                "back for good",
                vec![HOURS, HOURS + 1000, 0, 1000],
                vec![HOURS, HOURS + 1000, 0, 1000],
            ),
            ("one far ahead", vec![0, 1000, HOURS, 3000], vec![0, 1000, 2000, 3000]),
            ("one a little ahead", vec![0, 1000, 9000, 3000], vec![0, 1000, 2000, 3000]),
            ("one far back", vec![0, 1000, -HOURS, 3000], vec![0, 1000, 2000, 3000]),
            ("two unlike", vec![0, HOURS, 2 * HOURS, 3000], vec![0, 1000, 2000, 3000]),
            ("the last", vec![0, 1000, HOURS], vec![0, 1000, 2000]),
            ("late start", vec![9000, 10_000], vec![9000, 10_000]),
            ("early start", vec![-9000, -8000], vec![-9000, -8000]),
            ("the first is wrong", vec![HOURS, 1000, 2000], vec![0, 1000, 2000]),
            ("the second is wrong", vec![0, HOURS, 2000], vec![0, 1000, 2000]),
            (
                "no overflow",
                vec![i64::MIN, i64::MAX, i64::MIN],
                vec![i64::MAX - 1000, i64::MAX, i64::MAX],
            ),
        ] {
            let times: Vec<Option<i64>> = times.into_iter().map(Some).collect();
            assert_eq!(places(&times), expected, "{what}");
        }
    }

    #[test]
    fn sound_without_a_time_follows_the_former() {
        assert_eq!(places(&[None, None, Some(2000), None]), [0, 1000, 2000, 3000]);
        assert_eq!(places(&[Some(500), None, Some(9000), None]), [500, 1500, 9000, 10_000]);
    }
}
