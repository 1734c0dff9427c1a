//! What `deploy/setup players` installs: `REC2VOD_PLAYERS_VENV` names the Python environment; without it the tests that need it fail.

use std::fs;
use std::path::PathBuf;

/// The Python environment.
pub fn environment() -> PathBuf {
    let environment = std::env::var_os("REC2VOD_PLAYERS_VENV")
        .expect("REC2VOD_PLAYERS_VENV names what deploy/setup players makes");
    PathBuf::from(environment)
}

/// The newest ffmpeg, which has libvmaf: that of the package imageio-ffmpeg.
pub fn newest_ffmpeg() -> PathBuf {
    let library = fs::read_dir(environment().join("lib")).expect("it is a Python environment");
    let pythons = library.map(|entry| entry.expect("it can be read").path());
    let mut programs = pythons.filter_map(|python| {
        let binaries = fs::read_dir(python.join("site-packages/imageio_ffmpeg/binaries")).ok()?;
        let mut binaries = binaries.map(|entry| entry.expect("it can be read").path());
        binaries.find(|path| path.file_name().is_some_and(|n| n.to_string_lossy().contains("-v9.")))
    });
    programs.next().expect("imageio-ffmpeg==0.8.1 is in the environment")
}
