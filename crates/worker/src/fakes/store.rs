//! A store in memory with conditional writes.

use std::collections::BTreeMap;
use std::future::pending;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use job::names::ObjectKind;
use job::ports::{Conditional, Object, Store, StoreError, Version};
use tokio::time::sleep;

use super::{Entry, Journal, lock};

/// Where in a write a worker gets stuck, or dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stall {
    /// Before it has an effect.
    Before,
    /// After its effect, before its answer.
    After,
}

/// The store.
#[derive(Debug, Default)]
pub struct MemoryStore {
    journal: Journal,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, (Object, ObjectKind)>,
    writes: usize,
    stall: Option<(usize, Stall)>,
    failures: usize,
    latency: Duration,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(journal: Journal) -> Self {
        Self { journal, state: Mutex::default() }
    }

    /// Never answers the write that comes after `writes` more.
    pub fn stall(&self, writes: usize, stall: Stall) {
        let mut state = lock(&self.state);
        state.stall = Some((state.writes + writes, stall));
    }

    /// Makes the next `writes` fail for a moment.
    pub fn fail(&self, writes: usize) {
        lock(&self.state).failures = writes;
    }

    /// Makes every read take so long.
    pub fn be_slow(&self, latency: Duration) {
        lock(&self.state).latency = latency;
    }

    /// Deletes an object, as an operator might.
    pub fn lose(&self, name: &str) {
        lock(&self.state).objects.remove(name);
    }

    /// How many writes were asked for.
    #[must_use]
    pub fn writes(&self) -> usize {
        lock(&self.state).writes
    }

    /// All objects by name.
    #[must_use]
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let state = lock(&self.state);
        state
            .objects
            .iter()
            .map(|(name, (object, _))| (name.clone(), object.bytes.clone()))
            .collect()
    }

    /// What an object was written as.
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<ObjectKind> {
        lock(&self.state).objects.get(name).map(|(_, kind)| *kind)
    }

    async fn read(&self, name: &str) -> Option<Object> {
        let latency = lock(&self.state).latency;
        sleep(latency).await;
        lock(&self.state).objects.get(name).map(|(object, _)| object.clone())
    }

    async fn write(
        &self,
        name: &str,
        kind: ObjectKind,
        bytes: &[u8],
        condition: impl FnOnce(Option<&Object>) -> bool + Send,
    ) -> Result<Conditional, StoreError> {
        let stall = {
            let mut state = lock(&self.state);
            let number = state.writes;
            state.writes += 1;
            if state.failures > 0 {
                state.failures -= 1;
                let reason = "asked to fail".to_owned();
                let name = name.to_owned();
                return Err(StoreError { operation: "write", name, reason, transient: true });
            }
            state.stall.filter(|(at, _)| *at == number).map(|(_, stall)| stall)
        };
        if stall == Some(Stall::Before) {
            return pending().await;
        }
        let written = {
            let mut state = lock(&self.state);
            let before = state.objects.get(name).map(|(object, _)| object);
            if condition(before) {
                // Like an ETag, it is the same again for the same bytes.
                let version = Version(job::recording::short_digest(bytes));
                let object = Object { bytes: bytes.to_vec(), version };
                state.objects.insert(name.to_owned(), (object, kind));
                self.journal.add(Entry::Wrote(name.to_owned()));
                Conditional::Written
            } else {
                Conditional::Refused
            }
        };
        if stall == Some(Stall::After) {
            return pending().await;
        }
        Ok(written)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn upload(&self, name: &str, kind: ObjectKind, file: &Path) -> Result<(), StoreError> {
        let bytes = std::fs::read(file).map_err(|error| StoreError {
            operation: "upload",
            name: name.to_owned(),
            reason: error.to_string(),
            transient: false,
        })?;
        self.write(name, kind, &bytes, |_| true).await.map(|_| ())
    }

    async fn put(&self, name: &str, kind: ObjectKind, bytes: &[u8]) -> Result<(), StoreError> {
        self.write(name, kind, bytes, |_| true).await.map(|_| ())
    }

    async fn create(
        &self,
        name: &str,
        kind: ObjectKind,
        bytes: &[u8],
    ) -> Result<Conditional, StoreError> {
        self.write(name, kind, bytes, |before| before.is_none()).await
    }

    async fn replace(
        &self,
        name: &str,
        kind: ObjectKind,
        bytes: &[u8],
        version: &Version,
    ) -> Result<Conditional, StoreError> {
        let is_version = |before: Option<&Object>| before.is_some_and(|o| o.version == *version);
        self.write(name, kind, bytes, is_version).await
    }

    async fn get(&self, name: &str) -> Result<Option<Object>, StoreError> {
        Ok(self.read(name).await)
    }

    async fn size(&self, name: &str) -> Result<Option<u64>, StoreError> {
        Ok(self.read(name).await.map(|object| object.bytes.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn writes_keep_their_conditions() {
        let store = MemoryStore::default();
        let kind = ObjectKind::State;
        assert_eq!(store.create("a", kind, b"1").await.unwrap(), Conditional::Written);
        assert_eq!(store.create("a", kind, b"2").await.unwrap(), Conditional::Refused);
        let first = store.get("a").await.unwrap().unwrap();
        assert_eq!(first.bytes, b"1");
        let replaced = store.replace("a", kind, b"3", &first.version).await.unwrap();
        assert_eq!(replaced, Conditional::Written);
        let stale = store.replace("a", kind, b"4", &first.version).await.unwrap();
        assert_eq!(stale, Conditional::Refused);
        let missing = store.replace("b", kind, b"4", &first.version).await.unwrap();
        assert_eq!(missing, Conditional::Refused);
        assert_eq!(store.objects(), BTreeMap::from([("a".to_owned(), b"3".to_vec())]));
        assert_eq!(store.size("a").await.unwrap(), Some(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_stalls_before_or_after_its_effect() {
        for (stall, written) in [(Stall::Before, None), (Stall::After, Some(1))] {
            let store = MemoryStore::default();
            store.stall(1, stall);
            store.put("a", ObjectKind::State, b"1").await.unwrap();
            let stalled = store.put("b", ObjectKind::State, b"1");
            assert!(timeout(Duration::from_mins(1), stalled).await.is_err());
            assert_eq!(store.size("b").await.unwrap(), written);
            store.put("c", ObjectKind::State, b"1").await.unwrap();
        }
    }
}
