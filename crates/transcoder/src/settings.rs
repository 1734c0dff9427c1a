//! Settings of the daemon: flags, then `TRANSCODER_*` variables (clap reads both), then a TOML file.

use std::path::{Path, PathBuf};

use job::profile::Profile;
use serde::Deserialize;

use crate::args::SettingsFile;
use crate::exit::Usage;
use crate::fleet::FleetKind;

/// Read when no other file is named, if it is there.
const DEFAULT_FILE: &str = "/etc/rec2vod/transcoder.toml";

/// The settings file. Every field is what the flag of the same name says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSettings {
    pub queue: Option<String>,
    pub output: Option<String>,
    pub profile: Option<String>,
    pub slots: Option<u16>,
    pub children: Option<u16>,
    pub visibility_timeout: Option<u32>,
    pub drain: Option<u32>,
    pub scratch: Option<PathBuf>,
    #[serde(default)]
    pub recordings: Vec<String>,
    pub expected_owner: Option<String>,
    pub metrics: Option<String>,
    pub metrics_resolution: Option<u16>,
    pub fleet: Option<FleetKind>,
    pub source_first: Option<bool>,
}

impl FileSettings {
    /// Reads the file that is named, or the default one if it is there.
    pub fn read(file: &SettingsFile) -> anyhow::Result<Self> {
        match &file.config {
            Some(path) => Self::from_file(path),
            None if Path::new(DEFAULT_FILE).is_file() => Self::from_file(Path::new(DEFAULT_FILE)),
            None => Ok(Self::default()),
        }
    }

    fn from_file(path: &Path) -> anyhow::Result<Self> {
        let unusable = |reason: String| {
            Usage(format!("the settings in {} cannot be used: {reason}", path.display()))
        };
        let text = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
        Ok(toml::from_str(&text).map_err(|error| unusable(error.to_string()))?)
    }
}

/// A setting that has no default.
pub fn required(value: Option<String>, name: &str) -> Result<String, Usage> {
    value.ok_or_else(|| {
        let variable = name.to_uppercase();
        Usage(format!("no {name} is set: give --{name}, TRANSCODER_{variable} or '{name}' in the settings file"))
    })
}

/// The profile of a name or in a file.
pub fn profile(name: &str) -> Result<Profile, Usage> {
    if let Some(shipped) = Profile::shipped(name) {
        return shipped.map_err(|error| Usage(error.to_string()));
    }
    let is_path = name.contains('/') || Path::new(name).extension().is_some_and(|e| e == "toml");
    if !is_path {
        let known = Profile::shipped_names().collect::<Vec<_>>().join(", ");
        return Err(Usage(format!(
            "there is no profile {name:?}: use {known}, or the path of a TOML file"
        )));
    }
    let text = std::fs::read_to_string(name)
        .map_err(|error| Usage(format!("the profile {name} cannot be read: {error}")))?;
    Profile::parse(&text).map_err(|error| Usage(format!("{name}: {error}")))
}

/// As many children as there are cores, unless told otherwise.
pub fn children(asked: Option<u16>) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    asked.map_or_else(cores, usize::from)
}
