//! The built-in texts as declarations.
use super::declared::{AgentText, PipelineText};
use super::notes::Notes;
use super::{agent, pipeline};
use crate::base::{AgentName, PipelineName, Sources};
use crate::builtin::{self, BuiltIn};
use crate::syntax::{self, Node};
use indexmap::IndexMap;

/// What the built-in texts declare.
#[derive(Debug, Default)]
pub(crate) struct Library {
    agents: IndexMap<AgentName, AgentText>,
    pipelines: IndexMap<PipelineName, PipelineText>,
}

impl Library {
    /// Reads them all; their texts go behind those that are in `sources`.
    pub(crate) fn new(sources: &mut Sources) -> Self {
        let agents = builtin::AGENTS.iter().filter_map(|text| read(sources, "agents", text, agent::read));
        let agents = agents.map(|(name, agent)| (name.value, agent)).collect();
        let pipelines =
            builtin::PIPELINES.iter().filter_map(|text| read(sources, "pipelines", text, pipeline::read));
        Self { agents, pipelines: pipelines.map(|(name, pipeline)| (name.value, pipeline)).collect() }
    }

    /// The names of the built-in agents.
    pub(crate) fn agent_names<'n>() -> impl Iterator<Item = &'n str> {
        builtin::AGENTS.iter().map(|text| text.name)
    }

    /// The names of the built-in pipelines.
    pub(crate) fn pipeline_names<'n>() -> impl Iterator<Item = &'n str> {
        builtin::PIPELINES.iter().map(|text| text.name)
    }

    /// The built-in agent of that name.
    pub(crate) fn agent(&self, name: &AgentName) -> Option<&AgentText> {
        self.agents.get(name)
    }

    /// All built-in pipelines, always in the same order.
    pub(crate) fn pipelines(&self) -> impl Iterator<Item = &PipelineText> {
        self.pipelines.values()
    }

    /// The built-in pipeline of that name.
    pub(crate) fn pipeline(&self, name: &PipelineName) -> Option<&PipelineText> {
        self.pipelines.get(name)
    }
}

fn read<T>(
    sources: &mut Sources,
    folder: &str,
    text: &BuiltIn,
    read: impl Fn(&mut Notes, &Node) -> Option<T>,
) -> Option<T> {
    let source = sources.add(&format!("built-in:{folder}/{}.kdl", text.name), text.text);
    let (tree, _) = syntax::parse(source, text.text);
    let mut notes = Notes::quiet();
    read(&mut notes, tree.nodes.first()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SourceId;

    #[test]
    fn every_built_in_text_is_without_mistakes() {
        for (texts, is_agent) in [(builtin::AGENTS, true), (builtin::PIPELINES, false)] {
            for text in texts {
                let (tree, mistakes) = syntax::parse(SourceId(0), text.text);
                assert!(mistakes.is_empty(), "{}: {mistakes:?}", text.name);
                assert_eq!(tree.nodes.len(), 1, "{}", text.name);
                assert_eq!(syntax::format(text.text).as_deref(), Ok(text.text), "{} is laid out", text.name);
                let mut notes = Notes::quiet();
                let name = if is_agent {
                    agent::read(&mut notes, &tree.nodes[0]).map(|(name, _)| name.value.to_string())
                } else {
                    pipeline::read(&mut notes, &tree.nodes[0]).map(|(name, _)| name.value.to_string())
                };
                assert_eq!((name.as_deref(), notes.sorted()), (Some(text.name), vec![]));
            }
        }
    }
}
