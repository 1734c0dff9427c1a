//! The wall clock of the machine.

use std::time::SystemTime;

use job::ports::Clock;

/// The operating system's wall clock: the one place where a program asks for the date.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}
