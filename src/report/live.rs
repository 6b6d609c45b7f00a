//! The face for a terminal: finished things scroll by, and a block of lines below them is redrawn in place.
//! No alternate screen, so what was said stays in the scroll-back.
use super::line::{self, Line};
use super::plain::narrate;
use super::style::{Ink, Mark, Style};
use super::{Face, Screen, Voice, words};
use crate::event::Record;
use crate::view::{SpecView, StageState, StageView, View};
use std::fmt::Write as _;
use std::io;

/// The most lines spent on what waits.
const WAITING: usize = 4;

/// The live face.
#[derive(Debug)]
pub struct Live {
    view: View,
    style: Style,
    voice: Voice,
    screen: Screen,
    drawn: Vec<String>,
    widths: Vec<usize>,
    now: u64,
}

impl Live {
    /// A face for a terminal of this size, with nothing seen yet.
    pub fn new(style: Style, voice: Voice, screen: Screen) -> Self {
        let view = View::default();
        Self { view, style, voice, screen, drawn: Vec::new(), widths: Vec::new(), now: 0 }
    }

    fn block(&self) -> Vec<String> {
        if self.view.end.is_some() || self.voice == Voice::Quiet {
            return Vec::new();
        }
        render(&self.view, self.screen, self.now, &self.style)
    }

    /// Terminals break drawn lines anew when they get narrower, so the block may stand on more rows by now.
    fn rows(&self) -> usize {
        let width = self.screen.width.max(1);
        self.widths.iter().map(|columns| columns.div_ceil(width).max(1)).sum()
    }

    fn redraw(&mut self, above: Option<String>, out: &mut dyn io::Write) -> io::Result<()> {
        let block = self.block();
        if above.is_none() && block == self.drawn {
            return Ok(());
        }
        let mut text = String::new();
        let rows = self.rows();
        if rows > 0 {
            let _ = write!(text, "\u{1b}[{rows}A");
        }
        if !self.drawn.is_empty() {
            text.push_str("\r\u{1b}[J");
        }
        for line in above.iter().chain(&block) {
            text.push_str(line);
            text.push('\n');
        }
        self.widths = block.iter().map(|line| columns(line)).collect();
        self.drawn = block;
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

impl Face for Live {
    fn show(&mut self, record: &Record, out: &mut dyn io::Write) -> io::Result<()> {
        self.view.apply(record);
        self.now = self.now.max(record.at);
        let said = narrate(&self.view, record, self.voice, &self.style);
        match said {
            Some(line) => {
                let line = line.render(&self.style);
                self.redraw(Some(line), out)
            }
            None if self.view.end.is_some() => self.redraw(None, out),
            None => Ok(()),
        }
    }

    fn tick(&mut self, now: u64, screen: Screen, out: &mut dyn io::Write) -> io::Result<()> {
        self.now = now;
        self.screen = screen;
        self.redraw(None, out)
    }

    fn finish(&mut self, out: &mut dyn io::Write) -> io::Result<()> {
        let rows = self.rows();
        self.widths.clear();
        if std::mem::take(&mut self.drawn).is_empty() {
            return Ok(());
        }
        write!(out, "\u{1b}[{rows}A\r\u{1b}[J")?;
        out.flush()
    }
}

/// The block of a view: at most `height - 1` lines, so that the cursor stands below it, each within the width.
pub fn render(view: &View, screen: Screen, now: u64, style: &Style) -> Vec<String> {
    let budget = screen.height.saturating_sub(1);
    if budget == 0 || screen.width == 0 {
        return Vec::new();
    }
    let mut running: Vec<Line> = Vec::new();
    let mut people: Vec<Line> = Vec::new();
    let mut waiting: Vec<Line> = Vec::new();
    let names = name_width(view, screen.width);
    for spec in view.specs.values() {
        for (name, step) in spec.steps() {
            match &step.state {
                StageState::Running | StageState::Landing { .. } => {
                    running.push(busy(spec, name, step, (names, now), style));
                }
                StageState::Gate | StageState::Held { .. } | StageState::Colliding { .. } => {
                    people.push(for_people(spec, name, step, style));
                }
                StageState::Waiting { on } => {
                    let line = Line::marked(Mark::Waiting, style).text(format!("{}:{name}", spec.name));
                    waiting.push(line.ink(Ink::Faint, format!("  waits for {}", words::waits(on, now))));
                }
                _ => {}
            }
        }
    }
    let mut block = Vec::new();
    let left = budget - 1;
    push_some(&mut block, running, left, "running", style);
    let left = budget - 1 - block.len();
    push_some(&mut block, people, left, "waiting for you", style);
    let left = (budget - 1 - block.len()).min(WAITING);
    push_some(&mut block, waiting, left, "waiting", style);
    block.push(totals(view, now, style));
    block.iter().map(|line| line.fit(screen.width, style)).collect()
}

fn push_some(block: &mut Vec<Line>, lines: Vec<Line>, room: usize, what: &str, style: &Style) {
    if lines.len() <= room {
        block.extend(lines);
        return;
    }
    let Some(shown) = room.checked_sub(1) else { return };
    let more = lines.len() - shown;
    block.extend(lines.into_iter().take(shown));
    block.push(Line::new().ink(Ink::Faint, format!("{} {more} more {what}", style.ellipsis())));
}

fn name_width(view: &View, width: usize) -> usize {
    let longest = view.specs.values().flat_map(|spec| {
        let busy = spec.steps().filter(|(_, step)| step.running().is_some());
        busy.map(|(name, _)| spec.name.as_str().len() + 1 + name.len())
    });
    longest.max().unwrap_or(0).min(width / 2)
}

fn busy(spec: &SpecView, name: &str, step: &StageView, (names, now): (usize, u64), style: &Style) -> Line {
    let time = words::elapsed(now.saturating_sub(step.since));
    if let StageState::Landing { phase } = step.state {
        let line =
            Line::marked(Mark::Landing, style).ink(Ink::Strong, spec.name.as_str()).to_column(names + 2);
        return line.text(format!("  {time:>7}  {}", words::phase(phase)));
    }
    let who = format!("{}:{name}", spec.name);
    let line = Line::marked(Mark::Running, style).ink(Ink::Strong, who).to_column(names + 2);
    let mut line = line.text(format!("  {time:>7}"));
    if let Some((done, total)) = step.progress {
        line = line.ink(Ink::Good, format!("  {done}/{total}"));
    }
    if let Some(attempt) = step.attempts.last() {
        if attempt.number > 1 {
            line = line.ink(Ink::Attention, format!("  {} {}", attempt.step, attempt.number));
        }
        if let Some(agent) = attempt.agent.as_ref().filter(|_| step.line.is_none()) {
            line = line.ink(Ink::Faint, format!("  {agent}"));
        }
    }
    match &step.line {
        Some(said) => line.ink(Ink::Faint, format!("  {said}")),
        None => line,
    }
}

fn for_people(spec: &SpecView, name: &str, step: &StageView, style: &Style) -> Line {
    let mark = Mark::from(&step.state);
    let line = Line::marked(mark, style).ink(Ink::Strong, format!("{}:{name}", spec.name)).text("  ");
    match &step.state {
        StageState::Gate => line.text(format!("specmake approve {}:{name}", spec.name)),
        StageState::Colliding { why, .. } => line.text(why),
        StageState::Held { next, .. } => line.ink(mark.symbol().ink, "held").text(": ").text(next),
        _ => line,
    }
}

fn totals(view: &View, now: u64, style: &Style) -> Line {
    let counts = view.counts();
    let mut line = Line::new().ink(Ink::Strong, format!("[{}/{}]", counts.steps_done, counts.steps));
    let parts = [
        (counts.running, Mark::Running),
        (counts.waiting, Mark::Waiting),
        (counts.held, Mark::Held),
        (counts.failed, Mark::Failed),
        (counts.blocked, Mark::Blocked),
        (counts.landed, Mark::Landed),
        (counts.delivered, Mark::Delivered),
    ];
    let mut between = " ";
    for (number, mark) in parts {
        if number > 0 {
            let symbol = mark.symbol();
            line = line.text(between).ink(symbol.ink, format!("{number} {}", symbol.word));
            between = ", ";
        }
    }
    match &view.run {
        Some(run) => line
            .ink(Ink::Faint, format!(" {} {}", dash(style), words::elapsed(now.saturating_sub(run.started)))),
        None => line,
    }
}

fn dash(style: &Style) -> &'static str {
    if style.unicode { "·" } else { "-" }
}

/// Columns of a line that may hold colours.
fn columns(painted: &str) -> usize {
    let mut rest = painted;
    let mut sum = 0;
    while let Some(start) = rest.find('\u{1b}') {
        sum += line::columns(&rest[..start]);
        rest = rest[start..].split_once('m').map_or("", |(_, after)| after);
    }
    sum + line::columns(rest)
}

#[cfg(test)]
mod tests;
