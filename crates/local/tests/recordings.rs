//! Which local files are read as recordings.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use job::ports::{FetchError, Recordings as _};
use job::recording::{Identity, SourceUri};
use local::LocalRecordings;

fn identity() -> Identity {
    Identity::Content { sha256: "ab".repeat(32) }
}

async fn fetch(recordings: &LocalRecordings, path: &Path) -> Result<PathBuf, FetchError> {
    let source = SourceUri::File(path.to_str().unwrap().to_owned());
    recordings.fetch(&source, &identity(), Path::new("/no/scratch/needed")).await
}

#[tokio::test]
async fn only_regular_files_where_they_may_be_are_recordings() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for made in ["rec", "rec/app", "other", "recordings"] {
        std::fs::create_dir(at(made)).unwrap();
    }
    for file in ["rec/app/a.flv", "other/b.flv", "recordings/c.flv"] {
        std::fs::write(at(file), "FLV").unwrap();
    }
    symlink(at("rec/app/a.flv"), at("rec/link.flv")).unwrap();
    symlink(at("other"), at("rec/way-out")).unwrap();
    symlink(at("rec"), at("way-in")).unwrap();
    let anywhere = LocalRecordings::default();
    let listed = LocalRecordings::new(vec![at("not-there"), at("rec")]);
    // Path, whether it is found anywhere, whether it is found below `rec`.
    for (name, found_anywhere, found_listed) in [
        ("rec/app/a.flv", "found", "found"),
        ("rec/app/../app/a.flv", "found", "found"),
        ("way-in/app/a.flv", "found", "found"),
        ("rec/none.flv", "missing", "missing"),
        ("rec/none/none.flv", "missing", "missing"),
        ("rec/app/a.flv/x", "missing", "missing"),
        ("rec/link.flv", "refused", "refused"),
        ("rec/app", "refused", "refused"),
        ("rec/..", "refused", "refused"),
        ("other/b.flv", "found", "refused"),
        ("other/none.flv", "missing", "refused"),
        ("recordings/c.flv", "found", "refused"),
        ("rec/../other/b.flv", "found", "refused"),
        ("rec/way-out/b.flv", "found", "refused"),
    ] {
        for (recordings, expected) in [(&anywhere, found_anywhere), (&listed, found_listed)] {
            let actual = match fetch(recordings, &at(name)).await {
                Ok(path) if path == at(name) => "found",
                Ok(_) => "another path",
                Err(FetchError::Missing(_)) => "missing",
                Err(FetchError::Refused(..)) => "refused",
                Err(FetchError::Replaced(_)) => "replaced",
                Err(FetchError::Unavailable(..)) => "unavailable",
            };
            assert_eq!(actual, expected, "{name} with {recordings:?}");
        }
    }
}

#[tokio::test]
async fn what_is_no_local_file_is_refused() {
    let recordings = LocalRecordings::default();
    let s3 = SourceUri::S3 { bucket: "b".to_owned(), key: "k".to_owned() };
    for source in [s3, SourceUri::File("relative".to_owned()), SourceUri::File("/".to_owned())] {
        let result = recordings.fetch(&source, &identity(), Path::new("/")).await;
        assert!(matches!(result, Err(FetchError::Refused(..))), "{result:?}");
    }
}
