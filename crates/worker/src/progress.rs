//! How far a job is, for whoever looks on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use job::metric::Metric;
use job::plan::Plan;
use job::ports::{Measure, Metrics};
use tokio::time::Instant;

use crate::events;

/// How often the progress of a running job is logged and measured.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// What a job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Getting the recording.
    Fetching,
    /// Finding its frames and planning.
    Indexing,
    /// Encoding, uploading, committing.
    Encoding,
    /// Checking the result and writing playlists.
    Publishing,
    /// Nothing any more: the done marker is written.
    Published,
}

impl Phase {
    /// Its name in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fetching => "fetching",
            Self::Indexing => "indexing",
            Self::Encoding => "encoding",
            Self::Publishing => "publishing",
            Self::Published => "published",
        }
    }
}

/// How far a job is. All counts are zero before [`Phase::Encoding`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Frames encoded, those of predecessors included: video frames, or AAC frames of a recording without video.
    pub frames: u64,
    /// Frames to encode in all.
    pub total_frames: u64,
    /// Chunks committed, the audio and the pictures counted as one more each.
    pub chunks: u32,
    /// Chunks in all, the audio and the pictures counted as one more each.
    pub total_chunks: u32,
    /// Seconds of the recording that this worker encodes in one second; none until it has encoded something.
    pub realtime_factor: Option<f64>,
}

/// Told of every change of a job's progress, from many threads and often: up to once a frame and child. Must not block.
pub trait Observer: Send + Sync {
    /// The job is so far now.
    fn progressed(&self, progress: &Progress);
}

/// Nobody looks on.
#[derive(Clone, Copy, Debug)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn progressed(&self, _progress: &Progress) {}
}

/// Logs and measures the progress at every change of phase and every ten seconds within one.
pub struct LoggedProgress {
    metrics: Arc<dyn Metrics>,
    last: Mutex<Option<(Phase, Instant)>>,
}

impl LoggedProgress {
    /// Measures to `metrics`.
    #[must_use]
    pub fn new(metrics: Arc<dyn Metrics>) -> Self {
        Self { metrics, last: Mutex::new(None) }
    }

    fn is_due(&self, phase: Phase) -> bool {
        let now = Instant::now();
        let mut last = lock(&self.last);
        if last.is_some_and(|(before, at)| before == phase && now - at < LOG_EVERY) {
            return false;
        }
        *last = Some((phase, now));
        true
    }
}

impl Observer for LoggedProgress {
    fn progressed(&self, progress: &Progress) {
        if !self.is_due(progress.phase) {
            return;
        }
        events::progress(progress);
        let percent = (progress.frames * 100).checked_div(progress.total_frames);
        if let Some(percent) = percent.and_then(|percent| u32::try_from(percent).ok()) {
            self.metrics.record(Measure::new(Metric::JobProgress, percent.into()));
        }
        if let Some(value) = progress.realtime_factor {
            self.metrics.record(Measure::new(Metric::RealtimeFactor, value));
        }
    }
}

/// Adds up what the children of one job say.
pub(crate) struct Tracker {
    observer: Arc<dyn Observer>,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    work: Work,
}

/// The encoding of one plan.
struct Work {
    started: Instant,
    duration: Duration,
    total_frames: u64,
    total_chunks: u32,
    chunks: u32,
    /// Frames of tasks that are committed.
    committed: u64,
    /// Frames of running tasks, as their children say.
    running: HashMap<Task, u64>,
    /// Frames that predecessors committed.
    inherited: u64,
}

/// A task of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Task {
    /// The chunk of this number.
    Chunk(u32),
    /// The audio.
    Audio,
    /// Storyboard and poster.
    Pictures,
    /// The copy that is published first. It is counted nowhere, as the chunks are.
    Source,
}

impl Tracker {
    pub(crate) fn new(observer: Arc<dyn Observer>) -> Self {
        let work = Work::new(Duration::ZERO, 0, 0);
        Self { observer, state: Mutex::new(State { phase: Phase::Fetching, work }) }
    }

    pub(crate) fn phase(&self, phase: Phase) {
        self.change(|state| state.phase = phase);
    }

    /// Encoding begins, or begins again under another plan.
    pub(crate) fn encoding(&self, plan: &Plan) {
        let audio_frames = plan.audio.as_ref().map_or(0, job::plan::AudioPlan::frames);
        let chunks = plan.video.as_ref().map_or(0, |video| video.chunks.len());
        let tasks =
            chunks + usize::from(plan.audio.is_some()) + usize::from(plan.pictures.is_some());
        self.change(|state| {
            state.phase = Phase::Encoding;
            state.work = Work::new(
                Duration::from_millis(plan.duration_ms()),
                plan.video.as_ref().map_or(audio_frames, |video| video.frames),
                u32::try_from(tasks).unwrap_or(u32::MAX),
            );
        });
    }

    /// A child has done so many frames of its task, which are among the plan's total.
    pub(crate) fn frames(&self, task: Task, frames: u32) {
        self.change(|state| {
            state.work.running.insert(task, frames.into());
        });
    }

    /// A task is committed, by us or, `inherited`, by somebody else.
    pub(crate) fn committed(&self, task: Task, frames: u64, inherited: bool) {
        self.change(|state| {
            let work = &mut state.work;
            work.running.remove(&task);
            work.committed += frames;
            work.chunks += 1;
            if inherited {
                work.inherited += frames;
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let progress = {
            let mut state = lock(&self.state);
            change(&mut state);
            state.progress()
        };
        self.observer.progressed(&progress);
    }
}

impl State {
    fn progress(&self) -> Progress {
        let work = &self.work;
        let frames = work.committed + work.running.values().sum::<u64>();
        let frames = frames.min(work.total_frames);
        Progress {
            phase: self.phase,
            frames,
            total_frames: work.total_frames,
            chunks: work.chunks,
            total_chunks: work.total_chunks,
            realtime_factor: work.realtime_factor(frames),
        }
    }
}

impl Work {
    fn new(duration: Duration, total_frames: u64, total_chunks: u32) -> Self {
        Self {
            started: Instant::now(),
            duration,
            total_frames,
            total_chunks,
            chunks: 0,
            committed: 0,
            running: HashMap::new(),
            inherited: 0,
        }
    }

    fn realtime_factor(&self, frames: u64) -> Option<f64> {
        let ours = frames.saturating_sub(self.inherited);
        let milliseconds = u64::try_from(self.duration.as_millis()).ok()?;
        let encoded = milliseconds.checked_mul(ours)?.checked_div(self.total_frames)?;
        let elapsed = self.started.elapsed();
        (encoded > 0 && !elapsed.is_zero())
            .then(|| Duration::from_millis(encoded).as_secs_f64() / elapsed.as_secs_f64())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
