//! Uploading and committing: what a child left becomes objects under names that carry their digest, and then a report that is created once.
//! Whoever creates it has committed the task; whoever comes later takes that report for its own.

use std::path::{Path, PathBuf};

use job::failure::{Failure, Step};
use job::names::{self, AUDIO, ObjectKind, PICTURES};
use job::plan::{Chunk, Rung};
use job::ports::Conditional;
use job::report::{
    AudioReport, ChunkReport, EncodedAudio, EncodedChunk, EncodedRendition, PictureFiles,
    PicturesReport, PublishedPicture, PublishedPictures, PublishedRendition, PublishedSegment,
    TakenPictures,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::claim::Planned;
use crate::output::{self, BadOutput};

const STEP: Step = Step::Commit;

/// A rendition as it was asked for.
struct Asked<'a> {
    rendition: &'a str,
    first_segment: u32,
    segments: usize,
}

/// Uploads what a child made of a chunk.
pub(crate) async fn upload_chunk(
    planned: &Planned,
    chunk: &Chunk,
    output: &Path,
    encoded: EncodedChunk,
) -> Result<ChunkReport, Failure> {
    let rungs = planned.plan.video.iter().flat_map(|video| &video.rungs);
    let rungs: Vec<&str> = rungs.map(|rung| rung.name.as_str()).collect();
    if encoded.chunk != chunk.index || encoded.renditions.len() != rungs.len() {
        let reason = format!(
            "asked for {} renditions of chunk {}, the child made {} of chunk {}",
            rungs.len(),
            chunk.index,
            encoded.renditions.len(),
            encoded.chunk,
        );
        return Err(Failure::retry(STEP, BadOutput::NotAsked(reason)));
    }
    let mut renditions = Vec::with_capacity(rungs.len());
    for (rendition, encoded) in rungs.into_iter().zip(encoded.renditions) {
        let asked = Asked {
            rendition,
            first_segment: chunk.first_segment,
            segments: usize::try_from(chunk.segments).unwrap_or(usize::MAX),
        };
        renditions.push(upload_rendition(planned, &asked, output, encoded).await?);
    }
    let plan = planned.names.plan.clone();
    Ok(ChunkReport { plan, chunk: chunk.index, renditions, decoding: encoded.decoding })
}

/// Uploads what a child copied of the source, and keeps in mind that it did.
pub(crate) async fn upload_source(
    planned: &Planned,
    rung: &Rung,
    output: &Path,
    copied: EncodedRendition,
) -> Result<PublishedRendition, Failure> {
    let segments = planned.plan.video.as_ref().map_or(0, |video| video.segments.len());
    let asked = Asked { rendition: &rung.name, first_segment: 0, segments };
    let source = upload_rendition(planned, &asked, output, copied).await?;
    let names = source.segments.iter().map(|segment| &segment.name).chain([&source.init]);
    let names = names.map(|name| planned.names.part.rendition(&rung.name, name));
    planned.uploaded.get_or_init(|| names.collect());
    Ok(source)
}

/// Uploads what a child made of the audio.
pub(crate) async fn upload_audio(
    planned: &Planned,
    output: &Path,
    encoded: EncodedAudio,
) -> Result<AudioReport, Failure> {
    let cuts = planned.plan.audio.as_ref().map_or(0, |audio| audio.cuts.len());
    let asked = Asked { rendition: AUDIO, first_segment: 0, segments: cuts.saturating_sub(1) };
    let rendition = upload_rendition(planned, &asked, output, encoded.rendition).await?;
    Ok(AudioReport { plan: planned.names.plan.clone(), rendition, fit: encoded.fit })
}

/// Uploads the pictures that a child took, if it took any. Whatever the child did wrong leaves the presentation without pictures.
pub(crate) async fn upload_pictures(
    planned: &Planned,
    output: &Path,
    taken: Result<TakenPictures, String>,
) -> Result<PicturesReport, Failure> {
    let mut report =
        PicturesReport { plan: planned.names.plan.clone(), pictures: None, warnings: Vec::new() };
    let mut warn = |warning: String| report.warnings.push(warning);
    let files = match taken {
        Ok(TakenPictures { files, errors }) => {
            if errors > 0 {
                warn(format!("{errors} keyframes could not be decoded for storyboard and poster"));
            }
            files.ok_or_else(|| "no keyframe could be decoded".to_owned())
        }
        Err(reason) => Err(reason),
    };
    let read = match files {
        Ok(files) => read_pictures(planned, output, files).await.map_err(|bad| bad.to_string()),
        Err(reason) => Err(reason),
    };
    let Pictures { sprites, poster } = match read {
        Ok(pictures) => pictures,
        Err(reason) => {
            warn(format!("there is no storyboard and no poster: {reason}"));
            return Ok(report);
        }
    };
    let mut published = Vec::with_capacity(sprites.len());
    for sprite in sprites {
        published.push(upload_picture(planned, sprite).await?);
    }
    let poster = upload_picture(planned, poster).await?;
    report.pictures = Some(PublishedPictures { sprites: published, poster });
    Ok(report)
}

/// Pictures with the names that they are published under.
struct Pictures {
    sprites: Vec<File>,
    poster: File,
}

async fn read_pictures(
    planned: &Planned,
    output: &Path,
    files: PictureFiles,
) -> Result<Pictures, Failure> {
    let asked = planned.plan.pictures.as_ref().map_or(0, |pictures| pictures.sprites().count());
    if files.sprites.len() != asked {
        let reason = format!("asked for {asked} sprites, the child made {}", files.sprites.len());
        return Err(Failure::retry(STEP, BadOutput::NotAsked(reason)));
    }
    let mut sprites = Vec::with_capacity(asked);
    for (number, file) in (0..).zip(&files.sprites) {
        sprites.push(read(output, file, move |bytes| names::sprite(number, bytes)).await?);
    }
    Ok(Pictures { sprites, poster: read(output, &files.poster, names::poster).await? })
}

async fn upload_picture(planned: &Planned, picture: File) -> Result<PublishedPicture, Failure> {
    let name = planned.names.part.rendition(PICTURES, &picture.name);
    let store = planned.context.store();
    let uploaded = store.upload(&name, ObjectKind::Picture, &picture.path);
    planned.context.stored(STEP, uploaded).await?;
    Ok(PublishedPicture { name: picture.name, size: picture.size })
}

async fn upload_rendition(
    planned: &Planned,
    asked: &Asked<'_>,
    output: &Path,
    encoded: EncodedRendition,
) -> Result<PublishedRendition, Failure> {
    check_asked(asked, &encoded).map_err(|error| Failure::retry(STEP, error))?;
    let upload = |kind, file: File| async move {
        let name = planned.names.part.rendition(asked.rendition, &file.name);
        let context = &planned.context;
        if planned.uploaded.get().is_none_or(|uploaded| !uploaded.contains(&name)) {
            context.stored(STEP, context.store().upload(&name, kind, &file.path)).await?;
        }
        Ok::<_, Failure>(file)
    };
    let init = read(output, &encoded.init, names::init).await?;
    let init = upload(ObjectKind::Init, init).await?;
    let mut segments = Vec::with_capacity(encoded.segments.len());
    for segment in encoded.segments {
        let index = segment.facts.index;
        let file = read(output, &segment.file, move |bytes| names::segment(index, bytes)).await?;
        if file.size != segment.facts.size {
            let reason = format!(
                "{:?} has {} bytes, the child says {}",
                segment.file, file.size, segment.facts.size
            );
            return Err(Failure::retry(STEP, BadOutput::NotAsked(reason)));
        }
        let file = upload(ObjectKind::Segment, file).await?;
        segments.push(PublishedSegment { name: file.name, facts: segment.facts });
    }
    Ok(PublishedRendition {
        rendition: asked.rendition.to_owned(),
        init: init.name,
        init_size: init.size,
        codec: encoded.codec,
        timescale: encoded.timescale,
        segments,
    })
}

fn check_asked(asked: &Asked<'_>, encoded: &EncodedRendition) -> Result<(), BadOutput> {
    let expected = (asked.first_segment..).take(asked.segments);
    let made = encoded.segments.iter().map(|segment| segment.facts.index);
    if encoded.rendition == asked.rendition && made.eq(expected) {
        return Ok(());
    }
    Err(BadOutput::NotAsked(format!(
        "asked for {} segments of {} from number {}, the child made others: {} of {:?}",
        asked.segments,
        asked.rendition,
        asked.first_segment,
        encoded.segments.len(),
        encoded.rendition,
    )))
}

/// A file of a child with the name that its bytes give it.
struct File {
    name: String,
    path: PathBuf,
    size: u64,
}

/// Reads and names a file, off the async threads: digests take milliseconds.
async fn read(
    output: &Path,
    file: &str,
    name: impl FnOnce(&[u8]) -> String + Send + 'static,
) -> Result<File, Failure> {
    let (output, file) = (output.to_owned(), file.to_owned());
    let read = tokio::task::spawn_blocking(move || {
        let (path, bytes) = output::segment(&output, &file)?;
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok::<_, BadOutput>(File { name: name(&bytes), path, size })
    });
    let read = read.await.map_err(|error| Failure::retry(STEP, error))?;
    read.map_err(|error| Failure::retry(STEP, error))
}

/// Creates a report, or takes the one of whoever was faster: the names in it are those that get published.
pub(crate) async fn create_report<T: Serialize + DeserializeOwned>(
    planned: &Planned,
    name: &str,
    report: T,
) -> Result<T, Failure> {
    let Planned { context, failures, .. } = planned;
    let json = serde_json::to_vec(&report).map_err(|error| Failure::retry(STEP, error))?;
    let created = context.store().create(name, ObjectKind::State, &json);
    match context.stored(STEP, created).await? {
        Conditional::Written => {
            failures.progressed(STEP).await?;
            Ok(report)
        }
        Conditional::Refused => {
            let winner = context.read(STEP, name).await?;
            winner.ok_or_else(|| Failure::retry(STEP, format!("{name} was there and is gone")))
        }
    }
}
