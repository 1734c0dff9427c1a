//! What every implementation of the port `Store` must do. `local` runs it over a directory; another crate's tests can include
//! this file with `#[path]` and run it over its own store.
//!
//! Each function uses names of its own below its prefix, so that all may run in one store.

use std::sync::Arc;

use job::names::ObjectKind::{Segment, State};
use job::ports::{Conditional, Object, Store, Version};

async fn get(store: &dyn Store, name: &str) -> Object {
    store.get(name).await.unwrap().expect("the object is there")
}

/// What is not there has neither bytes nor a size, also below another object and where others are below it.
pub async fn what_is_missing_is_none(store: &dyn Store) {
    store.put("missing/a/b", State, b"x").await.unwrap();
    for name in ["missing/none", "missing/a", "missing/a/b/c"] {
        assert_eq!(store.get(name).await.unwrap(), None, "{name}");
        assert_eq!(store.size(name).await.unwrap(), None, "{name}");
    }
}

/// `put` writes over what is there, `upload` the same from a file, and the file stays.
pub async fn objects_are_written_and_read(store: &dyn Store) {
    store.put("written/empty", State, b"").await.unwrap();
    assert_eq!(get(store, "written/empty").await.bytes, b"");
    store.put("written/over", State, b"long before").await.unwrap();
    store.put("written/over", State, b"after").await.unwrap();
    assert_eq!(get(store, "written/over").await.bytes, b"after");

    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("segment");
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    std::fs::write(&file, &bytes).unwrap();
    for _ in 0..2 {
        store.upload("written/segment.m4s", Segment, &file).await.unwrap();
        assert_eq!(store.size("written/segment.m4s").await.unwrap(), Some(3_000_000));
    }
    std::fs::write(&file, b"the next attempt writes over its scratch").unwrap();
    assert_eq!(get(store, "written/segment.m4s").await.bytes, bytes);
}

/// `create` writes once; the object stays the first one's.
pub async fn creation_happens_once(store: &dyn Store) {
    assert_eq!(store.create("once", State, b"1").await.unwrap(), Conditional::Written);
    assert_eq!(store.create("once", State, b"2").await.unwrap(), Conditional::Refused);
    assert_eq!(get(store, "once").await.bytes, b"1");
}

/// `replace` needs the version that is there now, and an object at all.
pub async fn replacement_needs_the_current_version(store: &dyn Store) {
    store.put("versions", State, b"1").await.unwrap();
    let first = get(store, "versions").await.version;
    let replace = async |name: &str, bytes: &'static [u8], version: &Version| {
        store.replace(name, State, bytes, version).await.unwrap()
    };
    assert_eq!(replace("versions", b"2", &first).await, Conditional::Written);
    assert_eq!(replace("versions", b"3", &first).await, Conditional::Refused);
    assert_eq!(replace("versions-none", b"3", &first).await, Conditional::Refused);
    assert_eq!(store.get("versions-none").await.unwrap(), None);
    let second = get(store, "versions").await;
    assert_eq!(second.bytes, b"2");
    assert_ne!(second.version, first);
    assert_eq!(replace("versions", b"4", &second.version).await, Conditional::Written);
}

/// Of 16 that create one name at once one wins, and its bytes are there.
pub async fn concurrent_creation_has_one_winner(store: Arc<dyn Store>) {
    for round in 0..10 {
        let name = format!("race/{round}/done.json");
        let writers: Vec<_> = (0..16_u8)
            .map(|writer| {
                let (store, name) = (Arc::clone(&store), name.clone());
                tokio::spawn(
                    async move { store.create(&name, State, &[writer; 5000]).await.unwrap() },
                )
            })
            .collect();
        let mut winners = Vec::new();
        for (writer, task) in (0_u8..).zip(writers) {
            if task.await.unwrap() == Conditional::Written {
                winners.push(writer);
            }
        }
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert_eq!(get(&*store, &name).await.bytes, [winners[0]; 5000]);
    }
}

/// Eight that count up one number by read and replace, 10 times each, lose none of the 80.
pub async fn concurrent_replacement_loses_nothing(store: Arc<dyn Store>) {
    store.put("counter", State, b"0").await.unwrap();
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for _ in 0..10 {
                    count_up(&*store, "counter").await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(get(&*store, "counter").await.bytes, b"80");
}

async fn count_up(store: &dyn Store, name: &str) {
    loop {
        let object = get(store, name).await;
        let count: u32 = String::from_utf8(object.bytes).unwrap().parse().unwrap();
        let next = (count + 1).to_string();
        let outcome = store.replace(name, State, next.as_bytes(), &object.version).await.unwrap();
        if outcome == Conditional::Written {
            return;
        }
    }
}
