//! The embedded default of every port: rec2vod on one machine, without a cloud.
//!
//! [`SqliteQueue`] is a queue with SQS's semantics in one `SQLite` file, [`DirectoryStore`] is a directory with S3's conditional
//! writes, [`LocalRecordings`] are files that are there already, [`LogMetrics`] are log lines, and [`SystemClock`] is the wall
//! clock. Whoever wires a program chooses between these and what `cloud` offers; the tests in `tests/contract` hold both to the
//! same behaviour.
//!
//! It knows `SQLite` and the file system. It must never know what a message says, what an object holds, or that there is a cloud.

mod clock;
mod durable;
mod metrics;
mod queue;
mod recordings;
mod sqlite;
mod store;

pub use clock::SystemClock;
pub use metrics::LogMetrics;
pub use queue::SqliteQueue;
pub use recordings::LocalRecordings;
pub use store::DirectoryStore;
