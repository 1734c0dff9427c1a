//! `transcoder check`: the quality bar against what is published.

use std::io::{IsTerminal, Write as _};

use indicatif::{ProgressBar, ProgressDrawTarget};
use job::conformance::{Finding, Severity, check};
use serde::Serialize;

use crate::args::Check;
use crate::exit::BelowBar;
use crate::objects;
use crate::output::print;

#[derive(Serialize)]
struct Checked<'a> {
    blockers: usize,
    warnings: usize,
    decoded: bool,
    /// Whether plan and reports were there to compare with.
    compared: bool,
    findings: &'a [Finding],
}

impl Check {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<()> {
        media::init()?;
        let published = objects::open(&self.presentation)?;
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let facts =
            media::verify::collect(published.as_ref(), !self.no_decode, &mut |done, total| {
                bar.set_length(total as u64);
                bar.set_position(done as u64);
            })?;
        bar.finish_and_clear();
        let findings = check(&facts);
        let blockers =
            findings.iter().filter(|finding| finding.severity == Severity::Blocker).count();
        let summary = Checked {
            blockers,
            warnings: findings.len() - blockers,
            decoded: !self.no_decode,
            compared: facts.expected.is_some(),
            findings: &findings,
        };
        self.tell(&summary)?;
        if blockers > 0 { Err(BelowBar(blockers).into()) } else { Ok(()) }
    }

    fn tell(&self, checked: &Checked<'_>) -> anyhow::Result<()> {
        let mut out = Vec::new();
        if self.json {
            serde_json::to_writer_pretty(&mut out, checked)?;
            writeln!(out)?;
            return Ok(print(&out)?);
        }
        let places = checked.findings.iter().map(|finding| finding.place.chars().count());
        let width = places.max().unwrap_or(0).max("where".len());
        if !checked.findings.is_empty() {
            writeln!(out, "{:<7} {:<11} {:<width$} what", "", "item", "where")?;
        }
        for finding in checked.findings {
            let severity = match finding.severity {
                Severity::Blocker => "BLOCKER",
                Severity::Warning => "warning",
            };
            let Finding { item, place, sentence, .. } = finding;
            writeln!(out, "{severity:<7} {item:<11} {place:<width$} {sentence}")?;
        }
        let how = match (checked.decoded, checked.compared) {
            (true, true) => "read, decoded and compared with plan and reports",
            (true, false) => "read and decoded",
            (false, true) => "read and compared with plan and reports",
            (false, false) => "read",
        };
        writeln!(out, "{how}: {} blocker(s), {} warning(s)", checked.blockers, checked.warnings)?;
        Ok(print(&out)?)
    }
}
