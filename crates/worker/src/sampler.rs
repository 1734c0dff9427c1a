//! Measures now and then how full the queue is, how busy this worker is, and how long that will last.

use std::sync::Arc;
use std::time::Duration;

use job::metric::Metric;
use job::ports::{Depth, Measure, Metrics, Queue};
use tokio::time::{Instant, sleep_until, timeout};

use crate::drain::{Load, count, seconds_to_drain};
use crate::events;
use crate::jobs::Jobs;

/// Longest wait for the queue's answer, which ends the question: there is never more than one.
const ANSWER: Duration = Duration::from_secs(5);
/// Shortest time between two samples.
const SHORTEST_PERIOD: Duration = Duration::from_secs(1);

/// What is measured, and where to. It shares nothing with jobs that they would wait for.
pub(crate) struct Sampler {
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) metrics: Arc<dyn Metrics>,
    pub(crate) jobs: Arc<Jobs>,
    /// Jobs that this worker does at a time.
    pub(crate) slots: usize,
}

impl Sampler {
    /// Samples at once and then every `period`, for ever.
    pub(crate) async fn run(self, period: Duration) {
        let mut is_told = true;
        loop {
            let started = Instant::now();
            self.record(Metric::JobsRunning, count(self.jobs.count()));
            match self.depth().await {
                Ok(depth) => {
                    if !is_told {
                        events::depth_sampled_again();
                    }
                    is_told = true;
                    self.record_depth(&depth);
                }
                Err(error) => {
                    if is_told {
                        events::depth_not_sampled(&error);
                    }
                    is_told = false;
                }
            }
            sleep_until(started + period.max(SHORTEST_PERIOD)).await;
        }
    }

    async fn depth(&self) -> Result<Depth, String> {
        match timeout(ANSWER, self.queue.depth()).await {
            Ok(depth) => depth.map_err(|error| error.to_string()),
            Err(_) => Err("the queue did not answer in time".to_owned()),
        }
    }

    fn record_depth(&self, depth: &Depth) {
        let Depth { visible, in_flight, dead, .. } = *depth;
        self.record(Metric::QueueVisible, count(visible));
        self.record(Metric::QueueInFlight, count(in_flight));
        self.record(Metric::DeadLetters, count(dead));
        if let Some(age) = self.oldest_age(depth) {
            self.record(Metric::OldestAge, age.as_secs_f64());
        }
        let load = Load { visible, in_flight, own_slots: self.slots };
        self.record(Metric::SecondsToDrain, seconds_to_drain(load, self.jobs.time()));
    }

    /// None if nobody can say.
    fn oldest_age(&self, depth: &Depth) -> Option<Duration> {
        let is_idle = self.jobs.count() == 0 && depth.visible == 0;
        let idle = is_idle.then_some(Duration::ZERO);
        depth.oldest_age.or_else(|| self.jobs.oldest_age()).or(idle)
    }

    fn record(&self, metric: Metric, value: f64) {
        self.metrics.record(Measure::new(metric, value));
    }
}
