//! What a child says on its pipes, in bounded memory whatever it says.

use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::engine::OnFrames;

/// How much of the end of a child's standard error is kept.
const LAST_WORDS: usize = 4 << 10;
/// Longest line of progress; longer ones are no progress.
const LONGEST_LINE: usize = 256;

#[derive(Deserialize)]
struct Frames {
    frames: u32,
}

/// Reads lines of `{"frames":N}` to the end. What is no such line is passed over.
pub(crate) async fn read_frames(pipe: Option<impl AsyncRead + Unpin>, progress: OnFrames<'_>) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = [0; 4096];
    let mut line = Vec::with_capacity(LONGEST_LINE);
    while let Some(bytes) = read(&mut pipe, &mut buffer).await {
        for byte in bytes {
            if *byte != b'\n' {
                // One byte over the limit is kept as the sign that the line is too long.
                if line.len() <= LONGEST_LINE {
                    line.push(*byte);
                }
                continue;
            }
            if line.len() <= LONGEST_LINE
                && let Ok(Frames { frames }) = serde_json::from_slice(&line)
            {
                progress(frames);
            }
            line.clear();
        }
    }
}

/// The end of what a child wrote to its standard error.
#[derive(Debug, Default)]
pub(crate) struct LastWords(Vec<u8>);

impl LastWords {
    /// Listens to the end.
    pub(crate) async fn listen(&mut self, pipe: Option<impl AsyncRead + Unpin>) {
        let Some(mut pipe) = pipe else { return };
        let mut buffer = [0; 4096];
        while let Some(bytes) = read(&mut pipe, &mut buffer).await {
            self.0.extend_from_slice(bytes);
            let surplus = self.0.len().saturating_sub(LAST_WORDS);
            self.0.drain(..surplus);
        }
    }

    /// The last line, fit for a log and a message attribute: no control characters, never empty.
    pub(crate) fn line(&self) -> String {
        let text = String::from_utf8_lossy(&self.0);
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty());
        let line: String =
            line.unwrap_or("it said nothing").chars().filter(|c| !c.is_control()).collect();
        line
    }
}

/// Some bytes; none at the end. A pipe that cannot be read has ended for us.
async fn read<'a>(pipe: &mut (impl AsyncRead + Unpin), buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    match pipe.read(buffer).await {
        Ok(0) | Err(_) => None,
        Ok(length) => Some(&buffer[..length]),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn progress_is_read_among_noise() {
        let long = format!("{{\"frames\":3{}}}", " ".repeat(LONGEST_LINE));
        let said = format!("{{\"frames\":1}}\nnoise\n{long}\n\n{{\"frames\":2}}\n{{\"frames\":9}}");
        let seen = Mutex::new(Vec::new());
        read_frames(Some(said.as_bytes()), &|frames| seen.lock().unwrap().push(frames)).await;
        assert_eq!(*seen.lock().unwrap(), [1, 2], "the last line has no end, so it may be cut");
    }

    #[tokio::test]
    async fn last_words_are_short_and_clean() {
        for (said, line) in [
            ("", "it said nothing"),
            ("first\nno keyframe\n\n", "no keyframe"),
            ("\u{1b}[31mred\u{7}\n", "[31mred"),
        ] {
            let mut words = LastWords::default();
            words.listen(Some(said.as_bytes())).await;
            assert_eq!(words.line(), line);
        }
        let mut words = LastWords::default();
        words.listen(Some("x".repeat(1 << 20).as_bytes())).await;
        assert_eq!(words.line().len(), LAST_WORDS);
    }
}
