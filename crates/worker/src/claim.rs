//! The first half of the line: Request -> Claimed -> Fetched -> Indexed -> Planned.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::OnceLock;

use job::failure::{Failure, Step};
use job::names::{ObjectKind, PartNames, PlanId, PresentationNames};
use job::plan::{self, Plan};
use job::ports::{Conditional, FetchError};
use job::presentation::Done;
use job::profile::Profile;
use job::recording::Recording;
use job::source::{Defect, SourceIndex};

use crate::failures::Failures;
use crate::line::{Context, ForeignObject};
use crate::progress::Phase;
use crate::workdir::Workdir;

/// Where the job publishes.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) plan: PlanId,
    pub(crate) presentation: PresentationNames,
    pub(crate) part: PartNames,
    /// The done marker of the plan that was asked for. It names the plan that was carried out.
    pub(crate) done: String,
}

/// A job that is not yet published.
pub(crate) struct Claimed {
    context: Context,
    profile: Profile,
    names: Names,
    failures: Failures,
}

/// A job whose recording is a local file.
pub(crate) struct Fetched {
    claimed: Claimed,
    workdir: Workdir,
    recording: PathBuf,
}

/// A job of whose recording all is known that planning needs.
pub(crate) struct Indexed {
    fetched: Fetched,
    index: SourceIndex,
}

/// A job with a plan that is stored.
pub(crate) struct Planned {
    pub(crate) context: Context,
    pub(crate) names: Names,
    pub(crate) workdir: Workdir,
    pub(crate) recording: PathBuf,
    pub(crate) defects: Vec<Defect>,
    pub(crate) plan: Plan,
    /// `plan.json` as a local file.
    pub(crate) plan_file: PathBuf,
    /// True if the plan was there before, so that chunks may be, too.
    pub(crate) resumed: bool,
    pub(crate) failures: Failures,
    /// What was uploaded of the source to publish it first, which its chunks need not upload again.
    pub(crate) uploaded: OnceLock<HashSet<String>>,
}

/// Looks whether somebody published the job already; none if so.
pub(crate) async fn claim(context: Context) -> Result<Option<Claimed>, Failure> {
    let wanted = context.recording.profile.as_deref();
    let profile = context.tools.profiles.get(wanted);
    let profile = profile.map_err(|error| Failure::reject(Step::Request, error))?;
    let plan = PlanId::new(plan::SCHEMA, &context.recording.identity, &profile);
    let presentation = PresentationNames::new(&context.recording.presentation);
    let part = presentation.part(context.recording.part, &plan);
    let done = part.done();
    let names = Names { plan, presentation, part, done };
    if is_published(&context, &names).await? {
        return Ok(None);
    }
    let failures = Failures::new(context.clone(), names.part.failures());
    Ok(Some(Claimed { context, profile, names, failures }))
}

/// The done marker alone says nothing of what viewers meet: the master may have been deleted, or be of another recording by now.
async fn is_published(context: &Context, names: &Names) -> Result<bool, Failure> {
    let Some(Done { plan, .. }) = context.read(Step::Claim, &names.done).await? else {
        return Ok(false);
    };
    let part = names.presentation.part(context.recording.part, &plan);
    let master = names.presentation.master();
    let master = context.stored(Step::Claim, context.store().get(&master)).await?;
    Ok(master.is_some_and(|master| part.are_in_master(&String::from_utf8_lossy(&master.bytes))))
}

impl Claimed {
    /// The job's failures so far.
    pub(crate) fn failures(&self) -> Failures {
        self.failures.clone()
    }

    /// Makes the recording a local file.
    pub(crate) async fn fetch(self) -> Result<Fetched, Failure> {
        let context = &self.context;
        context.tracker.phase(Phase::Fetching);
        let retry = |error| Failure::retry(Step::Fetch, error);
        let workdir = Workdir::create(&context.tools.scratch).map_err(retry)?;
        let scratch = workdir.subdirectory("recording").map_err(retry)?;
        let Recording { source, identity, .. } = &context.recording;
        let fetched = context.tools.recordings.fetch(source, identity, &scratch);
        let recording =
            context.fence.pass(Step::Fetch, fetched).await?.map_err(|error| match error {
                FetchError::Missing(_) | FetchError::Replaced(_) | FetchError::Refused(..) => {
                    Failure::reject(Step::Fetch, error)
                }
                FetchError::Unavailable(..) => Failure::retry(Step::Fetch, error),
            })?;
        Ok(Fetched { claimed: self, workdir, recording })
    }
}

impl Fetched {
    /// Finds the recording's frames.
    pub(crate) async fn index(self) -> Result<Indexed, Failure> {
        let context = &self.claimed.context;
        context.tracker.phase(Phase::Indexing);
        let scratch = self.workdir.subdirectory("index");
        let scratch = scratch.map_err(|error| Failure::retry(Step::Index, error))?;
        let engine = &context.tools.engine;
        let index = engine.index(&self.recording, &scratch, context.fence.token()).await;
        let index = index.map_err(|error| error.into_failure(Step::Index))?;
        Ok(Indexed { fetched: self, index })
    }
}

impl Indexed {
    /// Plans the job and stores the plan. Of two plans under one name the one that was stored first is carried out.
    pub(crate) async fn plan(self) -> Result<Planned, Failure> {
        let Self { fetched: Fetched { claimed, workdir, recording }, index } = self;
        let Claimed { context, profile, names, failures } = claimed;
        let plan = plan::plan(&context.recording.identity, &index, &profile)
            .map_err(|error| Failure::reject(Step::Plan, error))?;
        let (plan, resumed) = store(&context, &names, plan).await?;
        let plan_file = workdir.path().join("plan.json");
        let json = serde_json::to_vec(&plan).map_err(|error| Failure::retry(Step::Plan, error))?;
        let written = tokio::fs::write(&plan_file, json).await;
        written.map_err(|error| Failure::retry(Step::Plan, error))?;
        let defects = index.defects;
        Ok(Planned {
            context,
            names,
            workdir,
            recording,
            defects,
            plan,
            plan_file,
            resumed,
            failures,
            uploaded: OnceLock::new(),
        })
    }
}

impl Planned {
    /// The same job under the profile that does not copy the source: another plan, with names of its own. The recording is indexed once more,
    /// which costs less than to keep its index while everything is encoded.
    pub(crate) fn without_source_copy(self) -> Fetched {
        let Self { context, mut names, workdir, recording, plan, failures, .. } = self;
        let profile = Profile { source_copy: None, ..plan.profile };
        names.plan = PlanId::new(plan::SCHEMA, &context.recording.identity, &profile);
        names.part = names.presentation.part(context.recording.part, &names.plan);
        Fetched { claimed: Claimed { context, profile, names, failures }, workdir, recording }
    }
}

/// The plan that is stored, and whether it was there before.
async fn store(context: &Context, names: &Names, plan: Plan) -> Result<(Plan, bool), Failure> {
    let name = names.part.plan();
    let json = serde_json::to_vec(&plan).map_err(|error| Failure::retry(Step::Plan, error))?;
    let created = context.store().create(&name, ObjectKind::State, &json);
    if context.stored(Step::Plan, created).await? == Conditional::Written {
        return Ok((plan, false));
    }
    let stored: Option<Plan> = context.read(Step::Plan, &name).await?;
    match stored {
        Some(stored) if stored.id == names.plan => Ok((stored, true)),
        Some(stored) => {
            let reason = format!("it is plan {}", stored.id);
            Err(Failure::reject(Step::Plan, ForeignObject { name, reason }))
        }
        None => Err(Failure::retry(Step::Plan, format!("{name} was there and is gone"))),
    }
}
