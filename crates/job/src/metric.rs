//! What is measured for operators and autoscaling: names, units and meanings, the same wherever the values go.

/// The unit of a metric's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// How many.
    Count,
    /// Seconds.
    Seconds,
    /// 0 to 100.
    Percent,
    /// A ratio.
    Ratio,
}

/// One metric. The names are what dashboards, alarms and scaling policies refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Messages that could be received now. Every worker says the same: take the maximum, not the sum.
    QueueVisible,
    /// Messages that are being worked on, by the whole fleet. Take the maximum.
    QueueInFlight,
    /// Dead letters. Take the maximum.
    DeadLetters,
    /// Age in seconds of the oldest message that is neither deleted nor dead, as far as the worker knows: where the queue does not tell (SQS),
    /// of those that it has itself. Take the maximum.
    OldestAge,
    /// Jobs that this worker is doing. The sum over a period counts every sample.
    JobsRunning,
    /// How much of a running job is encoded.
    JobProgress,
    /// Seconds of recording that a job encodes in one second.
    RealtimeFactor,
    /// Seconds until the fleet as it is has taken on all that waits; 0 when nothing waits. Take the maximum; scaling tracks it.
    SecondsToDrain,
    /// Jobs that ended in a publication, or were found published. Take the sum.
    JobsDone,
    /// Attempts that failed, by reason; those that were told to stop are none. Take the sum.
    JobsFailed,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::QueueVisible,
        Self::QueueInFlight,
        Self::DeadLetters,
        Self::OldestAge,
        Self::JobsRunning,
        Self::JobProgress,
        Self::RealtimeFactor,
        Self::SecondsToDrain,
        Self::JobsDone,
        Self::JobsFailed,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::QueueVisible => "QueueVisible",
            Self::QueueInFlight => "QueueInFlight",
            Self::DeadLetters => "DeadLetters",
            Self::OldestAge => "OldestAge",
            Self::JobsRunning => "JobsRunning",
            Self::JobProgress => "JobProgress",
            Self::RealtimeFactor => "RealtimeFactor",
            Self::SecondsToDrain => "SecondsToDrain",
            Self::JobsDone => "JobsDone",
            Self::JobsFailed => "JobsFailed",
        }
    }

    /// The unit of its values.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::OldestAge | Self::SecondsToDrain => Unit::Seconds,
            Self::JobProgress => Unit::Percent,
            Self::RealtimeFactor => Unit::Ratio,
            Self::QueueVisible
            | Self::QueueInFlight
            | Self::DeadLetters
            | Self::JobsRunning
            | Self::JobsDone
            | Self::JobsFailed => Unit::Count,
        }
    }
}
