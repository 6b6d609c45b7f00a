//! Which spec a word on the command line means.
use super::trouble::Trouble;
use crate::base::{SpecName, english};
use crate::model::Project;

/// The position of the spec of that name, or of the only one whose name begins so.
///
/// # Errors
/// There is none, or more than one.
pub fn pick(project: &Project, text: &str) -> Result<usize, Trouble> {
    if let Some(position) = project.specs.get_index_of(text) {
        return Ok(position);
    }
    let named = project.specs.keys().enumerate().filter(|(_, name)| name.as_str().starts_with(text));
    let (positions, names): (Vec<usize>, Vec<&SpecName>) = named.unzip();
    match (positions.as_slice(), names.as_slice()) {
        ([one], _) => Ok(*one),
        ([], _) => {
            let near = english::nearest(text, project.specs.keys().map(SpecName::as_str));
            let trouble = Trouble::usage(format!("there is no spec `{text}`"));
            Err(match near {
                Some(near) => trouble.hint(format!("did you mean `{near}`?")),
                None => trouble,
            })
        }
        (_, many) => Err(Trouble::usage(format!("`{text}` may mean {}", english::list(many, "or")))),
    }
}

/// The positions of several, each once.
///
/// # Errors
/// As for [`pick`].
pub fn pick_all(project: &Project, texts: &[String]) -> Result<Vec<usize>, Trouble> {
    let mut positions = Vec::new();
    for text in texts {
        let position = pick(project, text)?;
        if !positions.contains(&position) {
            positions.push(position);
        }
    }
    Ok(positions)
}
