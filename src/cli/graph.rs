//! `specmake graph`: the specs, their waves and what they need, for people, Graphviz, Markdown and programs.
use crate::graph::{StageGraph, Wanted};
use crate::model::{Need, Project, Spec, Target};
use serde_json::{Value, json};
use std::io::{self, Write};

/// How to draw the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawing {
    /// Waves, one line a spec.
    Text,
    /// Graphviz.
    Dot,
    /// A Mermaid flowchart.
    Mermaid,
    /// One JSON object.
    Json,
}

/// What is drawn.
pub struct Drawn<'a> {
    project: &'a Project,
    graph: &'a StageGraph,
    /// For each spec that is drawn, by position in the project: its wave.
    waves: Vec<(usize, u32)>,
}

impl<'a> Drawn<'a> {
    /// The part of a project's graph that is wanted.
    pub fn new(project: &'a Project, graph: &'a StageGraph, wanted: &Wanted) -> Self {
        let waves = graph.waves(|place| wanted.contains(place));
        let is_drawn = |spec: usize| {
            let mut places = graph.stages_of(spec).chain([graph.landing_of(spec)]);
            places.any(|place| wanted.contains(place))
        };
        let waves = waves.into_iter().enumerate().filter(|(spec, _)| is_drawn(*spec)).collect();
        Self { project, graph, waves }
    }

    /// Draws it.
    ///
    /// # Errors
    /// The writer's.
    pub fn write(&self, drawing: Drawing, out: &mut dyn Write) -> io::Result<()> {
        match drawing {
            Drawing::Text => self.text(out),
            Drawing::Dot => self.dot(out),
            Drawing::Mermaid => self.mermaid(out),
            Drawing::Json => writeln!(out, "{:#}", self.json()),
        }
    }

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let widest =
            self.waves.iter().map(|(spec, _)| self.spec(*spec).name.as_str().len()).max().unwrap_or(0);
        let last = self.waves.iter().map(|(_, wave)| *wave).max();
        for wave in 0..last.map_or(0, |last| last + 1) {
            writeln!(out, "wave {wave}")?;
            for (spec, _) in self.waves.iter().filter(|(_, of)| *of == wave) {
                let spec = self.spec(*spec);
                let line = format!("  {:widest$}  {}", spec.name, said_of(spec));
                writeln!(out, "{}", line.trim_end())?;
            }
        }
        Ok(())
    }

    fn dot(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "digraph specs {{")?;
        writeln!(out, "  rankdir=LR; compound=true; node [shape=box];")?;
        for (layer, specs) in self.groups() {
            let indent = if let Some(layer) = layer {
                let layer = &self.project.layers[layer];
                writeln!(out, "  subgraph \"cluster_{}\" {{", layer.name)?;
                let title = layer.title.as_deref().unwrap_or(layer.name.as_str());
                writeln!(out, "    label=\"{}\";", quoted(title))?;
                "    "
            } else {
                "  "
            };
            for spec in specs {
                writeln!(out, "{indent}\"{}\";", self.spec(spec).name)?;
            }
            if layer.is_some() {
                writeln!(out, "  }}")?;
            }
        }
        for edge in self.edges() {
            // Graphviz joins nodes, not clusters: the first spec of a layer stands for it, and the line is cut there.
            let (Some(from), Some(to)) = (self.stand_in(&edge.from), self.stand_in(&edge.to)) else {
                continue;
            };
            let mut marks = Vec::new();
            if let Target::Layer(layer) = &edge.from {
                marks.push(format!("ltail=\"cluster_{layer}\""));
            }
            if let Target::Layer(layer) = &edge.to {
                marks.push(format!("lhead=\"cluster_{layer}\""));
            }
            if edge.is_weak {
                marks.push("style=dashed".to_owned());
            }
            let label = edge.label.as_ref().map(|label| format!("label=\"{}\"", quoted(label)));
            marks.extend(label);
            let marks = if marks.is_empty() { String::new() } else { format!(" [{}]", marks.join(", ")) };
            writeln!(out, "  \"{from}\" -> \"{to}\"{marks};")?;
        }
        writeln!(out, "}}")
    }

    fn mermaid(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "flowchart LR")?;
        for (layer, specs) in self.groups() {
            if let Some(layer) = layer {
                let title = self.project.layers[layer].title.as_deref();
                let title = title.unwrap_or(self.project.layers[layer].name.as_str());
                writeln!(out, "  subgraph l{layer}[\"{}\"]", entities(title))?;
            }
            for spec in specs {
                writeln!(out, "    s{spec}[\"{}\"]", self.spec(spec).name)?;
            }
            if layer.is_some() {
                writeln!(out, "  end")?;
            }
        }
        for edge in self.edges() {
            if self.stand_in(&edge.from).is_none() {
                continue;
            }
            let arrow = if edge.is_weak { "-.->" } else { "-->" };
            let label = edge.label.as_ref().map_or_else(String::new, |l| format!("|\"{}\"|", entities(l)));
            let (from, to) = (self.mermaid_name(&edge.from), self.mermaid_name(&edge.to));
            writeln!(out, "  {from} {arrow}{label} {to}")?;
        }
        Ok(())
    }

    fn mermaid_name(&self, target: &Target) -> String {
        match target {
            Target::Spec(name) => {
                format!("s{}", self.project.specs.get_index_of(name).unwrap_or_default())
            }
            Target::Layer(name) => {
                format!("l{}", self.project.layers.get_index_of(name).unwrap_or_default())
            }
        }
    }

    fn json(&self) -> Value {
        let specs = self.waves.iter().map(|(at, wave)| {
            let spec = self.spec(*at);
            let stages: Vec<&str> = spec.stages.iter().map(|stage| stage.name.as_str()).collect();
            json!({
                "spec": spec.name,
                "layer": spec.layer,
                "wave": wave,
                "stages": stages,
                "needs": spec.needs.iter().map(need).collect::<Vec<_>>(),
                "after": spec.after.iter().map(|(to, _)| target(to)).collect::<Vec<_>>(),
                "parked": spec.parked,
            })
        });
        let layers = self.groups().into_iter().filter_map(|(layer, specs)| {
            let layer = &self.project.layers[layer?];
            let specs: Vec<&str> = specs.iter().map(|spec| self.spec(*spec).name.as_str()).collect();
            Some(json!({
                "layer": layer.name,
                "title": layer.title,
                "specs": specs,
                "needs": layer.needs.iter().map(|(to, _)| target(to)).collect::<Vec<_>>(),
                "after": layer.after.iter().map(|(to, _)| target(to)).collect::<Vec<_>>(),
            }))
        });
        json!({ "specs": specs.collect::<Vec<_>>(), "layers": layers.collect::<Vec<_>>() })
    }

    fn spec(&self, at: usize) -> &Spec {
        &self.project.specs[at]
    }

    fn is_drawn(&self, spec: usize) -> bool {
        self.waves.binary_search_by_key(&spec, |(at, _)| *at).is_ok()
    }

    /// The specs drawn, layer by layer, those of none last.
    fn groups(&self) -> Vec<(Option<usize>, Vec<usize>)> {
        let mut groups: Vec<Vec<usize>> = vec![Vec::new(); self.project.layers.len() + 1];
        for (spec, _) in &self.waves {
            groups[self.graph.layer_of(*spec).unwrap_or(self.project.layers.len())].push(*spec);
        }
        let layers = (0..self.project.layers.len()).map(Some).chain([None]);
        layers.zip(groups).filter(|(_, specs)| !specs.is_empty()).collect()
    }

    /// The first spec drawn that stands for a target.
    fn stand_in(&self, target: &Target) -> Option<&str> {
        let at = match target {
            Target::Spec(name) => self.project.specs.get_index_of(name).filter(|at| self.is_drawn(*at)),
            Target::Layer(name) => {
                let layer = self.project.layers.get_index_of(name)?;
                self.graph.members_of(layer).iter().copied().find(|at| self.is_drawn(*at))
            }
        };
        at.map(|at| self.spec(at).name.as_str())
    }

    fn edges(&self) -> Vec<DrawnEdge> {
        let mut edges = Vec::new();
        for layer in self.groups().into_iter().filter_map(|(layer, _)| layer) {
            let layer = &self.project.layers[layer];
            let to = Target::Layer(layer.name.clone());
            let edge = |from: &Target, is_weak| DrawnEdge {
                from: from.clone(),
                to: to.clone(),
                is_weak,
                label: None,
            };
            edges.extend(layer.needs.iter().map(|(from, _)| edge(from, false)));
            edges.extend(layer.after.iter().map(|(from, _)| edge(from, true)));
        }
        for (spec, _) in &self.waves {
            let spec = self.spec(*spec);
            let to = Target::Spec(spec.name.clone());
            for need in spec.needs.iter().filter(|need| !need.via_layer) {
                let from = need.target.clone();
                edges.push(DrawnEdge { from, to: to.clone(), is_weak: need.optional, label: terms(need) });
            }
            for (from, _) in &spec.after {
                let label = Some("after".to_owned());
                edges.push(DrawnEdge { from: from.clone(), to: to.clone(), is_weak: true, label });
            }
        }
        edges
    }
}

/// From what is needed to what needs it: the way that work goes.
struct DrawnEdge {
    from: Target,
    to: Target,
    is_weak: bool,
    label: Option<String>,
}

fn said_of(spec: &Spec) -> String {
    let mut said = Vec::new();
    if !spec.needs.is_empty() {
        let needs = spec.needs.iter().map(|need| match terms(need) {
            Some(terms) => format!("{} ({terms})", named(&need.target)),
            None => named(&need.target),
        });
        said.push(format!("needs {}", needs.collect::<Vec<_>>().join(", ")));
    }
    if !spec.after.is_empty() {
        let after: Vec<String> = spec.after.iter().map(|(target, _)| named(target)).collect();
        said.push(format!("after {}", after.join(", ")));
    }
    said.extend(spec.parked.as_ref().map(|why| format!("parked: {why}")));
    said.join("; ")
}

fn named(target: &Target) -> String {
    match target {
        Target::Spec(name) => name.to_string(),
        Target::Layer(name) => format!("layer {name}"),
    }
}

/// What is special about a need: `from implement, optional, shared auth`.
fn terms(need: &Need) -> Option<String> {
    let from = need.for_stage.as_ref().map(|stage| format!("from {stage}"));
    let optional = need.optional.then(|| "optional".to_owned());
    let terms: Vec<String> = [from, optional, need.why.clone()].into_iter().flatten().collect();
    (!terms.is_empty()).then(|| terms.join(", "))
}

fn target(target: &Target) -> Value {
    match target {
        Target::Spec(name) => json!({ "spec": name }),
        Target::Layer(name) => json!({ "layer": name }),
    }
}

fn need(need: &Need) -> Value {
    let mut value = target(&need.target);
    value["for"] = json!(need.for_stage);
    value["optional"] = json!(need.optional);
    value["why"] = json!(need.why);
    value["via_layer"] = json!(need.via_layer);
    value
}

/// Text within the double quotes of Graphviz.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\r'], " ")
}

/// Text within the double quotes of Mermaid, which knows entities alone.
fn entities(text: &str) -> String {
    text.replace('#', "#35;")
        .replace('"', "#quot;")
        .replace('<', "#lt;")
        .replace('>', "#gt;")
        .replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::resolve;
    use crate::graph::sample::Sample;

    fn drawn(goals: &[&str], drawing: Drawing) -> String {
        let mut sample = Sample::new();
        sample.layer("foundation", &[]).title = Some("The \"first\" layer".into());
        sample.layer("features", &["@foundation"]);
        sample.spec("050-partial", "foundation", &["plan", "implement"], &[]);
        let retry =
            sample.spec("051-retry", "foundation", &["plan", "implement"], &["050-partial?>implement"]);
        retry.needs[0].why = Some("shared code".into());
        sample.spec("020-threads", "features", &["plan"], &["~099-late"]);
        sample.spec("099-late", "", &["plan"], &[]);
        let graph = StageGraph::new(&sample.project).unwrap();
        let goals: Vec<String> = goals.iter().map(ToString::to_string).collect();
        let wanted = resolve(&sample.project, &graph, &goals, None).unwrap();
        let mut out = Vec::new();
        Drawn::new(&sample.project, &graph, &wanted).write(drawing, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn check(goals: &[&str], drawing: Drawing, expect: &[&str]) {
        assert_eq!(drawn(goals, drawing).lines().collect::<Vec<_>>(), expect);
    }

    #[test]
    fn text_has_a_line_a_spec() {
        check(
            &[],
            Drawing::Text,
            &[
                "wave 0",
                "  050-partial",
                "  099-late",
                "wave 1",
                "  051-retry    needs 050-partial (from implement, optional, shared code)",
                "wave 2",
                "  020-threads  needs layer foundation; after 099-late",
            ],
        );
        check(&["099"], Drawing::Text, &["wave 0", "  099-late"]);
    }

    #[test]
    fn dot_joins_layers_once() {
        check(
            &["features"],
            Drawing::Dot,
            &[
                "digraph specs {",
                "  rankdir=LR; compound=true; node [shape=box];",
                "  subgraph \"cluster_foundation\" {",
                "    label=\"The \\\"first\\\" layer\";",
                "    \"050-partial\";",
                "    \"051-retry\";",
                "  }",
                "  subgraph \"cluster_features\" {",
                "    label=\"features\";",
                "    \"020-threads\";",
                "  }",
                "  \"050-partial\" -> \"020-threads\" [ltail=\"cluster_foundation\", lhead=\"cluster_features\"];",
                "  \"050-partial\" -> \"051-retry\" [style=dashed, label=\"from implement, optional, shared code\"];",
                "}",
            ],
        );
    }

    #[test]
    fn mermaid_joins_layers_once() {
        check(
            &[],
            Drawing::Mermaid,
            &[
                "flowchart LR",
                "  subgraph l0[\"The #quot;first#quot; layer\"]",
                "    s0[\"050-partial\"]",
                "    s1[\"051-retry\"]",
                "  end",
                "  subgraph l1[\"features\"]",
                "    s2[\"020-threads\"]",
                "  end",
                "    s3[\"099-late\"]",
                "  l0 --> l1",
                "  s0 -.->|\"from implement, optional, shared code\"| s1",
                "  s3 -.->|\"after\"| s2",
            ],
        );
    }

    #[test]
    fn json_answers_the_schema() {
        let answer: Value = serde_json::from_str(&drawn(&[], Drawing::Json)).unwrap();
        crate::report::schemas::check("graph", &answer);
        assert_eq!(answer["specs"][2]["spec"], "020-threads");
        assert_eq!(answer["specs"][2]["wave"], 2);
        assert_eq!(answer["specs"][2]["needs"][0]["layer"], "foundation");
        assert_eq!(answer["layers"][1]["specs"], json!(["020-threads"]));
    }
}
