//! Words with systemd, for `Type=notify` and `WatchdogSec=`. Where nobody listens, nothing is said.

use std::sync::Arc;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;
use worker::pulse::Pulse;

/// Says that the daemon is up, and from then on that it is alive for as long as it is; says that it is stopping when `stopping` says so.
pub fn accompany(pulse: Arc<Pulse>, stopping: CancellationToken) {
    tell(NotifyState::Ready);
    tokio::spawn(async move {
        stopping.cancelled().await;
        tell(NotifyState::Stopping);
    });
    let Some(watchdog) = sd_notify::watchdog_enabled() else { return };
    tokio::spawn(async move {
        // systemd advises half of its patience; a third forgives a lost one.
        let mut ticks = tokio::time::interval(watchdog / 3);
        loop {
            ticks.tick().await;
            if pulse.is_alive() {
                tell(NotifyState::Watchdog);
            }
        }
    });
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::debug!(%error, "systemd was not told");
    }
}
