//! A progress bar on a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use worker::progress::{Observer, Phase, Progress};

/// Shows a job's progress as a bar on standard error; nothing where that is no terminal.
pub struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// A bar that has not begun.
    pub fn new() -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(style());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

fn style() -> ProgressStyle {
    let template =
        "{spinner} {prefix:<10} [{bar:32}] {percent:>3} %  {msg}  {elapsed} gone, {eta} left";
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

impl Observer for Bar {
    fn progressed(&self, progress: &Progress) {
        self.bar.set_prefix(progress.phase.name());
        if progress.phase != Phase::Encoding {
            return;
        }
        self.bar.set_length(progress.total_frames);
        self.bar.set_position(progress.frames);
        let speed = progress
            .realtime_factor
            .map_or(String::new(), |factor| format!(", {factor:.1}x realtime"));
        self.bar.set_message(format!("chunk {}/{}{speed}", progress.chunks, progress.total_chunks));
    }
}
