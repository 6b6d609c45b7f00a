use super::*;
use crate::event::{Event, Scarce};
use crate::report::sample;
use proptest::prelude::*;

const UNICODE: Style = Style { unicode: true, color: false };

fn screen(width: usize, height: usize) -> Screen {
    Screen { width, height }
}

fn block(width: usize, height: usize) -> String {
    render(&View::of(&sample::run()), screen(width, height), 1_090_000, &UNICODE).join("\n")
}

/// A terminal that knows what the face uses: text, line ends, cursor up, erase below.
struct Terminal {
    rows: Vec<String>,
    row: usize,
}

impl Terminal {
    fn after(bytes: &[u8]) -> Self {
        let mut terminal = Self { rows: vec![String::new()], row: 0 };
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '\n' => {
                    terminal.row += 1;
                    if terminal.row == terminal.rows.len() {
                        terminal.rows.push(String::new());
                    }
                }
                '\r' => {}
                '\u{1b}' => {
                    assert_eq!(chars.next(), Some('['));
                    let code: String =
                        chars.by_ref().take_while(|c| !c.is_ascii_alphabetic() || *c == '?').collect();
                    if code.is_empty() {
                        terminal.rows.truncate(terminal.row + 1);
                        terminal.rows[terminal.row].clear();
                    } else {
                        terminal.row -= code.parse::<usize>().expect("a number of rows");
                    }
                }
                c => terminal.rows[terminal.row].push(c),
            }
        }
        terminal
    }
}

#[test]
fn a_wide_terminal() {
    insta::assert_snapshot!(block(100, 20));
}

#[test]
fn what_brakes_the_run_stands_above_the_totals() {
    let mut records = sample::run();
    let at = records.last().map_or(0, |record| record.at);
    let agent = AgentName::new("claude").expect("a name");
    let kind = crate::model::LimitKind::Clock;
    for event in [
        Event::PoolPaused { agent, pool: None, kind, why: "429".into(), until: Some(1_150_000) },
        Event::LoadHigh { what: Scarce::Memory, why: "91 % of memory are in use".into() },
        Event::BudgetReached { spent: 5.25, budget: 5.0 },
    ] {
        records.push(Record { at, event });
    }
    let block = render(&View::of(&records), screen(100, 30), 1_090_000, &UNICODE);
    let text = block.join("\n");
    for line in [
        "`claude` goes on in 1m 00s  429",
        "nothing new starts  91 % of memory",
        "the run has cost 5.25 of 5.00 USD",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let last = |at: usize| &block[block.len() - at];
    assert!(last(2).contains("5.25") && last(1).starts_with('['), "{text}");
    // Where there is little room, the totals are what stays.
    let small = render(&View::of(&records), screen(100, 3), 1_090_000, &UNICODE);
    assert!(small.len() <= 2 && small.last().is_some_and(|line| line.starts_with('[')), "{small:?}");
}

#[test]
fn forty_columns() {
    insta::assert_snapshot!(block(40, 20));
}

#[test]
fn three_lines() {
    insta::assert_snapshot!(block(60, 3));
}

#[test]
fn what_ended_scrolls_above_and_nothing_is_left_below() {
    let mut face = Live::new(UNICODE, Voice::Normal, screen(80, 24));
    let mut plain = super::super::Plain::new(UNICODE, Voice::Normal);
    let (mut out, mut said) = (Vec::new(), Vec::new());
    for record in sample::ended() {
        face.show(&record, &mut out).expect("a vector takes it");
        if !matches!(record.event, Event::Progress { .. }) {
            plain.show(&record, &mut said).expect("a vector takes it");
        }
        face.tick(record.at + 500, screen(80, 24), &mut out).expect("a vector takes it");
    }
    face.finish(&mut out).expect("a vector takes it");
    face.finish(&mut out).expect("a vector takes it");
    assert_eq!(Terminal::after(&out).rows.join("\n"), String::from_utf8(said).expect("text"));
}

#[test]
fn nothing_is_drawn_before_a_run_begins_nor_when_asked_to_be_quiet() {
    let ticked = |voice: Voice, records: &[Record]| {
        let mut face = Live::new(UNICODE, voice, screen(80, 24));
        let mut out = Vec::new();
        records.iter().for_each(|record| face.show(record, &mut out).expect("a vector takes it"));
        out.clear();
        face.tick(2_000_000, screen(80, 24), &mut out).expect("a vector takes it");
        out.len()
    };
    assert_eq!((ticked(Voice::Normal, &[]), ticked(Voice::Quiet, &sample::run())), (0, 0));
    assert!(ticked(Voice::Normal, &sample::run()) > 0);
}

#[test]
fn a_tick_that_changes_nothing_writes_nothing() {
    let mut face = Live::new(UNICODE, Voice::Normal, screen(80, 24));
    let mut out = Vec::new();
    sample::run().iter().for_each(|record| face.show(record, &mut out).expect("a vector takes it"));
    face.tick(2_000_000, screen(80, 24), &mut out).expect("a vector takes it");
    let written = out.len();
    face.tick(2_000_001, screen(80, 24), &mut out).expect("a vector takes it");
    assert_eq!(out.len(), written);
}

#[test]
fn a_narrower_window_erases_the_rows_that_its_lines_now_take() {
    let mut face = Live::new(UNICODE, Voice::Normal, screen(100, 24));
    let mut out = Vec::new();
    sample::run().iter().for_each(|record| face.show(record, &mut out).expect("a vector takes it"));
    face.tick(1_090_000, screen(100, 24), &mut out).expect("a vector takes it");
    let rows: usize = face.drawn.iter().map(|line| columns(line).div_ceil(50)).sum();
    assert!(rows > face.drawn.len(), "the sample must not fit into 50 columns");
    out.clear();
    face.tick(1_091_000, screen(50, 24), &mut out).expect("a vector takes it");
    let text = String::from_utf8(out).expect("text");
    assert!(text.starts_with(&format!("\u{1b}[{rows}A\r\u{1b}[J")), "{text:?}");
}

proptest! {
    #[test]
    fn a_block_stays_within_its_terminal(seen in 0..40_usize, width in 0..220_usize, height in 0..40_usize, color: bool) {
        let records = sample::ended();
        let view = View::of(records.iter().take(seen));
        let lines = render(&view, screen(width, height), 0, &Style { unicode: true, color });
        prop_assert!(lines.len() < height.max(1));
        for line in lines {
            prop_assert!(columns(&line) <= width, "{line}");
        }
    }
}
