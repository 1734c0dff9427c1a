//! What the children's work cost, gathered from what they say of it.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use job::report::{ChunkCpu, EncodedAudio, EncodedChunk, EncodedRendition, TakenPictures};
use job::source::SourceIndex;
use tokio_util::sync::CancellationToken;
use worker::engine::{ChunkTask, Engine, EngineError, OnFrames, RecordingTask};

/// The sum of what chunks cost.
#[derive(Debug, Default)]
pub struct CpuMeter(Mutex<ChunkCpu>);

impl CpuMeter {
    /// All chunks so far.
    pub fn spent(&self) -> ChunkCpu {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, chunk: &ChunkCpu) {
        let mut sum = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sum.decoding = sum.decoding.saturating_add(chunk.decoding);
        for cpu in &chunk.rungs {
            match sum.rungs.iter_mut().find(|rung| rung.rendition == cpu.rendition) {
                Some(rung) => {
                    rung.scaling = rung.scaling.saturating_add(cpu.scaling);
                    rung.encoding = rung.encoding.saturating_add(cpu.encoding);
                }
                None => sum.rungs.push(cpu.clone()),
            }
        }
    }
}

/// An engine whose chunks are added up.
pub struct MeteredEngine<E> {
    engine: E,
    meter: Arc<CpuMeter>,
}

impl<E> MeteredEngine<E> {
    /// Adds what `engine` does to `meter`.
    pub fn new(engine: E, meter: Arc<CpuMeter>) -> Self {
        Self { engine, meter }
    }
}

#[async_trait]
impl<E: Engine> Engine for MeteredEngine<E> {
    async fn index(
        &self,
        recording: &Path,
        scratch: &Path,
        cancel: &CancellationToken,
    ) -> Result<SourceIndex, EngineError> {
        self.engine.index(recording, scratch, cancel).await
    }

    async fn encode_chunk(
        &self,
        task: &ChunkTask<'_>,
        progress: OnFrames<'_>,
        cancel: &CancellationToken,
    ) -> Result<EncodedChunk, EngineError> {
        let encoded = self.engine.encode_chunk(task, progress, cancel).await?;
        self.meter.add(&encoded.cpu);
        Ok(encoded)
    }

    async fn copy_source(
        &self,
        task: &RecordingTask<'_>,
        cancel: &CancellationToken,
    ) -> Result<EncodedRendition, EngineError> {
        self.engine.copy_source(task, cancel).await
    }

    async fn encode_audio(
        &self,
        task: &RecordingTask<'_>,
        progress: OnFrames<'_>,
        cancel: &CancellationToken,
    ) -> Result<EncodedAudio, EngineError> {
        self.engine.encode_audio(task, progress, cancel).await
    }

    async fn take_pictures(
        &self,
        task: &RecordingTask<'_>,
        progress: OnFrames<'_>,
        cancel: &CancellationToken,
    ) -> Result<TakenPictures, EngineError> {
        self.engine.take_pictures(task, progress, cancel).await
    }
}

/// Time on a processor of this process and all children that it has waited for.
pub struct ProcessCpu {
    ticks: u64,
}

impl ProcessCpu {
    /// Until now; zero where the kernel does not say.
    pub fn now() -> Self {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        Self { ticks: ticks(&stat) }
    }

    pub fn milliseconds(&self) -> u64 {
        self.ticks.saturating_mul(1000) / rustix::param::clock_ticks_per_second().max(1)
    }
}

/// The sum of the fields utime, stime, cutime and cstime of proc(5)'s `stat`. The second field, the program's name, may hold anything.
fn ticks(stat: &str) -> u64 {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let times = after_name.split_whitespace().skip(11).take(4);
    times.filter_map(|field| field.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use job::report::RungCpu;

    use super::*;

    #[test]
    fn chunks_are_added_up_by_rung() {
        let rung = |name: &str, scaling, encoding| RungCpu {
            rendition: name.to_owned(),
            scaling,
            encoding,
        };
        let meter = CpuMeter::default();
        meter.add(&ChunkCpu { decoding: 5, rungs: vec![rung("a", 1, 10), rung("b", 2, 20)] });
        meter.add(&ChunkCpu { decoding: 7, rungs: vec![rung("b", 4, 40), rung("a", 3, 30)] });
        let sum = ChunkCpu { decoding: 12, rungs: vec![rung("a", 4, 40), rung("b", 6, 60)] };
        assert_eq!(meter.spent(), sum);
    }

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "7 (a ) 1 2 (b) R 1 7 7 0 -1 4194304 90 80 0 0 100 20 3000 400 20 0 1 0 5";
        assert_eq!(ticks(stat), 3520);
        assert_eq!(ticks("nothing of the kind"), 0);
    }
}
