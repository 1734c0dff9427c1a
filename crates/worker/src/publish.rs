//! The end of the line: Committed -> Checked -> Published. The order of writes is what keeps a viewer from ever meeting a name that is not
//! there: media playlists and the storyboard, then the master, then the marker that ends the job.

use job::conformance::{Finding, Severity, check, facts_from_reports};
use job::failure::{Failure, Step};
use job::names::{ObjectKind, PICTURES, STORYBOARD};
use job::playlist::{Playlists, Renditions, playlists};
use job::presentation::{Done, Part, Pictures, Presentation, warnings};
use serde::Serialize;
use thiserror::Error;

use crate::encode::Committed;
use crate::line::ours;
use crate::progress::Phase;

const STEP: Step = Step::Publish;

/// A job whose result may be published.
pub(crate) struct Checked {
    committed: Committed,
    renditions: Renditions,
    playlists: Playlists,
}

/// A result that may not be published.
#[derive(Debug, Error)]
#[error("the result fails the quality bar: {0}")]
struct BelowTheBar(String);

impl Committed {
    /// Holds the result against the quality bar. Failing it is a fault of ours, but no second try makes it better, so that the recording waits
    /// among the dead letters for a worker that does.
    pub(crate) fn check(self) -> Result<Checked, Failure> {
        let Self { context, names, plan, reports, .. } = &self;
        context.tracker.phase(Phase::Publishing);
        let below = |why: String| Failure::reject(Step::Check, BelowTheBar(why));
        let renditions =
            Renditions::published(plan, reports).map_err(|error| below(error.to_string()))?;
        let title = &context.recording.title;
        let playlists = playlists(plan, &renditions, &names.part, title);
        let facts = facts_from_reports(plan, reports, &renditions, &playlists, &names.part);
        let findings = check(&facts);
        let mut blockers = findings.iter().filter(|f| f.severity == Severity::Blocker);
        if let Some(Finding { item, place, sentence, .. }) = blockers.next() {
            let more = blockers.count();
            let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
            return Err(below(format!("{place}: {sentence} (item {item}){more}")));
        }
        Ok(Checked { committed: self, renditions, playlists })
    }
}

impl Checked {
    /// Writes the playlists, the state of the presentation and the done marker.
    pub(crate) async fn publish(self) -> Result<(), Failure> {
        let Self { committed, renditions, playlists } = self;
        let Committed { context, names, defects, plan, reports } = committed;
        for playlist in playlists.media {
            let name = names.part.rendition(&playlist.rendition, playlist.name);
            let bytes = playlist.text.as_bytes();
            context.stored(STEP, context.store().put(&name, ObjectKind::Playlist, bytes)).await?;
        }
        if let Some(storyboard) = playlists.storyboard {
            let name = names.part.rendition(PICTURES, STORYBOARD);
            let put = context.store().put(&name, ObjectKind::Storyboard, storyboard.as_bytes());
            context.stored(STEP, put).await?;
        }
        let master = playlists.master.into_bytes();
        let master_name = names.presentation.master();
        let new_master = |_: Option<&[u8]>| Ok(Some(master.clone()));
        context.update(STEP, &master_name, ObjectKind::Master, new_master).await?;

        let warnings = warnings(&defects, &plan, &reports, &renditions);
        let pictures = Pictures::published(&renditions, &names.part);
        let part =
            Part::published(context.recording.part, &plan, pictures.clone(), warnings.clone());
        let presentation_name = names.presentation.presentation();
        let with_part = |before: Option<&[u8]>| {
            let before = before.map(|bytes| ours(STEP, &presentation_name, bytes));
            let mut presentation: Presentation = before.transpose()?.unwrap_or_default();
            presentation.set(part.clone());
            json(&presentation).map(Some)
        };
        context.update(STEP, &presentation_name, ObjectKind::State, with_part).await?;

        let done = json(&Done::new(&plan, &renditions, pictures, warnings))?;
        // Refused means that somebody else published the same, and was done first.
        let created = context.store().create(&names.done, ObjectKind::State, &done);
        context.stored(STEP, created).await?;
        context.tracker.phase(Phase::Published);
        Ok(())
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(value).map_err(|error| Failure::retry(STEP, error))
}
