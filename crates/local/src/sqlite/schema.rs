//! The database file: how it is created, and how it is told from other files.

use std::path::Path;
use std::time::Duration;

use job::ports::QueueError;
use rusqlite::{Connection, OpenFlags};

use super::error::{explain, explain_io, unusable};
use crate::durable;

/// "r2vq" in ASCII, `SQLite`'s mark for whose database a file is (<https://sqlite.org/pragma.html#pragma_application_id>).
const APPLICATION_ID: i32 = 0x7232_7671;

/// Version of the tables below.
const SCHEMA_VERSION: i32 = 1;

const TABLES: &str = "
    CREATE TABLE messages (
        seq           INTEGER PRIMARY KEY AUTOINCREMENT,
        id            TEXT NOT NULL UNIQUE,
        body          TEXT NOT NULL,
        visible_at    INTEGER NOT NULL DEFAULT 0,
        receive_count INTEGER NOT NULL DEFAULT 0,
        receipt       TEXT UNIQUE,
        enqueued_at   INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE dead (
        id            TEXT NOT NULL PRIMARY KEY,
        body          TEXT NOT NULL,
        reason        TEXT NOT NULL,
        receive_count INTEGER NOT NULL,
        enqueued_at   INTEGER NOT NULL,
        died_at       INTEGER NOT NULL
    ) STRICT;";

/// The hook's user and the worker's share the file through its group. `SQLite` gives the same mode to `-wal` and `-shm`
/// (`findCreateFileMode` in `os_unix.c`), which come and go with the processes.
const MODE: u32 = 0o660;

/// How long a process waits for another one's transaction, which lasts milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens the database at `path`, and creates it if there is none.
pub(super) fn open(path: &Path, url: &str) -> Result<Connection, QueueError> {
    if !path.try_exists().map_err(|failure| explain_io(url, path, &failure))? {
        create(path, url)?;
    }
    // Without SQLITE_OPEN_CREATE: SQLite's own creation heeds the umask. Without SQLITE_OPEN_URI: a path is a path.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .and_then(|connection| {
            connection.busy_timeout(BUSY_TIMEOUT)?;
            // What was sent must outlive a power cut: in WAL mode, NORMAL does not sync at a commit.
            connection.pragma_update(None, "synchronous", "FULL")?;
            Ok(connection)
        })
        .map_err(|failure| explain(url, &failure))?;
    check(&connection, url)?;
    Ok(connection)
}

/// Builds a complete database beside `path` and moves it there, so that nobody ever opens half of one or one of another mode.
fn create(path: &Path, url: &str) -> Result<(), QueueError> {
    let directory = durable::parent_of(path);
    let file = durable::temporary(directory).map_err(|failure| explain_io(url, path, &failure))?;
    build(file.path()).map_err(|failure| explain(url, &failure))?;
    durable::seal(&file, MODE)
        // If somebody else was faster, theirs is as good.
        .and_then(|()| durable::create(file, path))
        .map_err(|failure| explain_io(url, path, &failure))?;
    Ok(())
}

fn build(path: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    connection.execute_batch(TABLES)?;
    connection.close().map_err(|(_, failure)| failure)
}

fn check(connection: &Connection, url: &str) -> Result<(), QueueError> {
    let pragma = |name| {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, i32>(0))
            .map_err(|failure| explain(url, &failure))
    };
    if pragma("application_id")? != APPLICATION_ID {
        return Err(unusable(
            url,
            "the file is an SQLite database of something else; name another file".to_owned(),
        ));
    }
    let version = pragma("user_version")?;
    if version != SCHEMA_VERSION {
        let reason = format!(
            "its tables are of version {version} and this program knows version {SCHEMA_VERSION}; \
             use the same release everywhere"
        );
        return Err(unusable(url, reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_a_newer_release_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("queue.db");
        let connection = open(&path, "sqlite:queue.db").unwrap();
        connection.pragma_update(None, "user_version", 2).unwrap();
        drop(connection);
        let error = open(&path, "sqlite:queue.db").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the queue sqlite:queue.db cannot be used: its tables are of version 2 and this program \
             knows version 1; use the same release everywhere"
        );
    }

    #[test]
    fn creation_leaves_nothing_but_the_database() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("queue.db");
        drop(open(&path, "sqlite:queue.db").unwrap());
        let names: Vec<_> = std::fs::read_dir(directory.path())
            .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
            .unwrap()
            .iter()
            .map(std::fs::DirEntry::file_name)
            .collect();
        assert_eq!(names, ["queue.db"]);
    }
}
