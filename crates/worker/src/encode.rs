//! The middle of the line: Planned -> Committed. Every chunk goes its own way, Encoded -> Uploaded -> Committed, beside the others and the
//! audio and the pictures.

use std::panic::resume_unwind;
use std::sync::Arc;

use job::failure::{Failure, Step};
use job::plan::{AudioPlan, Chunk, Plan};
use job::report::{AudioReport, ChunkReport, PicturesReport, PublishedRendition, Reports};
use job::source::Defect;
use tokio::task::{JoinError, JoinSet};

use crate::claim::{Fetched, Names, Planned};
use crate::commit::{create_report, upload_audio, upload_chunk, upload_pictures};
use crate::engine::{ChunkTask, EngineError, RecordingTask};
use crate::fence::Fence;
use crate::line::Context;
use crate::progress::Task;
use crate::source_first::Playable;

/// A job all of whose chunks are uploaded, with the reports that say so.
pub(crate) struct Committed {
    pub(crate) context: Context,
    pub(crate) names: Names,
    pub(crate) defects: Vec<Defect>,
    pub(crate) plan: Plan,
    pub(crate) reports: Reports,
}

/// What came of encoding a plan.
pub(crate) enum Encoded {
    /// All of it.
    Committed(Box<Committed>),
    /// The plan copies a source that does not decode without errors, which only its decoding could tell. The job goes on without copying.
    DamagedCopy(Box<Fetched>),
}

/// The report of a task.
enum Report {
    Chunk(ChunkReport),
    Audio(AudioReport),
    Pictures(PicturesReport),
    /// The copy that is to be published first, if it is.
    Source(Option<PublishedRendition>),
    SourceFirst,
}

/// What came of the tasks that ended so far.
#[derive(Default)]
struct Results {
    reports: Reports,
    /// Until it is published.
    source: Option<PublishedRendition>,
    /// The first.
    failure: Option<Failure>,
    is_damaged: bool,
}

impl Planned {
    /// Encodes and commits what is not committed yet. The first failure stops the rest; it is returned when all have stopped. So does the
    /// first damage in a source that is copied.
    pub(crate) async fn encode(self) -> Result<Encoded, Failure> {
        self.context.tracker.encoding(&self.plan);
        let planned = Arc::new(self);
        let siblings = planned.context.fence.child();
        let result = planned.run_all(&siblings).await;
        // All tasks have ended, so nobody else has it.
        let planned = Arc::into_inner(planned)
            .ok_or_else(|| Failure::retry(Step::Encode, "a chunk outlived its job"))?;
        let Some(reports) = result? else {
            return Ok(Encoded::DamagedCopy(Box::new(planned.without_source_copy())));
        };
        let Self { context, names, defects, plan, .. } = planned;
        let committed = Committed { context, names, defects, plan, reports };
        Ok(Encoded::Committed(Box::new(committed)))
    }

    /// Runs all tasks, the longest, the audio, first, and those of the video from its beginning. None if the source is copied and damaged.
    async fn run_all(self: &Arc<Self>, siblings: &Fence) -> Result<Option<Reports>, Failure> {
        let mut waiting = self.tasks(self.is_source_first().await?);
        let mut running = JoinSet::new();
        let mut results = Results::default();
        loop {
            while results.are_good() && running.len() < self.context.tools.chunks_in_flight.get() {
                let Some(task) = waiting.next() else { break };
                running.spawn(Arc::clone(self).run(task, siblings.clone()));
            }
            let Some(ended) = running.join_next().await else {
                break;
            };
            results.add(joined(ended), &self.plan);
            if !results.are_good() {
                // Those that end after it were stopped by it.
                siblings.token().cancel();
            } else if let Some(playable) = results.playable(&self.plan) {
                let planned = Arc::clone(self);
                running.spawn(async move {
                    planned.publish_source(playable).await.map(|()| Report::SourceFirst)
                });
            }
        }
        results.into_reports()
    }

    fn tasks(&self, source_first: bool) -> impl Iterator<Item = Task> + use<> {
        let audio = self.plan.audio.is_some().then_some(Task::Audio);
        let source = source_first.then_some(Task::Source);
        let pictures = self.plan.pictures.is_some().then_some(Task::Pictures);
        let chunks = self.plan.video.iter().flat_map(|video| &video.chunks);
        let chunks: Vec<Task> = chunks.map(|chunk| Task::Chunk(chunk.index)).collect();
        audio.into_iter().chain(source).chain(pictures).chain(chunks)
    }

    async fn run(self: Arc<Self>, task: Task, fence: Fence) -> Result<Report, Failure> {
        match task {
            Task::Chunk(number) => {
                let mut chunks = self.plan.video.iter().flat_map(|video| &video.chunks);
                let chunk = chunks.find(|chunk| chunk.index == number).ok_or_else(|| {
                    Failure::retry(Step::Encode, format!("the plan has no chunk {number}"))
                })?;
                self.chunk(chunk, &fence).await.map(Report::Chunk)
            }
            Task::Audio => self.audio(&fence).await.map(Report::Audio),
            Task::Pictures => self.pictures(&fence).await.map(Report::Pictures),
            Task::Source => self.copy_source(&fence).await.map(Report::Source),
        }
    }

    async fn chunk(&self, chunk: &Chunk, fence: &Fence) -> Result<ChunkReport, Failure> {
        let Context { tools, tracker, .. } = &self.context;
        let task = Task::Chunk(chunk.index);
        let report_name = self.names.part.chunk_report(chunk.index);
        if self.resumed
            && let Some(report) = self.context.read(Step::Encode, &report_name).await?
        {
            tracker.committed(task, chunk.frames.into(), true);
            return Ok(report);
        }
        let output = self.output(&format!("chunk-{}", chunk.index))?;
        let encoded = tools
            .engine
            .encode_chunk(
                &ChunkTask {
                    recording: &self.recording,
                    plan_file: &self.plan_file,
                    chunk,
                    output: &output,
                },
                &|frames| tracker.frames(task, frames),
                fence.token(),
            )
            .await
            .map_err(|error| error.into_failure(Step::Encode))?;
        let uploaded = upload_chunk(self, chunk, &output, encoded).await?;
        let report = create_report(self, &report_name, uploaded).await?;
        tracker.committed(task, chunk.frames.into(), false);
        discard(&output).await;
        Ok(report)
    }

    async fn audio(&self, fence: &Fence) -> Result<AudioReport, Failure> {
        let Context { tools, tracker, .. } = &self.context;
        let report_name = self.names.part.audio_report();
        // Where there is video, progress is counted in its frames.
        let counts = self.plan.video.is_none();
        let frames = self.plan.audio.as_ref().map_or(0, AudioPlan::frames);
        let frames = if counts { frames } else { 0 };
        if self.resumed
            && let Some(report) = self.context.read(Step::Encode, &report_name).await?
        {
            tracker.committed(Task::Audio, frames, true);
            return Ok(report);
        }
        let output = self.output("audio")?;
        let on_frames = |frames| {
            if counts {
                tracker.frames(Task::Audio, frames);
            }
        };
        let task = self.recording_task(&output);
        let encoded = tools.engine.encode_audio(&task, &on_frames, fence.token()).await;
        let encoded = encoded.map_err(|error| error.into_failure(Step::Encode))?;
        let uploaded = upload_audio(self, &output, encoded).await?;
        let report = create_report(self, &report_name, uploaded).await?;
        tracker.committed(Task::Audio, frames, false);
        discard(&output).await;
        Ok(report)
    }

    /// Unlike the others, these never fail the job: a presentation plays without them.
    async fn pictures(&self, fence: &Fence) -> Result<PicturesReport, Failure> {
        let Context { tools, tracker, .. } = &self.context;
        let report_name = self.names.part.pictures_report();
        if self.resumed
            && let Some(report) = self.context.read(Step::Encode, &report_name).await?
        {
            tracker.committed(Task::Pictures, 0, true);
            return Ok(report);
        }
        let output = self.output("pictures")?;
        let task = self.recording_task(&output);
        // Progress is counted in frames of video, of which these are none.
        let taken = tools.engine.take_pictures(&task, &|_| (), fence.token()).await;
        let taken = match taken {
            Err(EngineError::Cancelled) => {
                return Err(EngineError::Cancelled.into_failure(Step::Encode));
            }
            taken => taken.map_err(|error| error.to_string()),
        };
        let uploaded = upload_pictures(self, &output, taken).await?;
        let report = create_report(self, &report_name, uploaded).await?;
        tracker.committed(Task::Pictures, 0, false);
        discard(&output).await;
        Ok(report)
    }

    pub(crate) fn recording_task<'a>(&'a self, output: &'a std::path::Path) -> RecordingTask<'a> {
        RecordingTask { recording: &self.recording, plan_file: &self.plan_file, output }
    }

    pub(crate) fn output(&self, name: &str) -> Result<std::path::PathBuf, Failure> {
        let made = self.workdir.subdirectory(name);
        made.map_err(|error| Failure::retry(Step::Encode, error))
    }
}

impl Results {
    /// False if what still runs is to stop.
    fn are_good(&self) -> bool {
        self.failure.is_none() && !self.is_damaged
    }

    fn add(&mut self, result: Result<Report, Failure>, plan: &Plan) {
        match result {
            Ok(Report::Chunk(report)) => {
                self.is_damaged |= report.decoding.errors > 0 && plan.source_rung().is_some();
                self.reports.chunks.push(report);
            }
            Ok(Report::Audio(report)) => self.reports.audio = Some(report),
            Ok(Report::Pictures(report)) => self.reports.pictures = Some(report),
            Ok(Report::Source(source)) => self.source = source,
            Ok(Report::SourceFirst) => {}
            Err(failure) => {
                self.failure.get_or_insert(failure);
            }
        }
    }

    /// What can be played already, once.
    fn playable(&mut self, plan: &Plan) -> Option<Playable> {
        if plan.audio.is_some() && self.reports.audio.is_none() {
            return None;
        }
        let source = self.source.take()?;
        Some(Playable { source, audio: self.reports.audio.clone() })
    }

    /// None if the source is copied and damaged: whatever else ended was stopped by that, or is encoded anew.
    fn into_reports(mut self) -> Result<Option<Reports>, Failure> {
        if self.is_damaged {
            return Ok(None);
        }
        self.reports.chunks.sort_unstable_by_key(|report| report.chunk);
        self.failure.map_or(Ok(Some(self.reports)), Err)
    }
}

/// What a task returned; one that panicked panics here.
fn joined(ended: Result<Result<Report, Failure>, JoinError>) -> Result<Report, Failure> {
    ended.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(payload) => resume_unwind(payload),
        Err(stopped) => Err(Failure::retry(Step::Encode, stopped)),
    })
}

/// Gives the disk back while other chunks run. What stays goes with the working directory.
pub(crate) async fn discard(output: &std::path::Path) {
    let _ = tokio::fs::remove_dir_all(output).await;
}
