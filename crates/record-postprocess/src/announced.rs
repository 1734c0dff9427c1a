//! A recording as it is announced: where it lies, and whose it is.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::names::{as_text, split_epoch, unescaped};
use crate::settings::SettingsError;

/// A recording that nginx, or a look into its directory, says is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Where it lies, absolute.
    pub path: PathBuf,
    /// nginx's application.
    pub app: String,
    /// The stream's name, raw.
    pub stream: String,
    /// Epoch seconds at which nginx opened the file, if its name says so; the file's modification time serves otherwise.
    pub session: Option<String>,
    /// Found rather than announced.
    pub recovered: bool,
}

impl Announced {
    /// What the hook is told. An empty `basename` is that of the path, an empty `name` is that of the basename.
    pub fn by_hook(
        path: &OsStr,
        basename: Option<&OsStr>,
        app: &str,
        name: Option<&OsStr>,
    ) -> Result<Self, SettingsError> {
        let path = std::path::absolute(path).map_err(SettingsError::WorkingDirectory)?;
        let basename = match basename {
            Some(basename) if !basename.is_empty() => as_text(basename),
            _ => stem(&path),
        };
        let (unique_off, session) = split_epoch(&basename);
        let stream = match name {
            Some(name) if !name.is_empty() => as_text(name),
            _ => unescaped(unique_off),
        };
        Ok(Self {
            path,
            app: app.to_owned(),
            stream,
            session: session.map(str::to_owned),
            recovered: false,
        })
    }

    /// A recording that was found at an absolute path.
    pub fn orphan(path: PathBuf, app: &str) -> Self {
        let basename = stem(&path);
        let (name, session) = split_epoch(&basename);
        Self {
            app: app.to_owned(),
            stream: unescaped(name),
            session: session.map(str::to_owned),
            recovered: true,
            path,
        }
    }
}

/// nginx's `$basename`: cut at the last dot.
fn stem(path: &Path) -> String {
    path.file_stem().map(as_text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_and_session_follow_from_what_is_given() {
        for (basename, name, stream, session) in [
            (Some("cam-1795326084"), None, "cam", Some("1795326084")),
            (Some("cam-1795326084"), Some(""), "cam", Some("1795326084")),
            (Some("cam-1795326084"), Some("cam"), "cam", Some("1795326084")),
            (Some("a%2Fb-1795326084"), None, "a/b", Some("1795326084")),
            (Some("a%2Fb"), Some("a%2Fb"), "a%2Fb", None),
            (Some("cam"), Some("-1795326084"), "-1795326084", None),
            (None, None, "file", Some("1700000000")),
            (Some(""), None, "file", Some("1700000000")),
        ] {
            let path = OsStr::new("/rec/file-1700000000.flv");
            let (basename, name) = (basename.map(OsStr::new), name.map(OsStr::new));
            let announced = Announced::by_hook(path, basename, "live", name).unwrap();
            assert_eq!(
                (announced.stream.as_str(), announced.session.as_deref()),
                (stream, session)
            );
        }
    }

    #[test]
    fn an_orphan_is_named_by_its_file() {
        let orphan = Announced::orphan(PathBuf::from("/rec/a%20b-1795326084.flv"), "live");
        assert_eq!((orphan.stream.as_str(), orphan.recovered), ("a b", true));
        assert_eq!(orphan.session.as_deref(), Some("1795326084"));
    }
}
