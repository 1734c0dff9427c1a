//! `transcoder transcode`: one recording, the same line of work as the daemon's, without a queue.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use job::names::{PlanId, PresentationNames};
use job::plan::SCHEMA;
use job::ports::Store;
use job::presentation::Done;
use job::recording::{Identity, PresentationName, Recording, SourceUri};
use local::LocalRecordings;
use tokio_util::sync::CancellationToken;
use worker::children::ChildProcesses;
use worker::fence::Fence;
use worker::line::{Job, Outcome, Tools, run_job};
use worker::profiles::Profiles;

use crate::args::Transcode;
use crate::bar::Bar;
use crate::exit::Usage;
use crate::output::print;
use crate::recording::LocalFile;
use crate::run::{chunks_in_flight, own_program};
use crate::settings::{children, profile};
use crate::{lifecycle, telemetry, wire};

impl Transcode {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<()> {
        telemetry::start("warn");
        let profile = profile(&self.profile)?;
        refuse_url(&self.input)?;
        let directory = output_directory(&self.output)?;
        let file = LocalFile::open(&self.input)?;
        let made = missing(&directory);
        let store = wire::store(&directory)?;
        // Beside what is published, so that segments are moved and not copied.
        let scratch = directory.join(".work");
        let children = children(self.children);
        let identity = Identity::Content { sha256: file.sha256.clone() };
        let plan = PlanId::new(SCHEMA, &identity, &profile);
        let recording = Recording {
            source: SourceUri::File(file.path_text()?),
            identity,
            presentation: PresentationName::root(),
            part: 1,
            profile: None,
        };
        let tools = Tools {
            store: store.clone(),
            recordings: Arc::new(LocalRecordings::default()),
            engine: Arc::new(ChildProcesses::new(own_program()?, children)),
            profiles: Profiles::new(profile),
            scratch: scratch.clone(),
            chunks_in_flight: chunks_in_flight(children),
        };
        let bar = Arc::new(Bar::new());
        let done = lifecycle::runtime()?.block_on(async {
            let cancel = CancellationToken::new();
            let stop = lifecycle::listen()?;
            let told = cancel.clone();
            tokio::spawn(async move {
                stop.soft.cancelled().await;
                told.cancel();
            });
            let fence = Fence::new(cancel);
            let observer = bar.clone();
            let outcome = run_job(Job { recording, tools: Arc::new(tools), fence, observer }).await;
            bar.clear();
            let outcome = outcome?;
            anyhow::Ok((outcome, read_done(store.as_ref(), &plan).await?))
        });
        // Empty by now; a directory that somebody else works in stays.
        let _ = std::fs::remove_dir(&scratch);
        if done.is_err() {
            remove_empty(&made);
        }
        let (outcome, done) = done?;
        self.tell(&directory, outcome, &done)
    }

    fn tell(&self, directory: &Path, outcome: Outcome, done: &Done) -> anyhow::Result<()> {
        let mut out = Vec::new();
        if self.json {
            serde_json::to_writer_pretty(&mut out, done)?;
            writeln!(out)?;
            return Ok(print(&out)?);
        }
        let how = match outcome {
            Outcome::Published => "published",
            Outcome::AlreadyPublished => "was published before, and is unchanged,",
        };
        let seconds = done.duration_ms / 1000;
        writeln!(
            out,
            "{} {how} as {}/master.m3u8 ({seconds} s)",
            self.input.display(),
            directory.display()
        )?;
        for rendition in &done.renditions {
            let kbps = |bits: u64| bits / 1000;
            let (average, peak) =
                (kbps(rendition.bandwidth.average), kbps(rendition.bandwidth.peak));
            writeln!(
                out,
                "  {:<8} {average:>6} kb/s average, {peak:>6} kb/s peak",
                rendition.name
            )?;
        }
        for warning in &done.warnings {
            writeln!(out, "  note: {warning}")?;
        }
        Ok(print(&out)?)
    }
}

/// Refuses a recording that is given as a URL, which would otherwise be taken for a file that is not there.
pub fn refuse_url(input: &Path) -> Result<(), Usage> {
    match input.to_str() {
        Some(url) if url.starts_with("s3://") => {
            Err(Usage(format!("{url}: S3 is not spoken by this build: give a local file")))
        }
        Some(url) if url.contains("://") => Err(Usage(format!("{url}: give a local file"))),
        _ => Ok(()),
    }
}

fn output_directory(output: &Path) -> anyhow::Result<PathBuf> {
    let directory = match output.to_str() {
        Some(url) => wire::output_directory(url)?,
        None => std::path::absolute(output)?,
    };
    if directory.exists() && !directory.is_dir() {
        return Err(Usage(format!("{} is a file: give a directory", output.display())).into());
    }
    Ok(directory)
}

/// The directory and those above it, as far as they are not there yet; the innermost first.
fn missing(directory: &Path) -> Vec<PathBuf> {
    directory.ancestors().take_while(|above| !above.exists()).map(Path::to_owned).collect()
}

/// Removes directories that nothing was written to.
fn remove_empty(directories: &[PathBuf]) {
    for directory in directories {
        if std::fs::remove_dir(directory).is_err() {
            return;
        }
    }
}

async fn read_done(store: &dyn Store, plan: &PlanId) -> anyhow::Result<Done> {
    let name = PresentationNames::new(&PresentationName::root()).part(1, plan).done();
    let object = store.get(&name).await?.with_context(|| format!("{name} is gone"))?;
    serde_json::from_slice(&object.bytes).with_context(|| format!("{name} does not read"))
}
