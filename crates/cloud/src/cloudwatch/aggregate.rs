//! Many measurements of a period as one statistic set for each name.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit, StatisticSet};
use job::ports::Measure;

/// Greatest magnitude that `CloudWatch` takes: 2^360.
const GREATEST: f64 = 2.348_542_582_773_833_4e108;

/// The measurements of a period by their names. Names are those in the program, so there are few.
#[derive(Debug, Default)]
pub(super) struct Aggregates {
    by_name: BTreeMap<&'static str, Aggregate>,
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
    pub(super) fn add(&mut self, Measure { name, value }: Measure) -> bool {
        if value.is_nan() || value.abs() > GREATEST {
            return false;
        }
        let one = Aggregate { count: 1.0, sum: value, least: value, greatest: value };
        let aggregate = self.by_name.entry(name);
        aggregate.and_modify(|before| *before = before.with(one)).or_insert(one);
        true
    }

    /// The values to publish.
    pub(super) fn data(
        self,
        time: DateTime,
        dimensions: &[Dimension],
        storage_resolution: i32,
    ) -> impl Iterator<Item = MetricDatum> {
        self.by_name.into_iter().map(move |(name, aggregate)| {
            MetricDatum::builder()
                .metric_name(name)
                .unit(unit(name))
                .timestamp(time)
                .storage_resolution(storage_resolution)
                .set_dimensions(Some(dimensions.to_vec()))
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

/// The unit that a name says by its last word.
fn unit(name: &str) -> StandardUnit {
    match name.rsplit('_').next() {
        Some("seconds" | "age") => StandardUnit::Seconds,
        Some("bytes") => StandardUnit::Bytes,
        Some("percent") => StandardUnit::Percent,
        Some("factor") => StandardUnit::None,
        _ => StandardUnit::Count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_of_a_name_become_one_value() {
        let mut aggregates = Aggregates::default();
        for (name, value) in
            [("jobs_running", 2.0), ("realtime_factor", 1.5), ("jobs_running", 4.0)]
        {
            assert!(aggregates.add(Measure { name, value }));
        }
        let data: Vec<_> = aggregates.data(DateTime::from_secs(7), &[], 60).collect();
        let facts: Vec<_> = data
            .iter()
            .map(|datum| {
                let s = datum.statistic_values().unwrap();
                let values =
                    [s.sample_count(), s.sum(), s.minimum(), s.maximum()].map(Option::unwrap);
                (datum.metric_name().unwrap(), values)
            })
            .collect();
        assert_eq!(
            facts,
            [("jobs_running", [2.0, 6.0, 2.0, 4.0]), ("realtime_factor", [1.0, 1.5, 1.5, 1.5])]
        );
    }

    #[test]
    fn what_cloudwatch_refuses_is_left_out() {
        let mut aggregates = Aggregates::default();
        for value in [f64::NAN, f64::INFINITY, -f64::INFINITY, 1e109] {
            assert!(!aggregates.add(Measure { name: "x", value }), "{value}");
        }
        assert_eq!(aggregates.data(DateTime::from_secs(0), &[], 60).count(), 0);
    }
}
