//! Settings: flags, then `RECORD_POSTPROCESS_*` variables (clap reads both), then the file.

mod aws;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use crate::arguments::SettingsArguments;
use crate::destination::{AwsOptions, Destination, NoDestination};
use crate::names::as_text;

use aws::AwsTable;

/// Read if no other file is named, and if it is there.
const DEFAULT_FILE: &str = "/etc/rec2vod/record-postprocess.toml";

/// Permissions of those who are neither owner nor in the group.
const FOR_OTHERS: u32 = 0o007;

const DEFAULT_APP: &str = "live";

/// nginx writes to a live recording at least at every keyframe.
const DEFAULT_SETTLE_SECONDS: u64 = 120;

/// What a command works with.
#[derive(Debug)]
pub struct Settings {
    /// Directory that recordings are moved to.
    pub spool: PathBuf,
    /// Where recordings and messages go.
    pub destination: Destination,
    /// nginx's application where it is not announced.
    pub app: String,
    /// Where nginx records.
    pub record_path: Option<PathBuf>,
    /// How long a recording must be unchanged to be adopted.
    pub settle: Duration,
}

/// Arguments or settings that make no sense.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("the settings in {path:?} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("the settings in {path:?} are wrong: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// Where and what.
        reason: String,
    },
    /// A setting that cannot be done without.
    #[error("{0} is not set: give it in the settings' file, or see --help")]
    Missing(&'static str),
    /// Half of an access key.
    #[error(
        "access_key_id and secret_access_key in [aws] belong together: set both, or neither to use the instance's role"
    )]
    HalfKey,
    /// Recordings or messages cannot be sent there.
    #[error(transparent)]
    Destination(#[from] NoDestination),
    /// The spool is not there and cannot be made, or its name cannot stand in a message.
    #[error("the spool {path:?} cannot be used: {reason}")]
    Spool {
        /// The directory.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The hook was called without a recording.
    #[error("no recording is given: PATH is empty or missing")]
    NoPath,
    /// A relative path cannot be made absolute.
    #[error("the working directory is unknown: {0}")]
    WorkingDirectory(#[source] io::Error),
}

/// All sources merged, nothing checked yet: where the log is must be known before anything can be complained about.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Merged {
    spool: Option<PathBuf>,
    queue: Option<String>,
    output: Option<String>,
    expected_owner: Option<String>,
    log: Option<PathBuf>,
    app: Option<String>,
    record_path: Option<PathBuf>,
    settle_seconds: Option<u64>,
    #[serde(default, deserialize_with = "aws::table")]
    aws: AwsTable,
    /// The file, if it has a secret that every user of this machine can read.
    #[serde(skip)]
    exposed: Option<PathBuf>,
}

impl Merged {
    /// Reads the file and puts flags and variables over it. An empty flag or variable sets nothing.
    pub fn read(arguments: &SettingsArguments) -> Result<Self, SettingsError> {
        let file = match given(arguments.config.as_ref()) {
            Some(path) => Self::from_file(Path::new(path))?,
            None => Self::from_default_file(Path::new(DEFAULT_FILE))?,
        };
        let path = |value: &Option<OsString>| given(value.as_ref()).map(PathBuf::from);
        let text = |value: &Option<OsString>| given(value.as_ref()).map(|raw| as_text(raw));
        Ok(Self {
            spool: path(&arguments.spool).or(file.spool),
            queue: text(&arguments.queue).or(file.queue),
            output: text(&arguments.output).or(file.output),
            expected_owner: text(&arguments.expected_owner).or(file.expected_owner),
            log: path(&arguments.log).or(file.log),
            app: text(&arguments.app).or(file.app),
            record_path: path(&arguments.record_path).or(file.record_path),
            settle_seconds: arguments.settle_seconds.or(file.settle_seconds),
            aws: AwsTable {
                region: text(&arguments.aws_region).or(file.aws.region),
                endpoint_url: text(&arguments.aws_endpoint_url).or(file.aws.endpoint_url),
                profile: text(&arguments.aws_profile).or(file.aws.profile),
                ..file.aws
            },
            exposed: file.exposed,
        })
    }

    /// The file that events are appended to.
    pub fn log(&self) -> Option<&Path> {
        self.log.as_deref()
    }

    /// Logs what is allowed and unwise.
    pub fn warn(&self) {
        if let Some(path) = &self.exposed {
            tracing::warn!(
                ?path,
                "everybody on this machine can read the secret key in the settings: chmod o-rwx"
            );
        }
    }

    fn from_default_file(path: &Path) -> Result<Self, SettingsError> {
        match Self::from_file(path) {
            Err(SettingsError::Unreadable { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Ok(Self::default())
            }
            result => result,
        }
    }

    fn from_file(path: &Path) -> Result<Self, SettingsError> {
        let unreadable = |source| SettingsError::Unreadable { path: path.to_owned(), source };
        let mut text = String::new();
        let mut file = File::open(path).map_err(unreadable)?;
        file.read_to_string(&mut text).map_err(unreadable)?;
        let mode = file.metadata().map_err(unreadable)?.permissions().mode();
        let mut merged = Self::from_text(path, &text)?;
        if merged.aws.has_secret() && mode & FOR_OTHERS != 0 {
            merged.exposed = Some(path.to_owned());
        }
        Ok(merged)
    }

    fn from_text(path: &Path, text: &str) -> Result<Self, SettingsError> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map(|before| before.matches('\n').count() + 1);
            let place = line.map(|line| format!(" (line {line})")).unwrap_or_default();
            SettingsError::File {
                path: path.to_owned(),
                reason: format!("{}{place}", error.message().replace('\n', " ")),
            }
        })
    }
}

impl TryFrom<Merged> for Settings {
    type Error = SettingsError;

    fn try_from(merged: Merged) -> Result<Self, SettingsError> {
        let options =
            AwsOptions { expected_owner: merged.expected_owner, access: merged.aws.try_into()? };
        let (queue, output) = (merged.queue.as_deref(), merged.output.as_deref());
        Ok(Self {
            spool: merged.spool.ok_or(SettingsError::Missing("spool"))?,
            destination: Destination::parse(queue, output, options)?,
            app: merged.app.unwrap_or_else(|| DEFAULT_APP.to_owned()),
            record_path: merged.record_path,
            settle: Duration::from_secs(merged.settle_seconds.unwrap_or(DEFAULT_SETTLE_SECONDS)),
        })
    }
}

fn given(value: Option<&OsString>) -> Option<&OsString> {
    value.filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str, arguments: SettingsArguments) -> Result<Settings, SettingsError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("settings.toml");
        std::fs::write(&path, file).unwrap();
        let config = Some(path.into_os_string());
        Settings::try_from(Merged::read(&SettingsArguments { config, ..arguments })?)
    }

    #[test]
    fn flags_go_before_the_file_and_empty_ones_set_nothing() {
        let file = "spool = '/a'\nqueue = 'sqlite:/q'\napp = 'studio'\nsettle_seconds = 5";
        let arguments = SettingsArguments {
            spool: Some("/b".into()),
            app: Some("".into()),
            ..SettingsArguments::default()
        };
        let settings = read(file, arguments).unwrap();
        assert_eq!(settings.spool, Path::new("/b"));
        assert_eq!((settings.app.as_str(), settings.settle), ("studio", Duration::from_secs(5)));
    }

    #[test]
    fn what_is_wrong_is_said_in_one_sentence() {
        let good = "spool = '/a'\nqueue = 'sqlite:/q'\n";
        for (file, sentence) in [
            ("spool = '/a'".to_owned(), "neither queue nor output is set"),
            ("queue = 'sqlite:/q'".to_owned(), "spool is not set"),
            (format!("{good}spol = '/b'"), "unknown field `spol`"),
            (format!("{good}settle_seconds = -1"), "(line 3)"),
            (format!("{good}output = '/out'"), "\"/out\" is no output"),
            (format!("{good}output = 's3://b'\nexpected_owner = '1'"), "no AWS account"),
            (format!("{good}[aws]\nregio = 'x'"), "unknown field `regio`"),
            (format!("{good}[aws]\naccess_key_id = 'AKID'"), "belong together"),
            (format!("{good}[aws]\nsecret_access_key = 'hidden'"), "belong together"),
            (format!("{good}[aws]\nsecret_access_key = 471147114711"), "must be text"),
            (format!("aws = 'hidden'\n{good}"), "aws is no table: begin it with a line [aws]"),
            (format!("aws = ['hidden']\n{good}"), "(line 1)"),
            (format!("aws = 471147114711\n{good}"), "no table"),
            ("spool = '/a'\nqueue = 'https://sqs.eu.amazonaws.com/1/q'".to_owned(), "set output"),
        ] {
            let error = read(&file, SettingsArguments::default()).unwrap_err().to_string();
            assert!(error.contains(sentence) && !error.contains('\n'), "{file}: {error}");
            assert!(!error.contains("hidden") && !error.contains("4711"), "{error}");
        }
    }

    #[test]
    fn the_file_alone_says_all_of_aws() {
        let file = "spool = '/a'\noutput = 's3://in/rec'\nexpected_owner = '123456789012'\n[aws]\n\
            region = 'eu-central-1'\nendpoint_url = 'http://127.0.0.1:4566'\nprofile = 'p'\n\
            access_key_id = 'AKID'\nsecret_access_key = 'hidden'";
        let arguments =
            SettingsArguments { aws_region: Some("us-east-1".into()), ..Default::default() };
        let settings = read(file, arguments).unwrap();
        let printed = format!("{settings:?}");
        assert!(printed.contains("AKID") && !printed.contains("hidden"), "{printed}");
        let Destination::S3(to) = settings.destination else { panic!("{printed}") };
        assert_eq!(to.expected_owner.as_deref(), Some("123456789012"));
        let expected = cloud::Settings {
            region: Some("us-east-1".to_owned()),
            endpoint_url: Some("http://127.0.0.1:4566".to_owned()),
            profile: Some("p".to_owned()),
            access_key: Some(cloud::AccessKey {
                id: "AKID".to_owned(),
                secret: "hidden".to_owned(),
            }),
        };
        assert_eq!(to.aws, expected);
    }

    #[test]
    fn only_the_default_file_may_be_missing() {
        let missing = Path::new("/nonexistent/record-postprocess.toml");
        assert!(Merged::from_default_file(missing).is_ok());
        assert!(Merged::from_file(missing).is_err());
    }
}
