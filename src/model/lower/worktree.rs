//! Where worktrees lie: beside the repository, never in it.

/// Whether a place lies inside the repository, whose top folder has the name `repo`; by its text alone.
pub(crate) fn is_inside(place: &str, repo: &str) -> bool {
    if place.starts_with('/') {
        return false;
    }
    // How far above the top, then the folders below that; the top's own name leads back in.
    let mut above = 0_usize;
    let mut below: Vec<&str> = Vec::new();
    for part in place.split('/').filter(|part| !matches!(*part, "" | ".")) {
        match part {
            ".." if below.is_empty() => above += 1,
            ".." => {
                below.pop();
            }
            part => below.push(part),
        }
    }
    match above {
        0 => true,
        1 => below.first().is_none_or(|first| *first == repo),
        // What the folders above are called is not known here; a later look at the disk decides.
        _ => below.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beside_is_not_inside() {
        for outside in
            ["../r.worktrees/{spec}", "../w/{spec}", "/tmp/w/{spec}", "../../w/r/{spec}", "a/../../w/{spec}"]
        {
            assert!(!is_inside(outside, "r"), "{outside}");
        }
        for inside in ["w/{spec}", "./w", "../r/w/{spec}", "a/../{spec}", "../x/../r/{spec}", "..", "{spec}"]
        {
            assert!(is_inside(inside, "r"), "{inside}");
        }
    }
}
