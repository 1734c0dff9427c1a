//! What several test binaries need.

use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use job::ports::Clock;

/// A clock that stands still until it is told otherwise.
pub struct ManualClock(Mutex<SystemTime>);

impl Default for ManualClock {
    fn default() -> Self {
        Self(Mutex::new(UNIX_EPOCH + Duration::from_hours(500_000)))
    }
}

impl ManualClock {
    pub fn advance(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }
}
