//! What a `needs` or an `after` names: a spec, a layer, or a spec that was done by hand.
use super::declared::SpecText;
use super::notes::{At, Notes, did_you_mean};
use super::resolve::Resolver;
use crate::base::{Diagnostic, LayerName, SpecName};
use crate::model::{Layer, Spec, Target};
use indexmap::IndexMap;

/// How many unknown names get a search for a near one; a search looks at every name.
const MOST_SEARCHES: u32 = 50;

/// All specs with their needs, and all layers.
pub(crate) fn specs_and_layers(
    resolver: &mut Resolver<'_>,
) -> (IndexMap<SpecName, Spec>, IndexMap<LayerName, Layer>) {
    let declared = resolver.declared;
    check_shared_names(&mut resolver.notes, declared);
    let mut finder = Finder::default();
    let mut specs = IndexMap::with_capacity(declared.specs.len());
    for (name, text) in &declared.specs {
        if let Some(mut spec) = resolver.spec(text) {
            needs(resolver, &mut finder, text, &mut spec);
            specs.insert(name.clone(), spec);
        }
    }
    let mut layers: IndexMap<LayerName, Layer> = IndexMap::new();
    for (name, text) in &declared.layers {
        let mut targets = |said: &[At<String>]| {
            let found = said.iter().filter_map(|said| Some((finder.find(resolver, said)?, said.span)));
            found.collect::<Vec<_>>()
        };
        let (needs, after) = (targets(&text.needs), targets(&text.after));
        let layer = Layer {
            name: name.clone(),
            span: text.span,
            title: text.title.clone(),
            specs: Vec::new(),
            needs,
            after,
            alone: text.alone,
            cancel_on_failure: text.cancel_on_failure,
        };
        layers.insert(name.clone(), layer);
    }
    for (name, text) in &declared.specs {
        if let Some(layer) = text.layer.as_ref().and_then(|layer| layers.get_mut(layer)) {
            layer.specs.push(name.clone());
        }
    }
    specs.extend(finder.undeclared);
    (specs, layers)
}

fn needs(resolver: &mut Resolver<'_>, finder: &mut Finder, text: &SpecText, spec: &mut Spec) {
    resolver.needs(text, spec, &mut |resolver, said| finder.find(resolver, said));
}

/// A name that is both a spec's and a layer's could not be told apart on the command line.
fn check_shared_names(notes: &mut Notes, declared: &super::declared::Declared) {
    for (name, layer) in &declared.layers {
        if let Some(spec) = declared.specs.get(name.as_str()) {
            let found = Diagnostic::error(layer.span, format!("`{name}` is a layer and a spec"));
            notes.push(found.related(spec.name.span, "the spec").help("rename one of them"));
        }
    }
}

/// Looks names up, and keeps the specs that are only needed.
#[derive(Default)]
struct Finder {
    undeclared: IndexMap<SpecName, Spec>,
    searches: u32,
}

impl Finder {
    fn find(&mut self, resolver: &mut Resolver<'_>, said: &At<String>) -> Option<Target> {
        let declared = resolver.declared;
        let name = said.value.as_str();
        if let Some((spec, _)) = declared.specs.get_key_value(name) {
            return Some(Target::Spec(spec.clone()));
        }
        if let Some((layer, _)) = declared.layers.get_key_value(name) {
            return Some(Target::Layer(layer.clone()));
        }
        let spec = SpecName::new(name).ok();
        if let Some(spec) = spec.filter(|spec| {
            self.undeclared.contains_key(spec)
                || resolver
                    .undeclared_folder(spec)
                    .is_some_and(|folder| resolver.files.folder_exists(&folder))
        }) {
            if !self.undeclared.contains_key(&spec) {
                let found = resolver.undeclared(&spec, said.span)?;
                self.undeclared.insert(spec.clone(), found);
            }
            return Some(Target::Spec(spec));
        }
        let known =
            declared.specs.keys().map(SpecName::as_str).chain(declared.layers.keys().map(LayerName::as_str));
        self.searches += 1;
        let help = if self.searches > MOST_SEARCHES { String::new() } else { did_you_mean(name, known) };
        resolver.notes.error(said.span, format!("there is no spec or layer `{name}`"), help);
        None
    }
}
