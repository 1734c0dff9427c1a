//! Recordings that ffmpeg makes: small, and each only once for all tests.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use super::ffmpeg::ffmpeg;

const PICTURES: &str = "-f lavfi -i testsrc2=size=320x180:rate=30";
const SOUND: &str = "-f lavfi -i sine=sample_rate=48000";
const H264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 60 -sc_threshold 0";

/// A recording as most are: H.264 of 640x360 with B-frames and an IDR every two seconds, stereo AAC, eight seconds. Scenes change
/// between its keyframes.
pub fn usual() -> PathBuf {
    let scenes =
        "-f lavfi -i testsrc2=size=640x360:rate=30 -f lavfi -i mandelbrot=size=640x360:rate=30";
    let cut = "-filter_complex [0][1]overlay=enable='lt(mod(t,1.4),0.7)'[v] -map [v] -map 2";
    let codecs =
        "-c:v libx264 -preset veryfast -pix_fmt yuv420p -bf 2 -g 60 -sc_threshold 0 -c:a aac -ac 2";
    make("usual.flv", &format!("{scenes} {SOUND} {cut} -t 8 {codecs}"))
}

/// Three seconds of small pictures and sound, for what is not about either.
pub fn short() -> PathBuf {
    make("short.flv", &format!("{PICTURES} {SOUND} -t 3 {H264} -c:a aac -ac 2"))
}

/// Something that takes the program several seconds to encode.
pub fn long() -> PathBuf {
    let pictures = "-f lavfi -i testsrc2=size=854x480:rate=30,noise=alls=20:allf=t";
    make("long.flv", &format!("{pictures} {SOUND} -t 24 {H264} -b:v 3M -c:a aac -ac 2"))
}

/// `short` with other options, which come last: those of a stream that is left out do no harm.
pub fn short_with(name: &str, options: &str) -> PathBuf {
    make(name, &format!("{PICTURES} {SOUND} -t 3 {H264} -c:a aac -ac 2 {options}"))
}

/// What ffmpeg makes of `arguments`, in the format that the name's ending says.
pub fn make(name: &str, arguments: &str) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    (name, arguments).hash(&mut hasher);
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recordings");
    let path = cache.join(format!("{:016x}-{name}", hasher.finish()));
    if path.exists() {
        return path;
    }
    fs::create_dir_all(&cache).expect("the build directory is writable");
    // Tests run in several processes: whoever is done first has made it.
    let unfinished = cache.join(format!("{}-{}-{name}", std::process::id(), hasher.finish()));
    let arguments = arguments.split_whitespace().map(str::to_owned);
    ffmpeg(arguments.chain([unfinished.display().to_string()]));
    fs::rename(&unfinished, &path).expect("the build directory is writable");
    path
}
