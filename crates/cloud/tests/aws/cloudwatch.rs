//! Measurements that arrive, and measurements that nobody takes.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Statistic};
use cloud::{Aws, CloudWatchMetrics, CloudWatchSettings, Resolution};
use job::metric::Metric;
use job::ports::{Clock, Measure, Metrics as _};

use crate::support::scripted::{Answer, Scripted};
use crate::support::{self, Ministack, free_address};

const NAMESPACE: &str = "rec2vod";

struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

fn start(aws: &Aws, resolution: Resolution) -> CloudWatchMetrics {
    let settings = CloudWatchSettings {
        namespace: NAMESPACE.to_owned(),
        dimensions: vec![("Fleet".to_owned(), "one".to_owned())],
        resolution,
    };
    CloudWatchMetrics::start(aws, settings, Arc::new(WallClock))
}

/// Count, sum, least and greatest of a metric in the last hour.
async fn read(ministack: &Ministack, name: &str, fleet: &str) -> Option<String> {
    let now = SystemTime::now();
    let client = aws_sdk_cloudwatch::Client::new(&ministack.sdk().await);
    let answer = client
        .get_metric_statistics()
        .namespace(NAMESPACE)
        .metric_name(name)
        .dimensions(Dimension::builder().name("Fleet").value(fleet).build())
        .start_time(DateTime::from(now - Duration::from_hours(1)))
        .end_time(DateTime::from(now + Duration::from_hours(1)))
        .period(7200)
        .statistics(Statistic::SampleCount)
        .statistics(Statistic::Sum)
        .statistics(Statistic::Minimum)
        .statistics(Statistic::Maximum)
        .send()
        .await
        .unwrap();
    let points = answer.datapoints.unwrap_or_default();
    let point = points.first()?;
    let values = [point.sample_count, point.sum, point.minimum, point.maximum];
    Some(values.map(|value| value.unwrap().to_string()).join(" "))
}

#[tokio::test]
async fn measurements_are_read_back_as_they_were_taken() {
    let ministack = Ministack::start();
    let metrics = start(&ministack.aws().await, Resolution::Minute);
    for value in [3.0, 1.0, 2.0] {
        metrics.record(Measure::new(Metric::JobsRunning, value));
    }
    metrics.record(Measure::new(Metric::RealtimeFactor, 2.5));
    metrics.record(Measure::new(Metric::RealtimeFactor, f64::NAN));
    assert_eq!(read(&ministack, "JobsRunning", "one").await, None, "nothing before its time");
    metrics.flush(Duration::from_secs(20)).await;
    assert_eq!(read(&ministack, "JobsRunning", "one").await.as_deref(), Some("3 6 1 3"));
    assert_eq!(read(&ministack, "RealtimeFactor", "one").await.as_deref(), Some("1 2.5 2.5 2.5"));
    assert_eq!(read(&ministack, "JobsRunning", "two").await, None);
    assert_eq!(metrics.dropped(), 1, "what is not a number");
}

#[tokio::test]
async fn a_period_ends_by_itself() {
    let ministack = Ministack::start();
    let metrics = start(&ministack.aws().await, Resolution::TenSeconds);
    metrics.record(Measure::new(Metric::QueueVisible, 7.0));
    let began = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        match read(&ministack, "QueueVisible", "one").await {
            Some(values) => break assert_eq!(values, "1 7 7 7"),
            None => assert!(began.elapsed() < Duration::from_secs(25), "it never came"),
        }
    }
    assert!(began.elapsed() > Duration::from_secs(9), "{:?}", began.elapsed());
    assert_eq!(metrics.dropped(), 0);
}

/// Whatever `CloudWatch` does, a measurement costs its taker next to nothing, and memory is bounded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cloudwatch_being_away_is_not_noticed() {
    let silent = Scripted::start(|_| Answer::Silence);
    for address in [silent.address, free_address()] {
        let metrics = start(&support::aws(address, "AKID").await, Resolution::TenSeconds);
        let began = Instant::now();
        for _ in 0..100_000 {
            metrics.record(Measure::new(Metric::JobsRunning, 1.0));
        }
        let took = began.elapsed();
        println!("100,000 measurements in {took:?}, {} dropped", metrics.dropped());
        assert!(took < Duration::from_secs(2), "{took:?}");
        let began = Instant::now();
        metrics.flush(Duration::from_secs(1)).await;
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}

/// More at once than may wait: the rest is dropped and counted, and not one is counted twice.
#[tokio::test]
async fn what_does_not_fit_is_dropped_and_counted() {
    let ministack = Ministack::start();
    let metrics = start(&ministack.aws().await, Resolution::Minute);
    // On one thread nobody aggregates meanwhile.
    for _ in 0..10_000 {
        metrics.record(Measure::new(Metric::JobsRunning, 1.0));
    }
    metrics.flush(Duration::from_secs(20)).await;
    let values = read(&ministack, "JobsRunning", "one").await.unwrap();
    let taken: u64 = values.split(' ').next().unwrap().parse().unwrap();
    assert!(metrics.dropped() > 0);
    assert_eq!(taken + metrics.dropped(), 10_000);
}

/// A failed request is made up for: its values come with those of the next.
#[tokio::test]
async fn values_outlive_a_failure() {
    let server = Scripted::start(|request| match request.number {
        0 => Answer::Whole(400, Vec::new(), Vec::new()),
        _ => Answer::Whole(200, vec![("smithy-protocol", "rpc-v2-cbor".to_owned())], vec![0xa0]),
    });
    let aws = support::aws(server.address, "AKID").await;
    let metrics = start(&aws, Resolution::Minute);
    metrics.record(Measure::new(Metric::JobsRunning, 1.0));
    metrics.flush(Duration::from_secs(20)).await;
    metrics.flush(Duration::from_secs(20)).await;
    metrics.flush(Duration::from_secs(20)).await;
    assert_eq!(server.requests().len(), 2, "refused, taken, and nothing left");
    assert_eq!(metrics.dropped(), 0);
}
