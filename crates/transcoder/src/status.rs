//! `transcoder status`: how full the queue is.

use std::io::{IsTerminal, Write as _};
use std::time::Duration;

use job::ports::{DeadLetter, Depth};
use serde::Serialize;

use crate::args::{SettingsFile, Status};
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
        lifecycle::runtime()?.block_on(async {
            let shutdown = lifecycle::listen()?;
            let queue = Wiring::default().queue(&place).await?;
            loop {
                self.tell(&look(&url, &queue).await?)?;
                let again = tokio::time::timeout(WATCH, shutdown.soft.cancelled());
                if !self.watch || again.await.is_ok() {
                    return Ok(());
                }
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
                letter.id, letter.receive_count, letter.reason
            )?;
        }
        let more = dead.saturating_sub(u64::try_from(seen.dead_letters.len())?);
        if more > 0 {
            writeln!(out, "dead: {more} more")?;
        }
        Ok(print(&out)?)
    }
}

async fn look<'a>(url: &'a str, queue: &OpenQueue) -> anyhow::Result<Seen<'a>> {
    let depth = queue.port().depth().await?;
    // A queue of dead letters that is empty, or none at all, need not be read.
    let dead_letters =
        if depth.dead == 0 { Vec::new() } else { queue.dead_letters(LETTERS).await? };
    Ok(Seen { queue: url, depth, dead_letters })
}
