//! What the directory store does beyond the contract: names, links, leftovers.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::os::unix::fs::symlink;
use std::path::Path;

use job::names::ObjectKind::{Segment, State};
use job::ports::Store as _;
use local::DirectoryStore;

fn names_below(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn hostile_names_touch_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    let store = DirectoryStore::open(&root).unwrap();
    std::fs::write(directory.path().join("outside"), "secret").unwrap();
    symlink(directory.path(), root.join("link")).unwrap();
    symlink(directory.path().join("outside"), root.join("file-link")).unwrap();
    let absolute = directory.path().join("outside").into_os_string().into_string().unwrap();
    let names = [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        ".",
        "..",
        "../outside",
        "a/../../outside",
        "a/./b",
        ".lock",
        "a/.tmp-x",
        "nul\0",
        "link/outside",
        "link/new",
        "file-link",
        &absolute,
    ];
    for name in names {
        for result in [
            store.put(name, State, b"x").await,
            store.create(name, State, b"x").await.map(|_| ()),
            store.upload(name, Segment, Path::new("/dev/null")).await,
            store.get(name).await.map(|_| ()),
            store.size(name).await.map(|_| ()),
        ] {
            let error = result.expect_err(name);
            assert!(!error.transient, "{name}: {error}");
        }
    }
    assert_eq!(names_below(&root), ["file-link", "link"]);
    assert_eq!(names_below(directory.path()), ["outside", "root"]);
    assert_eq!(std::fs::read(directory.path().join("outside")).unwrap(), b"secret");
}

#[tokio::test]
async fn refused_and_failed_writes_leave_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let store = DirectoryStore::open(directory.path()).unwrap();
    store.put("a", State, b"1").await.unwrap();
    store.create("a", State, b"2").await.unwrap();
    let version = job::ports::Version("another".to_owned());
    store.replace("a", State, b"2", &version).await.unwrap();
    store.upload("a", Segment, Path::new("/no/such/file")).await.unwrap_err();
    store.put("a/below", State, b"2").await.unwrap_err();
    assert_eq!(names_below(directory.path()), [".lock", "a"]);
    assert_eq!(std::fs::read(directory.path().join("a")).unwrap(), b"1");
}

#[test]
fn a_root_that_cannot_be_made_is_named() {
    let error = DirectoryStore::open(Path::new("/dev/null/root")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "open of /dev/null/root failed: a file is where a directory must be"
    );
    assert!(!error.transient);
}
