//! An engine that encodes nothing, and leaves what an encoder would.

use std::collections::HashMap;
use std::fs;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use job::colour::Colour;
use job::grid::GridSegment;
use job::names::AUDIO;
use job::plan::{AAC_FRAME, Chunk, Plan, Rung, VideoPlan};
use job::report::{
    AudioFit, ChunkCpu, CodecFacts, Decoding, EncodedAudio, EncodedChunk, EncodedRendition,
    EncodedSegment, IdrFacts, PictureFiles, SegmentFacts, TakenPictures,
};
use job::source::{
    AudioCodec, AudioSource, Clock, Container, Frame, H264Source, SourceIndex, VideoCodec,
    VideoSource,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::lock;
use crate::engine::{ChunkTask, Engine, EngineError, OnFrames, RecordingTask};

/// A task of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EngineTask {
    /// Finding the frames.
    Index,
    /// Encoding the chunk of this number.
    Chunk(u32),
    /// Copying the source of all chunks at once.
    Source,
    /// Encoding the audio.
    Audio,
    /// Taking the pictures.
    Pictures,
}

/// How a task goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// The input is refused with this sentence.
    Refuse(String),
    /// The child dies of a fault of its own.
    Die,
    /// The machine ends the child for want of memory.
    Interrupt,
    /// It goes on until it is cancelled.
    Hang,
    /// The worker itself panics.
    Panic,
    /// It takes so long.
    Take(Duration),
    /// The child leaves another chunk, fewer pictures, or fewer segments of the source, than it was asked for.
    Cheat,
    /// The child loses half of a chunk's frames, or can decode none for pictures, and says so.
    LoseFrames,
    /// The child meets damage in the source, and says so.
    MeetDamage,
}

/// The engine. All tasks go well in one second unless it is told otherwise. What it leaves are real files, of any bytes.
#[derive(Debug)]
pub struct FakeEngine {
    index: SourceIndex,
    time: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    behaviours: HashMap<EngineTask, Behaviour>,
    calls: Vec<EngineTask>,
    running: usize,
    most_running: usize,
}

impl FakeEngine {
    /// All recordings have this index.
    #[must_use]
    pub fn new(index: SourceIndex) -> Self {
        Self::taking(Duration::from_secs(1), index)
    }

    /// The same, with tasks that take so long: little, where the clock is real.
    #[must_use]
    pub fn taking(time: Duration, index: SourceIndex) -> Self {
        Self { index, time, state: Mutex::default() }
    }

    /// From now on `task` goes like this.
    pub fn behave(&self, task: EngineTask, behaviour: Behaviour) {
        lock(&self.state).behaviours.insert(task, behaviour);
    }

    /// From now on all goes well.
    pub fn behave_well(&self) {
        lock(&self.state).behaviours.clear();
    }

    /// The calls so far.
    #[must_use]
    pub fn calls(&self) -> Vec<EngineTask> {
        lock(&self.state).calls.clone()
    }

    /// Calls that have not ended.
    #[must_use]
    pub fn running(&self) -> usize {
        lock(&self.state).running
    }

    /// The most calls that ever ran at one time.
    #[must_use]
    pub fn most_running(&self) -> usize {
        lock(&self.state).most_running
    }

    /// Goes through a task's time; the behaviour that its result is to show.
    async fn perform(
        &self,
        task: EngineTask,
        cancel: &CancellationToken,
    ) -> Result<Option<Behaviour>, EngineError> {
        let _running = self.enter(task);
        let behaviour = lock(&self.state).behaviours.get(&task).cloned();
        let time = match behaviour {
            Some(Behaviour::Hang) => Duration::MAX,
            Some(Behaviour::Take(time)) => time,
            _ => self.time,
        };
        cancel.run_until_cancelled(sleep(time)).await.ok_or(EngineError::Cancelled)?;
        match behaviour {
            Some(Behaviour::Refuse(sentence)) => Err(EngineError::Refused(sentence)),
            Some(Behaviour::Die) => Err(EngineError::Died {
                task: "fake",
                how: "signal 11".to_owned(),
                last_words: "it said nothing".to_owned(),
            }),
            Some(Behaviour::Interrupt) => Err(EngineError::Interrupted {
                task: "fake",
                how: "signal 9".to_owned(),
                last_words: "it said nothing".to_owned(),
            }),
            Some(Behaviour::Panic) => std::panic::panic_any("the fake engine was asked to panic"),
            other => Ok(other),
        }
    }

    fn enter(&self, task: EngineTask) -> Entered<'_> {
        let mut state = lock(&self.state);
        state.calls.push(task);
        state.running += 1;
        state.most_running = state.most_running.max(state.running);
        Entered(self)
    }
}

/// A call that has not ended; also ended by being dropped.
struct Entered<'a>(&'a FakeEngine);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).running -= 1;
    }
}

#[async_trait]
impl Engine for FakeEngine {
    async fn index(
        &self,
        _recording: &Path,
        _scratch: &Path,
        cancel: &CancellationToken,
    ) -> Result<SourceIndex, EngineError> {
        self.perform(EngineTask::Index, cancel).await?;
        Ok(self.index.clone())
    }

    async fn encode_chunk(
        &self,
        task: &ChunkTask<'_>,
        progress: OnFrames<'_>,
        cancel: &CancellationToken,
    ) -> Result<EncodedChunk, EngineError> {
        let chunk = task.chunk;
        progress(chunk.frames / 2);
        let behaviour = self.perform(EngineTask::Chunk(chunk.index), cancel).await?;
        let mut chunk = chunk.clone();
        if behaviour == Some(Behaviour::LoseFrames) {
            chunk.frames /= 2;
        }
        progress(chunk.frames);
        let plan = read_plan(task.plan_file)?;
        let mut renditions = Vec::new();
        if let Some(video) = &plan.video {
            for rung in &video.rungs {
                renditions.push(rendition(video, &chunk, rung, task.output)?);
            }
        }
        let is_other = behaviour == Some(Behaviour::Cheat);
        let number = if is_other { chunk.index + 1 } else { chunk.index };
        let errors = u32::from(behaviour == Some(Behaviour::MeetDamage));
        let decoding = Decoding { frames: chunk.frames, errors };
        Ok(EncodedChunk { chunk: number, renditions, decoding, cpu: ChunkCpu::default() })
    }

    async fn copy_source(
        &self,
        task: &RecordingTask<'_>,
        cancel: &CancellationToken,
    ) -> Result<EncodedRendition, EngineError> {
        let behaviour = self.perform(EngineTask::Source, cancel).await?;
        let plan = read_plan(task.plan_file)?;
        let copied = plan.video.as_ref().and_then(|video| Some((video, video.source_rung()?)));
        let (video, rung) = copied.ok_or_else(|| EngineError::Refused("no copy".into()))?;
        let chunks = video.chunks.iter().skip(usize::from(behaviour == Some(Behaviour::Cheat)));
        let shares = chunks.map(|chunk| rendition(video, chunk, rung, task.output));
        let shares = shares.collect::<Result<Vec<_>, _>>()?;
        let whole = shares.into_iter().reduce(|mut whole, share| {
            whole.segments.extend(share.segments);
            whole
        });
        whole.ok_or_else(|| EngineError::Refused("no chunks".into()))
    }

    async fn encode_audio(
        &self,
        task: &RecordingTask<'_>,
        progress: OnFrames<'_>,
        cancel: &CancellationToken,
    ) -> Result<EncodedAudio, EngineError> {
        self.perform(EngineTask::Audio, cancel).await?;
        let plan = read_plan(task.plan_file)?;
        let audio = plan.audio.as_ref().ok_or_else(|| EngineError::Refused("no audio".into()))?;
        progress(narrow(audio.frames()));
        let mut segments = Vec::new();
        for (index, cut) in (0..).zip(audio.cuts.windows(2)) {
            let frames = cut[1] - cut[0];
            let facts = SegmentFacts {
                index,
                size: frames * 340,
                start: cut[0] * AAC_FRAME,
                duration: frames * AAC_FRAME,
                frames: narrow(frames),
                idrs: Vec::new(),
            };
            segments.push(segment(task.output, AUDIO, facts)?);
        }
        let codec = CodecFacts { codecs: "mp4a.40.2".to_owned(), width: 0, height: 0 };
        let rendition = EncodedRendition {
            rendition: AUDIO.to_owned(),
            init: init(task.output, AUDIO)?,
            codec,
            timescale: audio.sample_rate,
            segments,
        };
        Ok(EncodedAudio { rendition, fit: AudioFit::default() })
    }

    async fn take_pictures(
        &self,
        task: &RecordingTask<'_>,
        progress: OnFrames<'_>,
        cancel: &CancellationToken,
    ) -> Result<TakenPictures, EngineError> {
        let behaviour = self.perform(EngineTask::Pictures, cancel).await?;
        let plan = read_plan(task.plan_file)?;
        let none = || EngineError::Refused("no pictures".to_owned());
        let pictures = plan.pictures.as_ref().ok_or_else(none)?;
        if behaviour == Some(Behaviour::LoseFrames) {
            let errors = u32::try_from(pictures.shots.len()).unwrap_or(u32::MAX);
            return Ok(TakenPictures { files: None, errors });
        }
        let picture = |name: String| {
            fs::write(task.output.join(&name), format!("picture {name}"))?;
            Ok::<_, EngineError>(name)
        };
        let numbers = (0..pictures.sprites().count()).skip(usize::from(behaviour.is_some()));
        let sprites =
            numbers.map(|number| picture(format!("{number}.jpg"))).collect::<Result<_, _>>()?;
        progress(pictures.tiles);
        let files = Some(PictureFiles { sprites, poster: picture("poster.jpg".to_owned())? });
        Ok(TakenPictures { files, errors: 0 })
    }
}

fn read_plan(file: &Path) -> Result<Plan, EngineError> {
    serde_json::from_slice(&fs::read(file)?)
        .map_err(|error| EngineError::BadResult { task: "fake", reason: error.to_string() })
}

fn rendition(
    video: &VideoPlan,
    chunk: &Chunk,
    rung: &Rung,
    output: &Path,
) -> Result<EncodedRendition, EngineError> {
    let mut segments = Vec::new();
    let mut before = 0;
    for (number, grid) in (1..).zip(video.segments_of(chunk)) {
        // An even share of the chunk's frames, of which some rungs keep some only.
        let until = u64::from(chunk.frames) * number / u64::from(chunk.segments);
        let frames = (until - before) / u64::from(rung.keep_every);
        before = until;
        let index = chunk.first_segment + narrow(number) - 1;
        segments.push(segment(output, &rung.name, facts(rung, index, grid, frames))?);
    }
    let codecs = "avc1.64001f".to_owned();
    Ok(EncodedRendition {
        rendition: rung.name.clone(),
        init: init(output, &rung.name)?,
        codec: CodecFacts { codecs, width: rung.width, height: rung.height },
        timescale: video.timescale.get(),
        segments,
    })
}

fn facts(rung: &Rung, index: u32, grid: &GridSegment, frames: u64) -> SegmentFacts {
    let ticks = |time: i64| u64::try_from(time).unwrap_or(0);
    let duration = ticks(grid.end - grid.start);
    // Larger pictures cost more, and an IDR picture a fifth of its GOP.
    let gop = u64::from(rung.width) * u64::from(rung.height) / 4;
    let idrs: Vec<IdrFacts> = (0..)
        .zip(&grid.idrs)
        .map(|(number, time)| IdrFacts { time: ticks(*time), offset: gop * number, size: gop / 5 })
        .collect();
    let size = gop * idrs.len() as u64;
    SegmentFacts { index, size, start: ticks(grid.start), duration, frames: narrow(frames), idrs }
}

fn segment(
    output: &Path,
    rendition: &str,
    facts: SegmentFacts,
) -> Result<EncodedSegment, EngineError> {
    let file = format!("{rendition}-{}.m4s", facts.index);
    let length = usize::try_from(facts.size).unwrap_or(0);
    let bytes: Vec<u8> = file.bytes().cycle().take(length).collect();
    fs::write(output.join(&file), bytes)?;
    Ok(EncodedSegment { file, facts })
}

fn init(output: &Path, rendition: &str) -> Result<String, EngineError> {
    let file = format!("{rendition}-init.mp4");
    fs::write(output.join(&file), format!("init of {rendition}"))?;
    Ok(file)
}

fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The index of a whole recording as an FLV of 30 frames/s, 854x480, a keyframe every two seconds and stereo AAC.
#[must_use]
pub fn source_index(seconds: u32) -> SourceIndex {
    let milliseconds = NonZeroU32::MIN.saturating_add(999);
    let frames = (0..i64::from(seconds) * 30).map(|number| {
        let time = (number * 1000 + 15) / 30;
        let offset = 1000 + number.unsigned_abs() * 2000;
        Frame { pts: time, dts: time, offset, size: 1900, sync: number % 60 == 0 }
    });
    let video = VideoSource {
        codec: VideoCodec::H264,
        timescale: milliseconds,
        width: 854,
        height: 480,
        pixel_aspect: (1, 1),
        rotation: 0,
        colour: Colour::default(),
        h264: Some(H264Source {
            profile_idc: 77,
            level_idc: 40,
            chroma_format_idc: 1,
            bit_depth: 8,
            progressive: true,
            one_configuration: true,
            closed_gops: true,
        }),
        config_offsets: vec![13],
        shown_from: None,
        frames: frames.collect(),
        recovery_points: Vec::new(),
    };
    let audio = AudioSource {
        codec: AudioCodec::Aac,
        sample_rate: 48_000,
        channels: 2,
        aac_object_type: Some(2),
        timescale: milliseconds,
        start: 0,
        end: i64::from(seconds) * 1000,
        frames: u64::from(seconds) * 48_000 / AAC_FRAME,
    };
    SourceIndex {
        container: Container::Flv,
        byte_length: 1000 + u64::from(seconds) * 60_000,
        video: Some(video),
        audio: Some(audio),
        clock: Clock::default(),
        defects: Vec::new(),
    }
}
