//! Many measurements of a period as one statistic set for each metric and reason.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit, StatisticSet};
use job::metric::{Metric, Unit};
use job::ports::Measure;

/// Greatest magnitude that `CloudWatch` takes: 2^360.
const GREATEST: f64 = 2.348_542_582_773_833_4e108;

/// Name of the dimension with the reason of a measurement.
const REASON: &str = "Reason";
/// More reasons than there are; a program that makes them up shall not cost by the metric.
const MOST_REASONS: usize = 100;

/// The measurements of a period by metric and reason. What has a reason counts without it, too: alarms look at the whole.
#[derive(Debug, Default)]
pub(super) struct Aggregates {
    by_series: BTreeMap<(Metric, Option<String>), Aggregate>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Aggregate {
    count: f64,
    sum: f64,
    least: f64,
    greatest: f64,
}

impl Aggregates {
    /// Adds a measurement; false if `CloudWatch` would not take it.
    pub(super) fn add(&mut self, Measure { metric, value, reason }: Measure) -> bool {
        if value.is_nan() || value.abs() > GREATEST {
            return false;
        }
        if reason.is_some() && self.by_series.len() < MOST_REASONS {
            self.add_to((metric, reason), value);
        }
        self.add_to((metric, None), value);
        true
    }

    fn add_to(&mut self, series: (Metric, Option<String>), value: f64) {
        let one = Aggregate { count: 1.0, sum: value, least: value, greatest: value };
        let aggregate = self.by_series.entry(series);
        aggregate.and_modify(|before| *before = before.with(one)).or_insert(one);
    }

    /// The values to publish.
    pub(super) fn data(
        self,
        time: DateTime,
        dimensions: &[Dimension],
        storage_resolution: i32,
    ) -> impl Iterator<Item = MetricDatum> {
        self.by_series.into_iter().map(move |((metric, reason), aggregate)| {
            let reason = reason.map(|why| Dimension::builder().name(REASON).value(why).build());
            let dimensions = dimensions.iter().cloned().chain(reason).collect();
            MetricDatum::builder()
                .metric_name(metric.name())
                .unit(unit(metric.unit()))
                .timestamp(time)
                .storage_resolution(storage_resolution)
                .set_dimensions(Some(dimensions))
                .statistic_values(aggregate.statistics())
                .build()
        })
    }
}

impl Aggregate {
    fn with(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            sum: (self.sum + other.sum).clamp(-GREATEST, GREATEST),
            least: self.least.min(other.least),
            greatest: self.greatest.max(other.greatest),
        }
    }

    fn statistics(self) -> StatisticSet {
        StatisticSet::builder()
            .sample_count(self.count)
            .sum(self.sum)
            .minimum(self.least)
            .maximum(self.greatest)
            .build()
    }
}

fn unit(unit: Unit) -> StandardUnit {
    match unit {
        Unit::Count => StandardUnit::Count,
        Unit::Seconds => StandardUnit::Seconds,
        Unit::Percent => StandardUnit::Percent,
        Unit::Ratio => StandardUnit::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, reason, and count, sum, least and greatest.
    fn facts(aggregates: Aggregates) -> Vec<String> {
        let data = aggregates.data(DateTime::from_secs(7), &[], 60);
        data.map(|datum| {
            let s = datum.statistic_values().unwrap();
            let values = [s.sample_count(), s.sum(), s.minimum(), s.maximum()];
            let reasons: Vec<_> = datum.dimensions().iter().filter_map(Dimension::value).collect();
            format!("{} {reasons:?} {:?}", datum.metric_name().unwrap(), values.map(Option::unwrap))
        })
        .collect()
    }

    #[test]
    fn measurements_of_a_metric_become_one_value() {
        let mut aggregates = Aggregates::default();
        for (metric, value) in
            [(Metric::JobsRunning, 2.0), (Metric::RealtimeFactor, 1.5), (Metric::JobsRunning, 4.0)]
        {
            assert!(aggregates.add(Measure::new(metric, value)));
        }
        assert_eq!(
            facts(aggregates),
            ["JobsRunning [] [2.0, 6.0, 2.0, 4.0]", "RealtimeFactor [] [1.0, 1.5, 1.5, 1.5]"]
        );
    }

    #[test]
    fn what_has_a_reason_counts_with_and_without_it() {
        let mut aggregates = Aggregates::default();
        for reason in ["reject-index", "retry-fetch", "retry-fetch"] {
            let (metric, reason) = (Metric::JobsFailed, Some(reason.to_owned()));
            assert!(aggregates.add(Measure { metric, value: 1.0, reason }));
        }
        assert_eq!(
            facts(aggregates),
            [
                "JobsFailed [] [3.0, 3.0, 1.0, 1.0]",
                "JobsFailed [\"reject-index\"] [1.0, 1.0, 1.0, 1.0]",
                "JobsFailed [\"retry-fetch\"] [2.0, 2.0, 1.0, 1.0]",
            ]
        );
    }

    #[test]
    fn what_cloudwatch_refuses_is_left_out() {
        let mut aggregates = Aggregates::default();
        for value in [f64::NAN, f64::INFINITY, -f64::INFINITY, 1e109] {
            assert!(!aggregates.add(Measure::new(Metric::JobsDone, value)), "{value}");
        }
        assert_eq!(aggregates.data(DateTime::from_secs(0), &[], 60).count(), 0);
    }
}
