//! `transcoder status`: how full the queue is.

use std::io::{IsTerminal, Write as _};
use std::time::Duration;

use job::ports::{DeadLetter, Depth, QueueError};
use serde::Serialize;

use crate::args::{SettingsFile, Status};
use crate::exit::NoInput;
use crate::lifecycle;
use crate::output::print;
use crate::places::QueuePlace;
use crate::settings::{FileSettings, required};
use crate::wire::{OpenQueue, Wiring};

/// Time between two looks.
const WATCH: Duration = Duration::from_secs(2);
/// Dead letters that are shown.
const LETTERS: usize = 10;
/// Clears a terminal and goes to its top.
const CLEAR: &str = "\x1b[2J\x1b[H";

#[derive(Serialize)]
struct Seen<'a> {
    queue: &'a str,
    depth: Depth,
    dead_letters: Vec<DeadLetter>,
}

impl Status {
    /// Runs the command.
    pub fn run(self, file: &SettingsFile) -> anyhow::Result<()> {
        let file = FileSettings::read(file)?;
        let url = required(self.queue.clone().or(file.queue), "queue")?;
        let place: QueuePlace = url.parse()?;
        if let QueuePlace::Sqlite(path) = &place
            && !path.exists()
        {
            let path = path.display();
            return Err(NoInput(format!(
                "there is no queue in {path}: who sends or receives makes it"
            ))
            .into());
        }
        lifecycle::runtime()?.block_on(async {
            let queue = Wiring::default().queue(&place).await?;
            let mut seen = look(&url, &queue, None).await?;
            self.tell(&seen)?;
            if !self.watch {
                return Ok(());
            }
            loop {
                tokio::time::sleep(WATCH).await;
                match look(&url, &queue, Some(&seen)).await {
                    Ok(now) => seen = now,
                    // It may answer again.
                    Err(error @ QueueError::Unavailable { .. }) => {
                        writeln!(std::io::stderr(), "transcoder: {error}")?;
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                }
                self.tell(&seen)?;
            }
        })
    }

    fn tell(&self, seen: &Seen<'_>) -> anyhow::Result<()> {
        let mut out = Vec::new();
        if self.json {
            serde_json::to_writer(&mut out, seen)?;
            writeln!(out)?;
            return Ok(print(&out)?);
        }
        if self.watch && std::io::stdout().is_terminal() {
            write!(out, "{CLEAR}")?;
        }
        let Depth { visible, in_flight, delayed, dead, oldest_age } = seen.depth;
        writeln!(out, "{}", seen.queue)?;
        for (what, count) in [
            ("waiting", visible),
            ("in flight", in_flight),
            ("delayed", delayed),
            ("dead letters", dead),
        ] {
            writeln!(out, "  {what:<13}{count:>8}")?;
        }
        if let Some(age) = oldest_age {
            writeln!(out, "  {:<13}{:>8} s", "oldest", age.as_secs())?;
        }
        for letter in &seen.dead_letters {
            writeln!(
                out,
                "dead: {} after {} receive(s): {}",
                letter.id,
                letter.receive_count,
                plain(&letter.reason)
            )?;
        }
        let more = dead.saturating_sub(u64::try_from(seen.dead_letters.len())?);
        if more > 0 {
            writeln!(out, "dead: {more} more")?;
        }
        Ok(print(&out)?)
    }
}

/// Dead letters are read only when there are others than `before`: those of SQS are hidden from everybody else meanwhile.
async fn look<'a>(
    url: &'a str,
    queue: &OpenQueue,
    before: Option<&Seen<'a>>,
) -> Result<Seen<'a>, QueueError> {
    let depth = queue.port().depth().await?;
    let dead_letters = match before {
        Some(before) if before.depth.dead == depth.dead => before.dead_letters.clone(),
        _ if depth.dead == 0 => Vec::new(),
        _ => queue.dead_letters(LETTERS).await?,
    };
    Ok(Seen { queue: url, depth, dead_letters })
}

/// A text from outside on a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
