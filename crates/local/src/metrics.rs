//! Measurements as log lines.

use job::ports::{Measure, Metrics};

/// Writes every measurement as an event of the target `metrics` at debug level, so that `metrics=debug` in the log filter shows
/// them all and the usual filter none.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogMetrics;

impl Metrics for LogMetrics {
    fn record(&self, measure: Measure) {
        let Measure { metric, value, reason } = measure;
        tracing::debug!(target: "metrics", name = metric.name(), value, reason);
    }
}
