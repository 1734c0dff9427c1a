//! What work costs: time of this thread on a processor.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A stopwatch for the calling thread's time on a processor, whatever else the machine does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CpuStopwatch {
    last: Duration,
}

impl CpuStopwatch {
    /// Starts now.
    pub(crate) fn start() -> Self {
        Self { last: thread_time() }
    }

    /// Microseconds since the last lap, or the start.
    pub(crate) fn lap(&mut self) -> u64 {
        let now = thread_time();
        let lap = now.saturating_sub(std::mem::replace(&mut self.last, now));
        u64::try_from(lap.as_micros()).unwrap_or(u64::MAX)
    }
}

fn thread_time() -> Duration {
    // Never negative; the conversion fails for nothing else.
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
