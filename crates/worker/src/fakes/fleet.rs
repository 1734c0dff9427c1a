//! A group of machines that remembers what it was told.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use job::ports::{Fleet, FleetError};
use tokio::time::sleep;

use super::lock;

/// The group.
#[derive(Debug, Default)]
pub struct FakeFleet {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<bool>,
    is_protected: Option<bool>,
    failures: usize,
    latency: Duration,
}

impl FakeFleet {
    /// Makes the next `calls` fail.
    pub fn fail(&self, calls: usize) {
        lock(&self.state).failures = calls;
    }

    /// Makes every call take so long.
    pub fn be_slow(&self, latency: Duration) {
        lock(&self.state).latency = latency;
    }

    /// What was asked for, in order, by calls that failed, too.
    #[must_use]
    pub fn calls(&self) -> Vec<bool> {
        lock(&self.state).calls.clone()
    }

    /// Whether the machine is protected; none if nobody said so.
    #[must_use]
    pub fn is_protected(&self) -> Option<bool> {
        lock(&self.state).is_protected
    }
}

#[async_trait]
impl Fleet for FakeFleet {
    async fn protect(&self, protected: bool) -> Result<(), FleetError> {
        let latency = {
            let mut state = lock(&self.state);
            state.calls.push(protected);
            state.latency
        };
        sleep(latency).await;
        let mut state = lock(&self.state);
        if state.failures > 0 {
            state.failures -= 1;
            let (group, reason) = ("fake".to_owned(), "asked to fail".to_owned());
            return Err(FleetError { group, reason });
        }
        state.is_protected = Some(protected);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_knows_what_it_was_told_unless_that_failed() {
        let fleet = FakeFleet::default();
        assert_eq!(fleet.is_protected(), None);
        fleet.fail(1);
        fleet.protect(true).await.unwrap_err();
        assert_eq!(fleet.is_protected(), None);
        fleet.protect(true).await.unwrap();
        fleet.be_slow(Duration::from_secs(5));
        let started = Instant::now();
        fleet.protect(false).await.unwrap();
        assert_eq!(started.elapsed(), Duration::from_secs(5));
        assert_eq!(fleet.is_protected(), Some(false));
        assert_eq!(fleet.calls(), [true, true, false]);
    }
}
