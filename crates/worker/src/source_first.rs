//! The source first: what is copied can be played seconds after it is planned, long before the ladder is encoded.
//!
//! It is a publication of its own beside the line, of which nothing is recorded but the master. That is only ever created here: a master
//! that is there, early or complete, of this plan or of one that was published before, shows no less, so that a worker that comes late or
//! again changes nothing. The line replaces it with the ladder's, as it does with any. Whatever goes wrong here is told and fails no job.
//!
//! Nothing was decoded yet, so that the bar's items on decoding are left open until the ladder is there.

use std::path::Path;

use job::failure::{Decision, Failure, Step};
use job::names::ObjectKind;
use job::plan::Rung;
use job::playlist::Renditions;
use job::ports::Conditional;
use job::report::{AudioReport, PublishedRendition, Reports};

use crate::claim::Planned;
use crate::commit::upload_source;
use crate::encode::discard;
use crate::events;
use crate::fence::Fence;
use crate::publish::Passed;

/// What can be played before anything is encoded. All of it is uploaded.
pub(crate) struct Playable {
    pub(crate) source: PublishedRendition,
    pub(crate) audio: Option<AudioReport>,
}

impl Planned {
    /// Whether the source is to be published first: if that is asked for, if it is copied, and if no master is there. Asked before any task
    /// is started, so that the copy need not wait for the others' children.
    pub(crate) async fn is_source_first(&self) -> Result<bool, Failure> {
        if !self.context.tools.source_first {
            return Ok(false);
        }
        if self.plan.source_rung().is_none() {
            events::source_not_copied();
            return Ok(false);
        }
        let master = self.names.presentation.master();
        let size = self.context.stored(Step::Encode, self.context.store().size(&master)).await;
        match unless_stopped(size)? {
            None => Ok(false),
            Some(None) => Ok(true),
            Some(Some(_)) => {
                events::master_is_there();
                Ok(false)
            }
        }
    }

    /// Copies and uploads the source. None if that went wrong.
    pub(crate) async fn copy_source(
        &self,
        fence: &Fence,
    ) -> Result<Option<PublishedRendition>, Failure> {
        let copied = self.try_to_copy_source(fence).await;
        Ok(unless_stopped(copied)?.flatten())
    }

    /// Publishes the source alone, if no master is there.
    pub(crate) async fn publish_source(&self, playable: Playable) -> Result<(), Failure> {
        let published = self.try_to_publish_source(playable).await;
        unless_stopped(published).map(|_| ())
    }

    async fn try_to_copy_source(
        &self,
        fence: &Fence,
    ) -> Result<Option<PublishedRendition>, Failure> {
        let Some(rung) = self.plan.source_rung() else { return Ok(None) };
        let output = self.output("source")?;
        let source = self.copy_and_upload(rung, &output, fence).await;
        // It is as large as the recording, and the ladder needs the room, most of all if this went wrong.
        discard(&output).await;
        source.map(Some)
    }

    async fn copy_and_upload(
        &self,
        rung: &Rung,
        output: &Path,
        fence: &Fence,
    ) -> Result<PublishedRendition, Failure> {
        let task = self.recording_task(output);
        let copied = self.context.tools.engine.copy_source(&task, fence.token()).await;
        let copied = copied.map_err(|error| error.into_failure(Step::Encode))?;
        upload_source(self, rung, output, copied).await
    }

    async fn try_to_publish_source(&self, playable: Playable) -> Result<(), Failure> {
        const STEP: Step = Step::Publish;
        let Self { context, names, plan, .. } = self;
        let Playable { source, audio } = playable;
        let Some(rung) = plan.source_rung() else { return Ok(()) };
        let renditions = Renditions::source_first(plan, rung, &source, audio.as_ref());
        let passed = Passed::of(context, names, plan, &Reports::default(), renditions);
        let passed = passed.map_err(|below| Failure::reject(Step::Check, below))?;
        passed.put_below_master(context, &names.part).await?;
        let master = names.presentation.master();
        let created = context.store().create(&master, ObjectKind::Master, passed.master());
        match context.stored(STEP, created).await? {
            Conditional::Written => events::source_published(),
            Conditional::Refused => events::master_is_there(),
        }
        Ok(())
    }
}

/// What came of something that the job can do without; none if it failed. Being told to stop is no failure of it.
fn unless_stopped<T>(result: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(stopped) if stopped.decision == Decision::HandBack => Err(stopped),
        Err(failure) => {
            events::source_not_first(&failure);
            Ok(None)
        }
    }
}
