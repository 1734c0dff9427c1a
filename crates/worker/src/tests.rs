//! Whole jobs, leases and daemons in a world of fakes, under paused time; children as real processes.

mod children;
mod daemon;
mod failures;
mod lease;
mod line;
mod world;
