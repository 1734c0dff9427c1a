//! Measurements to `CloudWatch`, on the side: nothing that happens here is noticed by a job.

mod aggregate;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::Builder;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum};
use job::metric::Metric;
use job::ports::{Clock, Measure, Metrics};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use self::aggregate::Aggregates;
use crate::classify::{Call, Failure};
use crate::client::{Aws, Patience};

/// Measurements that wait to be aggregated; more are dropped.
const WAITING_MEASURES: usize = 4096;
/// Values that wait for `CloudWatch`; the oldest are dropped beyond that. Also what one request may hold.
const WAITING_DATA: usize = 1000;
/// The next period tries again, so once is nearly enough.
const PUT: Patience = Patience::new(2, Duration::from_secs(10));
/// Most dimensions that `CloudWatch` takes, less the one for a reason.
const MOST_DIMENSIONS: usize = 29;

/// How fine `CloudWatch` keeps what it gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resolution {
    /// One value a minute.
    #[default]
    Minute,
    /// One value every 10 s, kept for three hours: for scaling that must be fast. Alarms on these cost more.
    TenSeconds,
}

impl Resolution {
    /// How long one value stands for.
    #[must_use]
    pub const fn period(self) -> Duration {
        match self {
            Self::Minute => Duration::from_mins(1),
            Self::TenSeconds => Duration::from_secs(10),
        }
    }

    /// `StorageResolution` in seconds.
    const fn storage(self) -> i32 {
        match self {
            Self::Minute => 60,
            Self::TenSeconds => 1,
        }
    }
}

/// Where and how measurements are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudWatchSettings {
    /// The namespace. `AWS/` is not ours.
    pub namespace: String,
    /// Dimensions of every value. Each combination is a metric that is paid for by the month: the fleet or the queue belong here, a job
    /// or an instance does not.
    pub dimensions: Vec<(String, String)>,
    /// How fine.
    pub resolution: Resolution,
}

/// `CloudWatch` as the receiver of measurements.
///
/// Measurements are aggregated to one statistic set (count, sum, least, greatest) per metric, reason and period, and sent by a task of their own. Memory
/// is bounded; what does not fit, what is no finite number, and what `CloudWatch` does not take for too long is dropped and counted.
#[derive(Debug)]
pub struct CloudWatchMetrics {
    events: mpsc::Sender<Event>,
    dropped: Arc<AtomicU64>,
}

enum Event {
    Measure(Measure),
    /// Send what there is, then answer.
    Flush(oneshot::Sender<()>),
}

impl CloudWatchMetrics {
    /// Starts the task that publishes. It ends when the last reference to this is dropped. Needs a Tokio runtime.
    #[must_use]
    pub fn start(aws: &Aws, settings: CloudWatchSettings, clock: Arc<dyn Clock>) -> Self {
        let (events, received) = mpsc::channel(WAITING_MEASURES);
        let dropped = Arc::new(AtomicU64::new(0));
        let publisher = Publisher {
            client: Client::new(aws.config()),
            namespace: settings.namespace.into(),
            dimensions: dimensions(&settings.dimensions),
            resolution: settings.resolution,
            clock,
            dropped: Arc::clone(&dropped),
            reported: 0,
            aggregates: Aggregates::default(),
            waiting: VecDeque::new(),
            sending: None,
            health: Health::Good,
        };
        tokio::spawn(publisher.run(received));
        Self { events, dropped }
    }

    /// Sends one value that changes nothing, no job more done, to learn whether `CloudWatch` takes measurements from us.
    ///
    /// # Errors
    ///
    /// What is wrong and what to do.
    pub async fn probe(
        aws: &Aws,
        settings: &CloudWatchSettings,
        clock: &dyn Clock,
    ) -> Result<(), String> {
        let mut nothing = Aggregates::default();
        nothing.add(Measure::new(Metric::JobsDone, 0.0));
        let dimensions = dimensions(&settings.dimensions);
        let storage = settings.resolution.storage();
        let data = nothing.data(clock.now().into(), &dimensions, storage).collect();
        let put = put(Client::new(aws.config()), settings.namespace.as_str().into(), data);
        put.await.map_err(|(_, reason)| reason)
    }

    /// How many measurements and values were dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Sends what there is now, within `longest`: for the end of the process.
    pub async fn flush(&self, longest: Duration) {
        let flush = async {
            let (done, is_done) = oneshot::channel();
            if self.events.send(Event::Flush(done)).await.is_ok() {
                // An error says that the task is gone, and with it what it had.
                let _ = is_done.await;
            }
        };
        if timeout(longest, flush).await.is_err() {
            tracing::warn!("the last measurements did not reach CloudWatch in time");
        }
    }
}

impl Metrics for CloudWatchMetrics {
    fn record(&self, measure: Measure) {
        if self.events.try_send(Event::Measure(measure)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Whether the last request was taken, so that a long outage is one line in the log.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Health {
    Good,
    Bad,
}

/// A request on its way: ends with what was not taken.
type Sending = JoinHandle<Result<(), (Vec<MetricDatum>, String)>>;

struct Publisher {
    client: Client,
    namespace: Arc<str>,
    dimensions: Vec<Dimension>,
    resolution: Resolution,
    clock: Arc<dyn Clock>,
    dropped: Arc<AtomicU64>,
    /// How many drops the log knows of.
    reported: u64,
    aggregates: Aggregates,
    /// What is to be sent, oldest first.
    waiting: VecDeque<MetricDatum>,
    sending: Option<Sending>,
    health: Health,
}

impl Publisher {
    async fn run(mut self, mut events: mpsc::Receiver<Event>) {
        let period = self.resolution.period();
        let mut periods = interval_at(Instant::now() + period, period);
        periods.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(Event::Measure(measure)) => self.take(measure),
                    Some(Event::Flush(done)) => {
                        self.flush().await;
                        // Whoever asked may have stopped waiting.
                        let _ = done.send(());
                    }
                    None => return,
                },
                _ = periods.tick() => {
                    self.end_period();
                    self.send();
                }
                sent = ended(&mut self.sending) => self.sent(sent),
            }
        }
    }

    fn take(&mut self, measure: Measure) {
        if !self.aggregates.add(measure) {
            self.drop_some(1);
        }
    }

    /// Turns the period's measurements into values that wait to be sent.
    fn end_period(&mut self) {
        let now = self.clock.now().into();
        let aggregates = std::mem::take(&mut self.aggregates);
        self.waiting.extend(aggregates.data(now, &self.dimensions, self.resolution.storage()));
        self.bound();
        self.report_drops();
    }

    /// Sends all that waits, unless a request is on its way.
    fn send(&mut self) {
        if self.sending.is_some() || self.waiting.is_empty() {
            return;
        }
        let data: Vec<_> = self.waiting.drain(..).collect();
        let (client, namespace) = (self.client.clone(), Arc::clone(&self.namespace));
        self.sending = Some(tokio::spawn(put(client, namespace, data)));
    }

    async fn flush(&mut self) {
        if self.sending.is_some() {
            let sent = ended(&mut self.sending).await;
            self.sent(sent);
        }
        self.end_period();
        self.send();
        if self.sending.is_some() {
            let sent = ended(&mut self.sending).await;
            self.sent(sent);
        }
    }

    /// What was not taken waits again, before what came meanwhile.
    fn sent(&mut self, sent: Result<(), (Vec<MetricDatum>, String)>) {
        match (sent, self.health) {
            (Ok(()), Health::Good) => {}
            (Ok(()), Health::Bad) => {
                tracing::info!("CloudWatch takes measurements again");
                self.health = Health::Good;
            }
            (Err((data, reason)), health) => {
                if health == Health::Good {
                    tracing::warn!(reason, "CloudWatch takes no measurements, trying on");
                    self.health = Health::Bad;
                }
                for datum in data.into_iter().rev() {
                    self.waiting.push_front(datum);
                }
                self.bound();
            }
        }
    }

    fn bound(&mut self) {
        let excess = self.waiting.len().saturating_sub(WAITING_DATA);
        self.waiting.drain(..excess);
        self.drop_some(excess);
    }

    fn drop_some(&self, count: usize) {
        self.dropped.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn report_drops(&mut self) {
        let dropped = self.dropped.load(Ordering::Relaxed);
        if dropped > self.reported {
            tracing::warn!(more = dropped - self.reported, dropped, "measurements were dropped");
            self.reported = dropped;
        }
    }
}

/// Waits for the request on its way, for ever if there is none.
async fn ended(sending: &mut Option<Sending>) -> Result<(), (Vec<MetricDatum>, String)> {
    let Some(task) = sending else {
        return std::future::pending().await;
    };
    let ended = task.await;
    *sending = None;
    // A task that panicked has lost its data.
    ended.unwrap_or_else(|stopped| Err((Vec::new(), stopped.to_string())))
}

async fn put(
    client: Client,
    namespace: Arc<str>,
    data: Vec<MetricDatum>,
) -> Result<(), (Vec<MetricDatum>, String)> {
    const CALL: Call = Call { action: "cloudwatch:PutMetricData", target: "namespace" };
    let config = Builder::new().timeout_config(PUT.timeouts()).retry_config(PUT.retries());
    let sent = client
        .put_metric_data()
        .namespace(&*namespace)
        .set_metric_data(Some(data.clone()))
        .customize()
        .config_override(config)
        .send()
        .await;
    sent.map(drop).map_err(|error| (data, Failure::new(CALL, &error).reason))
}

fn dimensions(dimensions: &[(String, String)]) -> Vec<Dimension> {
    let dimensions = dimensions.iter().take(MOST_DIMENSIONS);
    dimensions.map(|(name, value)| Dimension::builder().name(name).value(value).build()).collect()
}
