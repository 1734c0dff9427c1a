//! What plan and reports say should be there. They are published beside the media, and what they say is compared, never believed.

use std::collections::BTreeSet;

use job::conformance::{Expected, expected};
use job::names::{PartNames, PresentationNames};
use job::plan::{Plan, SCHEMA};
use job::playlist::Renditions;
use job::recording::PresentationName;
use job::report::{AudioReport, ChunkReport, PicturesReport, Reports};

use super::Published;
use crate::MediaError;

/// Why there is nothing to compare with.
pub(super) enum Incomparable {
    /// Plan or reports are not published where this reads, or are of an engine that this does not know.
    Absent,
    /// They are there and are not what they should be: which, and why.
    Bad(String, String),
    /// It cannot be known.
    Failed(MediaError),
}

/// What should be there by the plan that the playlists, given by their URIs from the multivariant playlist, are of.
pub(super) fn compare_with(
    published: &dyn Published,
    playlists: &BTreeSet<String>,
) -> Result<Expected, Incomparable> {
    let (part, plan_uri) = only_part(playlists).ok_or(Incomparable::Absent)?;
    let plan: Plan = read(published, &plan_uri)?;
    let names = PresentationNames::new(&PresentationName::root()).part(part, &plan.id);
    let bad = |reason: String| Incomparable::Bad(plan_uri.clone(), reason);
    if plan.schema != SCHEMA {
        return Err(Incomparable::Absent);
    }
    if names.plan() != plan_uri {
        return Err(bad(format!("it is the plan {}", plan.id)));
    }
    let reports = reports(published, &plan, &names)?;
    let renditions =
        Renditions::published(&plan, &reports).map_err(|error| bad(error.to_string()))?;
    Ok(expected(&plan, &reports, &renditions, &names))
}

/// Number of the part that all playlists are of, and the URI of its plan; none if they are of several.
fn only_part(playlists: &BTreeSet<String>) -> Option<(u32, String)> {
    let part = |uri: &String| {
        let mut components = uri.split('/');
        let (part, plan) = (components.next()?, components.next()?);
        Some((part.parse::<u32>().ok()?, format!("{part}/{plan}/plan.json")))
    };
    let parts: Option<BTreeSet<(u32, String)>> = playlists.iter().map(part).collect();
    let mut parts = parts?.into_iter();
    parts.next().filter(|_| parts.next().is_none())
}

fn reports(
    published: &dyn Published,
    plan: &Plan,
    names: &PartNames,
) -> Result<Reports, Incomparable> {
    let chunks = plan.video.iter().flat_map(|video| &video.chunks);
    let chunks: Result<Vec<ChunkReport>, _> =
        chunks.map(|chunk| read(published, &names.chunk_report(chunk.index))).collect();
    let audio = plan.audio.as_ref().map(|_| read(published, &names.audio_report()));
    let pictures = plan.pictures.as_ref().map(|_| read(published, &names.pictures_report()));
    let audio: Option<AudioReport> = audio.transpose()?;
    let pictures: Option<PicturesReport> = pictures.transpose()?;
    Ok(Reports { chunks: chunks?, audio, pictures })
}

fn read<T: serde::de::DeserializeOwned>(
    published: &dyn Published,
    uri: &str,
) -> Result<T, Incomparable> {
    let object = published.read(uri).map_err(Incomparable::Failed)?;
    let object = object.ok_or(Incomparable::Absent)?;
    let bad = |error: serde_json::Error| Incomparable::Bad(uri.to_owned(), error.to_string());
    serde_json::from_slice(&object.bytes).map_err(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn playlists_of_one_part_have_one_plan() {
        let part = |uris: &[&str]| only_part(&uris.iter().map(|uri| (*uri).to_owned()).collect());
        let plan = Some((1, "1/ab/plan.json".to_owned()));
        assert_eq!(part(&["1/ab/v720/media.m3u8", "1/ab/audio/media.m3u8"]), plan);
        for uris in [
            &["1/ab/v720/media.m3u8", "2/cd/v720/media.m3u8"][..],
            &["v720/media.m3u8"],
            &["media.m3u8"],
            &["http://host/1/ab/media.m3u8"],
            &[],
        ] {
            assert_eq!(part(uris), None, "{uris:?}");
        }
    }
}
