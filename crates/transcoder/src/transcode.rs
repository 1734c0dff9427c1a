//! `transcoder transcode`: one recording, the same line of work as the daemon's, without a queue.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use job::names::{PartNames, PlanId, PresentationNames};
use job::plan::SCHEMA;
use job::ports::{Recordings, Store};
use job::presentation::Done;
use job::profile::Profile;
use job::recording::{PresentationName, Recording};
use local::LocalRecordings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::children::ChildProcesses;
use worker::engine::Engine;
use worker::fence::Fence;
use worker::line::{Job, Outcome, Tools, run_job};
use worker::profiles::Profiles;

use crate::args::Transcode;
use crate::bar::Bar;
use crate::exit::Usage;
use crate::measure::{CpuMeter, Measured, MeteredEngine, Published, Vmaf};
use crate::output::print;
use crate::places::OutputPlace;
use crate::recording::GivenRecording;
use crate::run::{chunks_in_flight, own_program};
use crate::service::default_scratch;
use crate::settings::{children, profile};
use crate::wire::Wiring;
use crate::{lifecycle, telemetry};

/// What `--json` prints.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    done: &'a Done,
    #[serde(skip_serializing_if = "Option::is_none")]
    measured: Option<&'a Measured>,
}

impl Transcode {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<()> {
        telemetry::start("warn");
        let profile = profile(&self.profile)?;
        let output = output_place(&self.output)?;
        // Before anything is encoded: what cannot be measured is not what was asked for.
        let vmaf = self.vmaf(&output)?;
        let meter = Arc::new(CpuMeter::default());
        let scratch = default_scratch(&output)?;
        let made = match &output {
            OutputPlace::Directory(directory) => missing(directory),
            OutputPlace::S3 { .. } => Vec::new(),
        };
        let done = lifecycle::runtime()?.block_on(self.publish(profile, &output, &scratch, &meter));
        // Empty by now; a directory that somebody else works in stays.
        let _ = std::fs::remove_dir(&scratch);
        if done.is_err() {
            remove_empty(&made);
        }
        let (outcome, done) = done?;
        let measured = match (&vmaf, &output) {
            (Some(vmaf), OutputPlace::Directory(directory)) => {
                Some(self.measure(directory, &done, &meter, vmaf)?)
            }
            _ => None,
        };
        self.tell(&output, outcome, &done, measured.as_ref())?;
        if measured.is_some_and(|measured| !measured.problems.is_empty()) {
            let advice =
                "it is published, but not all of it could be compared: see what is said above";
            return Err(Usage(advice.to_owned()).into());
        }
        Ok(())
    }

    /// What is measured with, if anything is to be.
    fn vmaf(&self, output: &OutputPlace) -> Result<Option<Vmaf>, Usage> {
        if !self.measure {
            return Ok(None);
        }
        let is_remote = self.input.to_str().is_some_and(|input| input.contains("://"));
        if is_remote || matches!(output, OutputPlace::S3 { .. }) {
            let reason =
                "--measure reads recording and presentation: give a local file and a directory";
            return Err(Usage(reason.to_owned()));
        }
        Vmaf::find(&self.ffmpeg).map(Some)
    }

    fn measure(
        &self,
        directory: &Path,
        done: &Done,
        meter: &CpuMeter,
        vmaf: &Vmaf,
    ) -> anyhow::Result<Measured> {
        let recording = self.input.canonicalize()?;
        let names = part_names(&done.plan);
        let path = directory.join(names.plan());
        let text = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let plan = ours(&names.plan(), &text)?;
        let output = directory.to_owned();
        let published = Published { recording: &recording, output, names, plan, done };
        Ok(Measured::of(&published, meter, vmaf))
    }

    async fn publish(
        &self,
        profile: Profile,
        output: &OutputPlace,
        scratch: &Path,
        meter: &Arc<CpuMeter>,
    ) -> anyhow::Result<(Outcome, Done)> {
        let wiring = Wiring::default();
        let given = GivenRecording::look(&self.input, &wiring).await?;
        let identity = given.identity()?;
        let plan = PlanId::new(SCHEMA, &identity, &profile);
        let source = given.source()?;
        let recording = Recording {
            title: source.file_stem().to_owned(),
            source,
            identity,
            presentation: PresentationName::root(),
            part: 1,
            profile: None,
        };
        let store = wiring.store(output).await?;
        let recordings: Arc<dyn Recordings> = match given {
            GivenRecording::File(_) => Arc::new(LocalRecordings::default()),
            GivenRecording::Object { .. } => Arc::new(wiring.s3_recordings(Vec::new()).await?),
        };
        let children = children(self.children);
        let engine = ChildProcesses::new(own_program()?, children);
        let engine: Arc<dyn Engine> = Arc::new(MeteredEngine::new(engine, Arc::clone(meter)));
        let tools = Arc::new(Tools {
            store: store.clone(),
            recordings,
            engine,
            profiles: Profiles::new(profile),
            scratch: scratch.to_owned(),
            chunks_in_flight: chunks_in_flight(children),
            source_first: self.first.source_first.unwrap_or(false),
        });
        let fence = Fence::new(lifecycle::listen()?.soft);
        let bar = Arc::new(Bar::new());
        let outcome = run_job(Job { recording, tools, fence, observer: bar.clone() }).await;
        bar.clear();
        Ok((outcome?, read_done(store.as_ref(), &plan).await?))
    }

    fn tell(
        &self,
        output: &OutputPlace,
        outcome: Outcome,
        done: &Done,
        measured: Option<&Measured>,
    ) -> anyhow::Result<()> {
        let mut out = Vec::new();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &Told { done, measured })?;
            writeln!(out)?;
            return Ok(print(&out)?);
        }
        let how = match outcome {
            Outcome::Published => "published",
            Outcome::AlreadyPublished => "was published before, and is unchanged,",
        };
        let seconds = done.duration_ms / 1000;
        writeln!(out, "{} {how} as {output}/master.m3u8 ({seconds} s)", self.input.display())?;
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
        if let Some(pictures) = &done.pictures {
            writeln!(out, "  pictures {}", pictures.poster)?;
        }
        for warning in &done.warnings {
            writeln!(out, "  note: {warning}")?;
        }
        if let Some(measured) = measured {
            measured.tell(&mut out)?;
        }
        Ok(print(&out)?)
    }
}

fn output_place(output: &Path) -> anyhow::Result<OutputPlace> {
    let place = match output.to_str() {
        Some(url) => url.parse()?,
        None => OutputPlace::Directory(std::path::absolute(output)?),
    };
    if let OutputPlace::Directory(directory) = &place
        && directory.exists()
        && !directory.is_dir()
    {
        return Err(Usage(format!("{} is a file: give a directory", output.display())).into());
    }
    Ok(place)
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
    let name = part_names(plan).done();
    let object = store.get(&name).await?.with_context(|| format!("{name} is gone"))?;
    ours(&name, &object.bytes)
}

fn part_names(plan: &PlanId) -> PartNames {
    PresentationNames::new(&PresentationName::root()).part(1, plan)
}

fn ours<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> anyhow::Result<T> {
    serde_json::from_slice(bytes).with_context(|| format!("{name} does not read"))
}
