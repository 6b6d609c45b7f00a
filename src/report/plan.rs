//! The dry run: what would be done, wave by wave, why, and how long it would take.
use super::conflicts::{self, ConflictPair};
use super::json;
use super::line::Line;
use super::style::{Ink, Mark, Style};
use super::words;
use crate::base::english::count;
use crate::base::{AgentName, LayerName, Reason, SpecName, StageName};
use crate::event::Verdict;
use serde::Serialize;
use std::io;

/// A plan, as `-n`, `--explain` and `plan` show it. All times are milliseconds.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct PlanReport {
    /// The branch that results would land on.
    pub base: String,
    /// The commit that was judged.
    pub commit: String,
    /// The wanted specs, in topological order.
    pub specs: Vec<PlanSpec>,
    /// The most specs of one wave that must or may run.
    pub width: u32,
    /// The longest chain of what must or may run, as `051:plan` and `051:land`.
    pub critical_path: Vec<String>,
    /// How long that chain takes, if it can be told.
    pub critical_millis: Option<u64>,
    /// How long it all takes, by jobs.
    pub expected: Vec<ExpectedTime>,
    /// What agents are expected to cost, if that is known of any.
    pub expected_cost: Option<ExpectedCost>,
    /// Ingredient files with edits not yet committed, judged as if they were.
    pub uncommitted: Vec<String>,
    /// Specs that may run at once and are likely to collide.
    pub conflicts: Vec<ConflictPair>,
    /// Other things to know.
    pub notes: Vec<String>,
}

/// A spec of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanSpec {
    /// Its name.
    pub spec: SpecName,
    /// Its layer.
    pub layer: Option<LayerName>,
    /// Its description, first line.
    pub title: Option<String>,
    /// Its wave, from 0.
    pub wave: u32,
    /// The specs that it needs.
    pub needs: Vec<SpecName>,
    /// Its wanted stages, in order.
    pub stages: Vec<PlanStage>,
    /// Its landing, if one is wanted.
    pub land: Option<Verdict>,
}

/// A stage of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanStage {
    /// Its name.
    pub stage: StageName,
    /// The forecast.
    pub verdict: Verdict,
    /// The agent it would go to.
    pub agent: Option<AgentName>,
    /// The model, if one is set.
    pub model: Option<String>,
    /// How long it is expected to take.
    pub millis: Option<u64>,
}

/// How long a plan takes with so many jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ExpectedTime {
    /// Agents and commands at once.
    pub jobs: u32,
    /// How long, in milliseconds.
    pub millis: u64,
}

/// What a plan costs, going by what its stages, or stages of those names, cost the last time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ExpectedCost {
    /// In USD, of the stages whose cost is known.
    pub usd: f64,
    /// Stages of agents whose cost is known.
    pub known: u32,
    /// Stages of agents whose cost is not.
    pub unknown: u32,
}

/// How much of a plan is shown to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// What must or may run.
    Work,
    /// Also what is up to date.
    All,
}

impl PlanSpec {
    /// Every verdict on it, its landing's last.
    pub fn verdicts(&self) -> impl Iterator<Item = &Verdict> {
        self.stages.iter().map(|stage| &stage.verdict).chain(&self.land)
    }

    /// The first stage of it, or its landing, that stopped until a person does something, and why.
    pub fn held(&self) -> Option<(&str, &str)> {
        let stages = self.stages.iter().map(|stage| (stage.stage.as_str(), &stage.verdict));
        let mut all = stages.chain(self.land.as_ref().map(|land| (crate::view::LAND, land)));
        all.find_map(|(name, verdict)| match verdict {
            Verdict::OutOfDate { reasons } => reasons.iter().find_map(|reason| match reason {
                Reason::Held { why } => Some((name, why.as_str())),
                _ => None,
            }),
            _ => None,
        })
    }

    /// Whether nothing of it must or may run.
    pub fn is_up_to_date(&self) -> bool {
        self.verdicts().all(|verdict| matches!(verdict, Verdict::UpToDate { .. }))
    }
}

impl PlanReport {
    /// Whether nothing must or may run: what `-q` asks.
    pub fn is_up_to_date(&self) -> bool {
        self.specs.iter().all(PlanSpec::is_up_to_date)
    }

    /// Writes the plan as one JSON document.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_json(&self, out: &mut dyn io::Write) -> io::Result<()> {
        json::document(self, out)
    }

    /// Writes the plan for people, each line cut to `width` columns; in full where all is to be explained.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_human(
        &self,
        detail: Detail,
        style: &Style,
        width: usize,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        let width = if detail == Detail::All { usize::MAX } else { width };
        for line in self.lines(detail, style) {
            writeln!(out, "{}", line.fit(width, style))?;
        }
        Ok(())
    }

    fn lines(&self, detail: Detail, style: &Style) -> Vec<Line> {
        let mut lines = Vec::new();
        let shown = |spec: &&PlanSpec| detail == Detail::All || !spec.is_up_to_date();
        let mut waves: Vec<u32> = self.specs.iter().filter(shown).map(|spec| spec.wave).collect();
        waves.sort_unstable();
        waves.dedup();
        for wave in waves {
            let specs: Vec<&PlanSpec> = self.specs.iter().filter(shown).filter(|s| s.wave == wave).collect();
            let head = format!("wave {wave}");
            lines.push(
                Line::new()
                    .ink(Ink::Strong, head)
                    .ink(Ink::Faint, format!(", {}", count(specs.len(), "spec"))),
            );
            specs.iter().for_each(|spec| spec.push_lines(detail, style, &mut lines));
        }
        self.push_totals(style, &mut lines);
        lines
    }

    fn push_totals(&self, style: &Style, lines: &mut Vec<Line>) {
        let of = |test: fn(&Verdict) -> bool| {
            self.specs.iter().flat_map(PlanSpec::verdicts).filter(|verdict| test(verdict)).count()
        };
        let must = of(|verdict| matches!(verdict, Verdict::OutOfDate { .. }));
        let may = of(|verdict| matches!(verdict, Verdict::MayRun { .. }));
        let fine = of(|verdict| matches!(verdict, Verdict::UpToDate { .. }));
        if must + may == 0 {
            lines.push(Line::marked(Mark::UpToDate, style).text("nothing to do"));
        } else {
            let total = format!("{must} to run, {may} may run, {fine} up to date");
            let line = Line::new().ink(Ink::Strong, total);
            lines.push(line.text(format!("; {} in the widest wave", count(self.width as usize, "spec"))));
        }
        if !self.critical_path.is_empty() && must + may > 0 {
            let time = self.critical_millis.map(|millis| format!(" ({})", words::took(millis)));
            let path = self.critical_path.join(&format!(" {} ", style.arrow()));
            lines.push(Line::new().text(format!("longest chain{}: {path}", time.unwrap_or_default())));
        }
        if !self.expected.is_empty() && must + may > 0 {
            let each: Vec<String> =
                self.expected.iter().map(|e| format!("-j{} {}", e.jobs, words::took(e.millis))).collect();
            lines.push(Line::new().text(format!("expected time: {}", each.join(", "))));
        }
        if let Some(ExpectedCost { usd, known, unknown }) = self.expected_cost.filter(|_| must + may > 0) {
            let of = match unknown {
                0 => String::new(),
                _ => format!(", for {known} of {}", count((known + unknown) as usize, "stage")),
            };
            lines.push(Line::new().text(format!("expected cost: {}{of}", words::usd(usd))));
        }
        for path in &self.uncommitted {
            let line = Line::marked(Mark::Warning, style);
            lines.push(line.text(format!("`{path}` is not committed; judged as if it were")));
        }
        lines.extend(conflicts::warnings(&self.conflicts, style));
        for note in &self.notes {
            lines.push(Line::marked(Mark::Warning, style).text(note));
        }
    }
}

impl PlanSpec {
    fn push_lines(&self, detail: Detail, style: &Style, lines: &mut Vec<Line>) {
        let mut head = Line::new().text("  ").ink(Ink::Strong, self.spec.as_str());
        if let Some(title) = &self.title {
            head = head.text("  ").text(title);
        }
        lines.push(head);
        let longest = self.stages.iter().map(|stage| stage.stage.as_str().len()).max().unwrap_or(0);
        let column = 9 + self.spec.as_str().len() + longest.max(4);
        let mut push = |name: &str, verdict: &Verdict, by: Option<String>| {
            if detail == Detail::Work && matches!(verdict, Verdict::UpToDate { .. }) {
                return;
            }
            let mark = Mark::from(verdict);
            let line = Line::new().text("    ").ink(mark.symbol().ink, style.symbol(mark)).text(" ");
            let line = line.text(format!("{}:{name}", self.spec)).to_column(column).text(said(verdict));
            lines.push(line.ink(Ink::Faint, by.unwrap_or_default()));
        };
        for stage in &self.stages {
            push(stage.stage.as_str(), &stage.verdict, stage.by());
        }
        if let Some(land) = &self.land {
            push(crate::view::LAND, land, None);
        }
    }
}

impl PlanStage {
    fn by(&self) -> Option<String> {
        if matches!(self.verdict, Verdict::UpToDate { .. }) {
            return None;
        }
        let agent = self.agent.as_ref().map(ToString::to_string);
        let millis = self.millis.map(words::took);
        let parts: Vec<String> = [agent, self.model.clone(), millis].into_iter().flatten().collect();
        if parts.is_empty() { None } else { Some(format!("  [{}]", parts.join(", "))) }
    }
}

/// Reasons alone: the symbol already says that it is out of date.
fn said(verdict: &Verdict) -> String {
    match verdict {
        Verdict::OutOfDate { reasons } if !reasons.is_empty() => words::reasons(reasons),
        _ => words::verdict(verdict),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::base::Reason;
    use crate::event::Done;
    use crate::report::sample::{id, spec};

    fn stage(name: &str, verdict: Verdict) -> PlanStage {
        let agent = AgentName::new("opencode").ok();
        PlanStage { stage: id(&format!("x:{name}")).stage, verdict, agent, model: None, millis: Some(90_000) }
    }

    /// A plan with each of the three answers.
    pub(in crate::report) fn sample() -> PlanReport {
        let fine = Verdict::UpToDate { how: Done::Ran };
        let changed = Verdict::OutOfDate {
            reasons: vec![Reason::Changed {
                ingredient: "input".into(),
                name: "specs/051-retry/plan.md".into(),
                paths: vec!["specs/051-retry/plan.md".into()],
            }],
        };
        let may = |until: &[&str]| Verdict::MayRun { until: until.iter().map(|u| (*u).to_owned()).collect() };
        let of = |name: &str, wave, stages, land| PlanSpec {
            spec: spec(name),
            layer: None,
            title: Some("Retry with exponential backoff".into()),
            wave,
            needs: vec![],
            stages,
            land: Some(land),
        };
        PlanReport {
            base: "main".into(),
            commit: "c0ffee".into(),
            specs: vec![
                of(
                    "050-partial",
                    0,
                    vec![stage("plan", fine.clone()), stage("implement", fine.clone())],
                    fine.clone(),
                ),
                of(
                    "051-retry",
                    0,
                    vec![stage("plan", fine), stage("implement", changed)],
                    Verdict::OutOfDate { reasons: vec![Reason::NotLanded] },
                ),
                of(
                    "060-threads",
                    1,
                    vec![stage("plan", may(&["051-retry"])), stage("implement", may(&["051-retry"]))],
                    may(&["060-threads:implement"]),
                ),
            ],
            width: 1,
            critical_path: ["051-retry:implement", "060-threads:plan"].map(str::to_owned).into(),
            critical_millis: Some(180_000),
            expected: vec![
                ExpectedTime { jobs: 1, millis: 200_000 },
                ExpectedTime { jobs: 2, millis: 180_000 },
            ],
            expected_cost: Some(ExpectedCost { usd: 1.5, known: 2, unknown: 1 }),
            uncommitted: vec!["specs/051-retry/plan.md".into()],
            conflicts: conflicts::tests::sample().pairs,
            notes: vec![],
        }
    }

    fn human(report: &PlanReport, detail: Detail, width: usize) -> String {
        let mut out = Vec::new();
        report.write_human(detail, &Style::PLAIN, width, &mut out).expect("a vector takes it");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn only_work_is_shown() {
        insta::assert_snapshot!(human(&sample(), Detail::Work, 110));
    }

    #[test]
    fn everything_is_explained() {
        insta::assert_snapshot!(human(&sample(), Detail::All, 60));
    }

    #[test]
    fn nothing_to_do() {
        let mut report = sample();
        report.specs.truncate(1);
        report.uncommitted.clear();
        report.conflicts.clear();
        assert!(report.is_up_to_date());
        assert_eq!(human(&report, Detail::Work, 80), "= nothing to do\n");
        assert!(!sample().is_up_to_date());
    }
}
