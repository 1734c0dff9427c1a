//! How long the fleet will need for what is in the queue: a first estimate, from what one worker knows.

use std::time::Duration;

/// What a job is taken to take before anything is known: as good as any guess, and soon replaced.
const FIRST_GUESS: Duration = Duration::from_mins(1);
/// Of the mean, one part in so many is the newest job.
const NEWEST: f64 = 4.0;
/// Less of a job than this says nothing of the whole: fetching and the first keyframes weigh too much.
const LEAST_FRACTION: f64 = 0.02;

/// What there is to do, and who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    /// Messages that wait.
    pub(crate) visible: u64,
    /// Messages that the fleet works on.
    pub(crate) in_flight: u64,
    /// Jobs that this worker does at a time.
    pub(crate) own_slots: usize,
}

/// How far a running job is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SoFar {
    /// How long it has been running.
    pub(crate) elapsed: Duration,
    /// How much of it is done, 0 to 1.
    pub(crate) fraction: f64,
}

/// Seconds until nothing waits any more, if a job takes `job_time`: the seconds of work that wait over the seconds of work that the fleet
/// does in one. What is in work already does not count: no further worker would make it end sooner.
///
/// While messages wait, every slot of the fleet is taken, so that there are as many slots as messages in flight, and never fewer than this
/// worker's own; but no slot takes half of a job.
///
/// What it does not know:
///
/// - how long the recordings that wait are: a job is taken to last as long as this worker's last ones did;
/// - how fast the other workers are: they are taken to be like this one;
/// - which messages in flight nobody works on, because they wait for another attempt or their worker died: they count as slots, and make
///   the time shorter than it is;
/// - workers that are starting, and slots that idle once nothing waits.
pub(crate) fn seconds_to_drain(load: Load, job_time: Duration) -> f64 {
    let messages = count(load.visible) + count(load.in_flight);
    let slots = count(load.in_flight).max(count(load.own_slots)).min(messages).max(1.0);
    job_time.as_secs_f64() * count(load.visible) / slots
}

/// A count as a number to calculate with, or to measure.
pub(crate) fn count(count: impl TryInto<u32>) -> f64 {
    f64::from(count.try_into().unwrap_or(u32::MAX))
}

/// How long a job takes, by the wall clock: an exponentially weighted mean, of which the newest job is a quarter.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct JobTime {
    seconds: Option<f64>,
}

impl JobTime {
    /// A job has ended in a publication.
    pub(crate) fn ended(&mut self, took: Duration) {
        let newest = took.as_secs_f64();
        self.seconds = Some(self.seconds.map_or(newest, |mean| mean + (newest - mean) / NEWEST));
    }

    /// The mean; before the first job ended what the `running` ones are heading for, and before they say anything a minute.
    ///
    /// A job that goes on from a predecessor's chunks is further than it got by itself, and promises too much.
    pub(crate) fn mean(self, running: impl IntoIterator<Item = SoFar>) -> Duration {
        let mean = self.seconds.or_else(|| {
            let telling = running.into_iter().filter(|so_far| so_far.fraction > LEAST_FRACTION);
            let whole = |so_far: SoFar| so_far.elapsed.as_secs_f64() / so_far.fraction;
            let (sum, jobs) =
                telling.map(whole).fold((0.0, 0.0), |(sum, jobs), whole| (sum + whole, jobs + 1.0));
            (jobs > 0.0).then_some(sum / jobs)
        });
        mean.and_then(|mean| Duration::try_from_secs_f64(mean).ok()).unwrap_or(FIRST_GUESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn assert_near(value: f64, expected: f64) {
        assert!((value - expected).abs() < 1e-6, "{value} is not {expected}");
    }

    #[test]
    fn the_time_is_what_is_left_over_what_the_fleet_does() {
        for (visible, in_flight, own_slots, job_seconds, expected) in [
            // Nothing to do.
            (0, 0, 2, 60, 0.0),
            // One worker of two slots, ten messages wait.
            (10, 2, 2, 60, 300.0),
            // The same ten, a fleet of five such workers.
            (10, 10, 2, 60, 60.0),
            // What waits has not been received yet: our slots are all that we know of.
            (10, 0, 2, 60, 300.0),
            // Nothing waits any more: nobody else is needed, however long the last job takes.
            (0, 10, 2, 60, 0.0),
            (0, 1, 2, 5400, 0.0),
            // One message keeps one slot busy, however many there are.
            (1, 0, 8, 60, 60.0),
            // Jobs of an hour.
            (3, 1, 1, 3600, 10_800.0),
            // A worker that says it has no slots divides by one.
            (1, 0, 0, 60, 60.0),
            // More than fits is as much as fits.
            (u64::MAX, 1, 1, 1, 4_294_967_295.0),
        ] {
            let load = Load { visible, in_flight, own_slots };
            assert_near(seconds_to_drain(load, seconds(job_seconds)), expected);
        }
    }

    #[test]
    fn more_workers_never_make_it_longer_and_more_messages_never_shorter() {
        let at = |visible, in_flight| {
            seconds_to_drain(Load { visible, in_flight, own_slots: 2 }, seconds(60))
        };
        for visible in 1..50 {
            for in_flight in 0..50 {
                assert!(at(visible + 1, in_flight) >= at(visible, in_flight));
                // A message that is taken leaves the queue.
                assert!(at(visible - 1, in_flight + 1) < at(visible, in_flight));
            }
        }
    }

    #[test]
    fn the_newest_job_is_a_quarter_of_the_mean() {
        let mut time = JobTime::default();
        for (took, mean) in [(100, 100.0), (20, 80.0), (20, 65.0), (165, 90.0)] {
            time.ended(seconds(took));
            assert_near(time.mean([]).as_secs_f64(), mean);
        }
        let misleading = SoFar { elapsed: seconds(1000), fraction: 0.5 };
        assert_near(time.mean([misleading]).as_secs_f64(), 90.0);
    }

    #[test]
    fn before_a_job_has_ended_the_running_ones_are_projected() {
        let so_far = |elapsed, fraction| SoFar { elapsed: seconds(elapsed), fraction };
        for (running, expected) in [
            (vec![], 60.0),
            (vec![so_far(30, 0.0)], 60.0),
            (vec![so_far(30, 0.02)], 60.0),
            (vec![so_far(30, 0.03)], 1000.0),
            (vec![so_far(30, 0.25)], 120.0),
            (vec![so_far(30, 0.25), so_far(30, 0.1), so_far(5, 0.01)], 210.0),
            (vec![so_far(30, f64::NAN)], 60.0),
        ] {
            assert_near(JobTime::default().mean(running).as_secs_f64(), expected);
        }
    }
}
