//! Whole jobs, leases and daemons in a world of fakes, under paused time; children as real processes.

mod attempt;
mod children;
mod daemon;
mod failures;
mod guard;
mod lease;
mod line;
mod logs;
mod pictures;
mod sampler;
mod source_first;
mod world;
