//! Keeps this machine from being chosen when its group shrinks, while it has jobs.

use std::sync::Arc;
use std::time::Duration;

use job::ports::Fleet;
use tokio::time::timeout;

use crate::events;
use crate::jobs::Jobs;

/// How long there must be no job before the machine may go: the next one often comes at once.
const GRACE: Duration = Duration::from_secs(30);
/// Longest wait for the group's answer. A call is never given up because the number of jobs changed: the group might hear the next one first.
const ANSWER: Duration = Duration::from_secs(10);
/// Pause after a call that failed.
const PAUSE: Duration = Duration::from_secs(10);

/// Tells the group, and remembers what it was told.
pub(crate) struct Guard {
    fleet: Arc<dyn Fleet>,
    jobs: Arc<Jobs>,
    /// What the group knows; none if that is unknown, as at the start or after a call that failed.
    told: Option<bool>,
    /// What was logged of calls that fail: what they were to say, and why they did not.
    failing: Option<(bool, String)>,
}

impl Guard {
    pub(crate) fn new(fleet: Arc<dyn Fleet>, jobs: Arc<Jobs>) -> Self {
        Self { fleet, jobs, told: None, failing: None }
    }

    /// Watches for ever. A machine that has a job is protected at once; one that has none for a while is not, whatever it was at the start.
    pub(crate) async fn run(mut self) {
        loop {
            let is_busy = self.jobs.count() > 0;
            if !is_busy && timeout(GRACE, self.jobs.until(true)).await.is_ok() {
                continue;
            }
            self.settle(is_busy).await;
            if self.told == Some(is_busy) {
                self.jobs.until(!is_busy).await;
            }
        }
    }

    /// Tries until the group knows, or until something else is to be said.
    async fn settle(&mut self, is_busy: bool) {
        while self.told != Some(is_busy) {
            match self.tell(is_busy).await {
                Ok(()) => {
                    self.told = Some(is_busy);
                    self.failing = None;
                    events::fleet_told(is_busy);
                    return;
                }
                Err(error) => self.failed(is_busy, error),
            }
            if timeout(PAUSE, self.jobs.until(!is_busy)).await.is_ok() {
                return;
            }
        }
    }

    async fn tell(&self, is_busy: bool) -> Result<(), String> {
        match timeout(ANSWER, self.fleet.protect(is_busy)).await {
            Ok(told) => told.map_err(|error| error.to_string()),
            Err(_) => Err("the group did not answer in time".to_owned()),
        }
    }

    fn failed(&mut self, is_busy: bool, error: String) {
        self.told = None;
        let failing = Some((is_busy, error));
        if self.failing != failing
            && let Some((protected, error)) = &failing
        {
            events::fleet_not_told(*protected, error);
        }
        self.failing = failing;
    }
}
