//! The command line.
//!
//! The hook is the command without a name, and it comes in two forms. The safe one names every value with `--key=VALUE`: nginx
//! takes an argument that begins with `>` or `<` for a redirection, carries it out and removes it, so that a value from outside
//! must never begin an argument. The other is `PATH BASENAME` as older configurations have it; nginx escapes both. There, names
//! such as `-rf` look like options and a stream may be called `sweep`, so exactly two arguments are taken as they are unless the
//! first is a command or an option of ours.

use std::ffi::{OsStr, OsString};

use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::announced::Announced;
use crate::settings::SettingsError;

const EXAMPLES: &str = "\
nginx.conf, the safe form (every value named, so that no stream name can become an option or a redirection):
  exec_record_done /usr/bin/record-postprocess --path=$path --basename=$basename --app=$app --name=$name;

nginx.conf, the short form:
  exec_record_done /usr/bin/record-postprocess $path $basename;

By hand, a name that begins with '-' after flags:
  record-postprocess --config=/etc/rec2vod/record-postprocess.toml -- /rec/-rf-1795326084.flv -rf-1795326084

/etc/rec2vod/record-postprocess.toml (nginx gives its hooks an empty environment):
  spool = \"/var/lib/rec2vod/spool\"           # on the file system of record_path
  queue = \"sqlite:/var/lib/rec2vod/queue/queue.sqlite\"
  log = \"/var/log/rec2vod/record-postprocess.log\"
  record_path = \"/var/lib/rec2vod/recordings\" # for sweep
  settle_seconds = 120
  app = \"live\"

On AWS, recordings go to S3 and our message to SQS, with the credentials of the instance's role:
  queue = \"https://sqs.eu-central-1.amazonaws.com/123456789012/recordings\"
  output = \"s3://recordings-of-mine/in\"      # objects are <output>/<app>/<stream>/<session>.flv
  expected_owner = \"123456789012\"            # the bucket's account, or nothing is sent
  [aws]
  region = \"eu-central-1\"                    # an instance knows its own

On AWS, where the bucket itself sends events to SQS: the same without queue.

Elsewhere, with an access key (let nobody else read the file) or with what stands in for AWS:
  [aws]
  region = \"eu-central-1\"
  access_key_id = \"AKIA...\"
  secret_access_key = \"...\"
  endpoint_url = \"http://127.0.0.1:4566\"

What S3 has and a worker is told of is deleted here. Without output, recordings stay in the spool.

Every setting but the access key can be given as flag, as RECORD_POSTPROCESS_<NAME>, or in the file,
in this order. AWS's own variables and files come last.

A log that cannot be opened keeps nothing from being delivered: events go to standard error then.

Exit codes: 0 delivered, rejected as empty, or announced before; 2 usage or settings; 65 refused (a
link, a pipe); 66 no such recording; 74 the file system; 75 safe in the spool, sweep delivers it.
A recording that reached the spool stays there with 2 as well, until the settings are right";

const SWEEP_EXAMPLES: &str = "\
Examples:
  record-postprocess sweep          as the user that nginx's workers run as, once a minute from a timer
  record-postprocess sweep --record-path=/var/lib/rec2vod/recordings --settle-seconds=30
  record-postprocess sweep --json";

const STATUS_EXAMPLES: &str = "\
Examples:
  record-postprocess status
  record-postprocess status --json | jq '.states[] | select(.state == \"spooled\")'";

/// Makes a finished recording durable in the spool, then sends its message to the queue: the hook of nginx's `exec_record_done`.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    /// The recording that nginx announces.
    #[command(flatten)]
    pub hook: HookArguments,
    /// Settings that the command line overrides.
    #[command(flatten)]
    pub settings: SettingsArguments,
    /// Another command than the hook.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands that have a name.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Deliver what the hook left in the spool, and adopt recordings that it never saw.
    ///
    /// Entries of the spool that are not delivered are delivered. With `record_path` set, recordings there (*.flv) that nobody has
    /// open for writing and that have not changed for `settle_seconds` are then taken into the spool and delivered too. Run it as
    /// the user of nginx's workers: another one cannot see which files they have open. What the spool knows of recordings that S3
    /// has is forgotten after 7 days.
    ///
    /// What fails holds up nothing else, unless all would fail: without region, credentials or a queue that can be used, and after
    /// three recordings in a row that S3 or the queue did not answer for.
    #[command(after_help = SWEEP_EXAMPLES)]
    Sweep {
        /// Print what was done as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what is in the spool, by state.
    #[command(after_help = STATUS_EXAMPLES)]
    Status {
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// The settings that can be given as flags or variables.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Settings")]
pub struct SettingsArguments {
    /// The settings' file; /etc/rec2vod/record-postprocess.toml if there is one.
    #[arg(long, global = true, value_name = "FILE", env = "RECORD_POSTPROCESS_CONFIG")]
    pub config: Option<OsString>,
    /// Directory that recordings are moved to, on the file system of nginx's `record_path`.
    #[arg(long, global = true, value_name = "DIR", env = "RECORD_POSTPROCESS_SPOOL")]
    pub spool: Option<OsString>,
    /// Where messages go: `sqlite:/PATH` or the URL of a queue of SQS; with `output`, S3's events do without it.
    #[arg(long, global = true, value_name = "URL", env = "RECORD_POSTPROCESS_QUEUE")]
    pub queue: Option<OsString>,
    /// Where recordings are uploaded to: `s3://BUCKET/PREFIX`; without it they stay in the spool.
    #[arg(long, global = true, value_name = "URL", env = "RECORD_POSTPROCESS_OUTPUT")]
    pub output: Option<OsString>,
    /// The AWS account that the bucket of `output` must belong to.
    #[arg(long, global = true, value_name = "ACCOUNT", env = "RECORD_POSTPROCESS_EXPECTED_OWNER")]
    pub expected_owner: Option<OsString>,
    /// AWS's region.
    #[arg(long, global = true, value_name = "REGION", env = "RECORD_POSTPROCESS_AWS_REGION")]
    pub aws_region: Option<OsString>,
    /// What stands in for AWS.
    #[arg(long, global = true, value_name = "URL", env = "RECORD_POSTPROCESS_AWS_ENDPOINT_URL")]
    pub aws_endpoint_url: Option<OsString>,
    /// The profile in AWS's shared files.
    #[arg(long, global = true, value_name = "NAME", env = "RECORD_POSTPROCESS_AWS_PROFILE")]
    pub aws_profile: Option<OsString>,
    /// File that events are appended to, one line of JSON each; standard error without it.
    #[arg(long, global = true, value_name = "FILE", env = "RECORD_POSTPROCESS_LOG")]
    pub log: Option<OsString>,
    /// nginx's application ($app) [default: live].
    #[arg(long, global = true, value_name = "APP", env = "RECORD_POSTPROCESS_APP")]
    pub app: Option<OsString>,
    /// Where nginx records, for sweep to look at.
    #[arg(long, global = true, value_name = "DIR", env = "RECORD_POSTPROCESS_RECORD_PATH")]
    pub record_path: Option<OsString>,
    /// How long a recording must be unchanged for sweep to adopt it [default: 120].
    #[arg(long, global = true, value_name = "SECONDS", env = "RECORD_POSTPROCESS_SETTLE_SECONDS")]
    pub settle_seconds: Option<u64>,
}

/// What nginx says about the recording. Any bytes are possible, and any value may be empty.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Recording")]
pub struct HookArguments {
    /// The recording ($path).
    #[arg(value_name = "PATH", requires = "positional_basename", conflicts_with = "path")]
    positional_path: Option<OsString>,
    /// Its name without directory and ending ($basename).
    #[arg(value_name = "BASENAME", conflicts_with = "basename")]
    positional_basename: Option<OsString>,
    /// The recording ($path).
    #[arg(long, value_name = "PATH")]
    path: Option<OsString>,
    /// Its name without directory and ending ($basename).
    #[arg(long, value_name = "BASENAME")]
    basename: Option<OsString>,
    /// The stream's name ($name); BASENAME tells it without.
    #[arg(long, value_name = "NAME")]
    name: Option<OsString>,
}

impl Arguments {
    /// Reads the command line of this process; prints help or what is wrong with it and ends the process if there is nothing to do.
    pub fn from_process() -> Self {
        let arguments = Self::parse_from(separated(std::env::args_os().collect()));
        if arguments.command.is_some() && arguments.hook.is_given() {
            let message = "a recording can be given to the hook only, not to a command";
            Self::command().error(clap::error::ErrorKind::ArgumentConflict, message).exit();
        }
        arguments
    }
}

impl HookArguments {
    /// The announcement; `app` is that of the settings.
    pub fn announced(&self, app: &str) -> Result<Announced, SettingsError> {
        let path = self.path.as_ref().or(self.positional_path.as_ref());
        let path = path.filter(|path| !path.is_empty()).ok_or(SettingsError::NoPath)?;
        let basename = self.basename.as_ref().or(self.positional_basename.as_ref());
        Announced::by_hook(path, basename.map(OsString::as_os_str), app, self.name.as_deref())
    }

    fn is_given(&self) -> bool {
        let values = [
            &self.positional_path,
            &self.positional_basename,
            &self.path,
            &self.basename,
            &self.name,
        ];
        values.iter().any(|value| value.is_some())
    }
}

/// Puts `--` before `PATH BASENAME`, so that neither is taken for an option or a command.
fn separated(arguments: Vec<OsString>) -> Vec<OsString> {
    let [program, path, basename] = arguments.as_slice() else {
        return arguments;
    };
    if is_ours(path) {
        return arguments;
    }
    vec![program.clone(), "--".into(), path.clone(), basename.clone()]
}

/// Whether a first argument is a command or an option rather than a path.
fn is_ours(argument: &OsStr) -> bool {
    let Some(argument) = argument.to_str() else {
        return false;
    };
    let command = Arguments::command();
    let is_command =
        argument == "help" || command.get_subcommands().any(|c| c.get_name() == argument);
    let long = argument.strip_prefix("--").map(|long| long.split('=').next().unwrap_or(long));
    let is_long = |name: &str| {
        ["", "help", "version"].contains(&name)
            || command.get_arguments().any(|option| option.get_long() == Some(name))
    };
    is_command || ["-h", "-V"].contains(&argument) || long.is_some_and(is_long)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Arguments, clap::Error> {
        let all = std::iter::once("record-postprocess").chain(arguments.iter().copied());
        Arguments::try_parse_from(separated(all.map(OsString::from).collect()))
    }

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn two_arguments_are_a_path_and_a_basename_whatever_they_look_like() {
        for (path, basename) in [
            ("/rec/a.flv", "a"),
            ("/rec/-rf.flv", "-rf"),
            ("/rec/--json.flv", "--json"),
            ("/rec/sweep.flv", "sweep"),
            ("-rf.flv", "-rf"),
            ("--x.flv", "--x"),
            ("/rec/a b.flv", ""),
        ] {
            let hook = parsed(&[path, basename]).unwrap().hook;
            assert_eq!(hook.positional_path.as_deref(), Some(OsStr::new(path)));
            assert_eq!(hook.positional_basename.as_deref(), Some(OsStr::new(basename)));
        }
    }

    #[test]
    fn named_values_may_be_anything() {
        for value in ["", "-rf", "--name=x", ">x", "a b", "\u{e4}", "sweep"] {
            let named = |key: &str| format!("--{key}={value}");
            let line = ["path", "basename", "app", "name"].map(named);
            let read = parsed(&line.each_ref().map(String::as_str)).unwrap();
            for read in [read.hook.path, read.hook.basename, read.settings.app, read.hook.name] {
                assert_eq!(read.as_deref(), Some(OsStr::new(value)), "{value:?}");
            }
        }
    }

    #[test]
    fn commands_are_commands() {
        for line in [
            &["sweep"][..],
            &["sweep", "--json"],
            &["--spool=/s", "sweep"],
            &["sweep", "--spool=/s"],
        ] {
            assert!(
                matches!(parsed(line).unwrap().command, Some(Command::Sweep { .. })),
                "{line:?}"
            );
        }
    }

    #[test]
    fn half_an_announcement_is_a_mistake() {
        for line in
            [&["/rec/a.flv"][..], &["swep"], &["/rec/a.flv", "a", "b"], &["--pth=/rec/a.flv"]]
        {
            assert!(parsed(line).is_err(), "{line:?}");
        }
    }
}
