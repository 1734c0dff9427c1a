//! The end of the line: Committed -> Checked -> Published. The order of writes is what keeps a viewer from ever meeting a name that is not
//! there: media playlists and the storyboard, then the master, then the marker that ends the job.

use job::conformance::{Finding, Severity, check, facts_from_reports};
use job::failure::{Failure, Step};
use job::names::{ObjectKind, PICTURES, PartNames, STORYBOARD};
use job::plan::Plan;
use job::playlist::{Playlists, Renditions, ReportsError, playlists};
use job::presentation::{Done, Part, Pictures, Presentation, warnings};
use job::report::Reports;
use serde::Serialize;
use thiserror::Error;

use crate::claim::Names;
use crate::encode::Committed;
use crate::line::{Context, ours};
use crate::progress::Phase;

const STEP: Step = Step::Publish;

/// A job whose result may be published.
pub(crate) struct Checked {
    committed: Committed,
    passed: Passed,
}

/// Renditions that pass the bar, with the playlists that name them.
pub(crate) struct Passed {
    renditions: Renditions,
    playlists: Playlists,
}

/// A result that may not be published.
#[derive(Debug, Error)]
#[error("the result fails the quality bar: {0}")]
pub(crate) struct BelowTheBar(String);

impl Committed {
    /// Holds the result against the quality bar. Failing it is a fault of ours, but no second try makes it better, so that the recording waits
    /// among the dead letters for a worker that does.
    pub(crate) fn check(self) -> Result<Checked, Failure> {
        let Self { context, names, plan, reports, .. } = &self;
        context.tracker.phase(Phase::Publishing);
        let passed =
            Passed::of(context, names, plan, reports, Renditions::published(plan, reports));
        let passed = passed.map_err(|below| Failure::reject(Step::Check, below))?;
        Ok(Checked { committed: self, passed })
    }
}

impl Passed {
    /// Writes the playlists of `renditions` and holds both against the quality bar.
    pub(crate) fn of(
        context: &Context,
        names: &Names,
        plan: &Plan,
        reports: &Reports,
        renditions: Result<Renditions, ReportsError>,
    ) -> Result<Self, BelowTheBar> {
        let renditions = renditions.map_err(|error| BelowTheBar(error.to_string()))?;
        let playlists = playlists(plan, &renditions, &names.part, &context.recording.title);
        let facts = facts_from_reports(plan, reports, &renditions, &playlists, &names.part);
        let findings = check(&facts);
        let mut blockers = findings.iter().filter(|f| f.severity == Severity::Blocker);
        if let Some(Finding { item, place, sentence, .. }) = blockers.next() {
            let more = blockers.count();
            let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
            return Err(BelowTheBar(format!("{place}: {sentence} (item {item}){more}")));
        }
        Ok(Self { renditions, playlists })
    }

    /// Writes all that the master names and that is not there yet: media playlists, and the storyboard if there is one.
    pub(crate) async fn put_below_master(
        &self,
        context: &Context,
        part: &PartNames,
    ) -> Result<(), Failure> {
        for playlist in &self.playlists.media {
            let name = part.rendition(&playlist.rendition, playlist.name);
            let bytes = playlist.text.as_bytes();
            context.stored(STEP, context.store().put(&name, ObjectKind::Playlist, bytes)).await?;
        }
        if let Some(storyboard) = &self.playlists.storyboard {
            let name = part.rendition(PICTURES, STORYBOARD);
            let put = context.store().put(&name, ObjectKind::Storyboard, storyboard.as_bytes());
            context.stored(STEP, put).await?;
        }
        Ok(())
    }

    /// The master.
    pub(crate) fn master(&self) -> &[u8] {
        self.playlists.master.as_bytes()
    }
}

impl Checked {
    /// Writes the playlists, the state of the presentation and the done marker.
    pub(crate) async fn publish(self) -> Result<(), Failure> {
        let Self { committed, passed } = self;
        let Committed { context, names, defects, plan, reports } = committed;
        passed.put_below_master(&context, &names.part).await?;
        let new_master = |_: Option<&[u8]>| Ok(Some(passed.master().to_vec()));
        context.update(STEP, &names.presentation.master(), ObjectKind::Master, new_master).await?;

        let Passed { renditions, .. } = passed;
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
