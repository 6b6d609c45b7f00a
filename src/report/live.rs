//! The face for a terminal: finished things scroll by, and a block of lines below them is redrawn in place.
//! No alternate screen, so what was said stays in the scroll-back.
use super::line::{self, Line};
use super::plain::narrate;
use super::style::{Ink, Mark, Style};
use super::{Face, Screen, Voice, words};
use crate::base::AgentName;
use crate::event::{Event, Record};
use crate::view::{Pause, SpecView, StageState, StageView, View};
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
        let is_on = self.view.run.is_some() && self.view.end.is_none();
        if !is_on || self.voice == Voice::Quiet {
            return Vec::new();
        }
        render(&self.view, self.screen, self.now, &self.style)
    }

    /// Terminals break drawn lines anew when they get narrower, so the block may stand on more rows by now.
    fn rows(&self) -> usize {
        let width = self.screen.width.max(1);
        self.widths.iter().map(|columns| columns.div_ceil(width).max(1)).sum()
    }

    /// Says a line above the block, which is drawn again as it was: what has changed in it is drawn at the next tick,
    /// since that takes a look at all specs.
    fn say(&mut self, line: &str, out: &mut dyn io::Write) -> io::Result<()> {
        let block = if self.view.end.is_some() { Vec::new() } else { self.drawn.clone() };
        self.draw(Some(line), block, out)
    }

    fn redraw(&mut self, out: &mut dyn io::Write) -> io::Result<()> {
        let block = self.block();
        if block == self.drawn { Ok(()) } else { self.draw(None, block, out) }
    }

    fn draw(&mut self, above: Option<&str>, block: Vec<String>, out: &mut dyn io::Write) -> io::Result<()> {
        let mut text = String::new();
        let rows = self.rows();
        if rows > 0 {
            let _ = write!(text, "\u{1b}[{rows}A");
        }
        if !self.drawn.is_empty() {
            text.push_str("\r\u{1b}[J");
        }
        for line in above.into_iter().chain(block.iter().map(String::as_str)) {
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
        // Ticked tasks are counted in the block.
        let counted = matches!(record.event, Event::Progress { .. });
        let said = narrate(&self.view, record, self.voice, &self.style).filter(|_| !counted);
        match said {
            Some(line) => {
                let line = line.render(&self.style);
                self.say(&line, out)
            }
            None if self.view.end.is_some() => self.redraw(out),
            None => Ok(()),
        }
    }

    fn tick(&mut self, now: u64, screen: Screen, out: &mut dyn io::Write) -> io::Result<()> {
        self.now = now;
        self.screen = screen;
        self.redraw(out)
    }

    fn resume(&mut self) {
        self.drawn.clear();
        self.widths.clear();
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
    let mut found = Found::default();
    view.open().for_each(|spec| found.sort(spec));
    let names = name_width(&found.busy, screen.width);
    let mut block = Vec::new();
    let busy = |step: &Step| busy(step, (names, now), style);
    push_some(&mut block, &found.busy, budget - 1, busy, ("running", style));
    let left = budget - 1 - block.len();
    push_some(
        &mut block,
        &found.for_people,
        left,
        |step| for_people(step, style),
        ("waiting for you", style),
    );
    let left = (budget - 1 - block.len()).min(WAITING);
    push_some(&mut block, &found.waiting, left, |step| waiting(step, now, style), ("waiting", style));
    let left = (budget - 1 - block.len()).min(WAITING);
    block.extend(brakes(view, now, style).into_iter().take(left));
    block.push(totals(view, now, style));
    block.iter().map(|line| line.fit(screen.width, style)).collect()
}

/// A stage or a landing, with its spec and its name.
type Step<'a> = (&'a SpecView, &'a str, &'a StageView);

#[derive(Default)]
struct Found<'a> {
    busy: Vec<Step<'a>>,
    for_people: Vec<Step<'a>>,
    waiting: Vec<Step<'a>>,
}

impl<'a> Found<'a> {
    fn sort(&mut self, spec: &'a SpecView) {
        for (name, step) in spec.steps() {
            let group = match step.state {
                StageState::Running | StageState::Landing { .. } => &mut self.busy,
                StageState::Gate | StageState::Held { .. } | StageState::Colliding { .. } => {
                    &mut self.for_people
                }
                StageState::Waiting { .. } => &mut self.waiting,
                _ => continue,
            };
            group.push((spec, name, step));
        }
    }
}

/// Draws as many of the steps as there is room for; where it is not enough, the last line counts the rest.
fn push_some(
    block: &mut Vec<Line>,
    steps: &[Step<'_>],
    room: usize,
    draw: impl Fn(&Step<'_>) -> Line,
    (what, style): (&str, &Style),
) {
    let shown = if steps.len() <= room { steps.len() } else { room.saturating_sub(1) };
    block.extend(steps.iter().take(shown).map(draw));
    if shown < steps.len() && room > 0 {
        let more = steps.len() - shown;
        block.push(Line::new().ink(Ink::Faint, format!("{} {more} more {what}", style.ellipsis())));
    }
}

fn name_width(busy: &[Step<'_>], width: usize) -> usize {
    let longest = busy.iter().map(|(spec, name, _)| spec.name.as_str().len() + 1 + name.len()).max();
    longest.unwrap_or(0).min(width / 2)
}

fn busy((spec, name, step): &Step<'_>, (names, now): (usize, u64), style: &Style) -> Line {
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
        if let Some(climbed) = words::climbed(attempt.number, attempt.of, &attempt.step) {
            line = line.ink(Ink::Attention, format!("  {climbed}"));
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

fn for_people((spec, name, step): &Step<'_>, style: &Style) -> Line {
    let mark = Mark::from(&step.state);
    let line = Line::marked(mark, style).ink(Ink::Strong, format!("{}:{name}", spec.name)).text("  ");
    match &step.state {
        StageState::Gate => line.text(format!("specmake approve {}:{name}", spec.name)),
        StageState::Colliding { why, .. } => line.text(why),
        StageState::Held { next, .. } => line.ink(mark.symbol().ink, "held").text(": ").text(next),
        _ => line,
    }
}

fn waiting((spec, name, step): &Step<'_>, now: u64, style: &Style) -> Line {
    let line = Line::marked(Mark::Waiting, style).text(format!("{}:{name}", spec.name));
    match &step.state {
        StageState::Waiting { on } => line.ink(Ink::Faint, format!("  waits for {}", words::waits(on, now))),
        _ => line,
    }
}

/// What keeps anything new from starting, with its countdown.
fn brakes(view: &View, now: u64, style: &Style) -> Vec<Line> {
    let line = || Line::marked(Mark::Waiting, style);
    let paused = |(agent, pause): (&AgentName, &Pause)| {
        let who = words::paused(agent, pause.pool.as_ref());
        let line = line().ink(Ink::Attention, format!("{who} {}", words::goes_on(pause.until, now)));
        line.ink(Ink::Faint, format!("  {}", pause.why))
    };
    let mut lines: Vec<Line> = view.brakes.pauses.iter().map(paused).collect();
    let short =
        |why: &String| line().ink(Ink::Attention, "nothing new starts").ink(Ink::Faint, format!("  {why}"));
    lines.extend(view.brakes.short_of.values().map(short));
    lines.extend(
        view.brakes.budget.map(|(spent, budget)| line().ink(Ink::Attention, words::budget(spent, budget))),
    );
    lines
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
