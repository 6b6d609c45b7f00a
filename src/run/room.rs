//! Whether the machine has room for one more stage. What it is short of stays so until there is clearly enough
//! again, so that stages do not start and stop at the edge.
use crate::base::english;
use crate::event::Scarce;
use crate::model::LoadLimits;
use crate::sys::load::Load;

/// By how many percent it must fall below its limit again.
const MARGIN: f64 = 5.0;

/// Compares what is in use with its limits.
#[derive(Debug)]
pub struct Room {
    limits: LoadLimits,
    short_of: Option<(Scarce, String)>,
}

impl Room {
    /// Room within these limits.
    pub fn new(limits: LoadLimits) -> Self {
        Self { limits, short_of: None }
    }

    /// What the machine is short of, and how things stand.
    pub fn short_of(&self) -> Option<(Scarce, &str)> {
        self.short_of.as_ref().map(|(what, why)| (*what, why.as_str()))
    }

    /// Takes in a reading.
    pub fn look(&mut self, load: Load) {
        let was = self.short_of.as_ref().map(|(what, _)| *what);
        self.short_of = [Scarce::Disk, Scarce::Memory, Scarce::Cpu]
            .into_iter()
            .find_map(|what| Some((what, self.shortage(what, load, was == Some(what))?)));
    }

    fn shortage(&self, what: Scarce, load: Load, was: bool) -> Option<String> {
        let LoadLimits { cpu, memory, disk } = self.limits;
        let (is, most) = match what {
            Scarce::Cpu => (load.cpu?, cpu?),
            Scarce::Memory => (load.memory?, memory?),
            Scarce::Disk => {
                let (free, least) = (load.disk_free?, disk);
                let enough = if was { least.saturating_add(least / 10) } else { least };
                let why =
                    || format!("{} are free, the limit is {}", english::size(free), english::size(least));
                return (free < enough).then(why);
            }
        };
        let enough = if was { most - MARGIN } else { most };
        (is > enough).then(|| format!("{is:.0} % of {what} in use, the limit is {most:.0} %"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(room: &mut Room, load: Load, expect: &str) {
        room.look(load);
        assert_eq!(room.short_of().map_or("", |(_, why)| why), expect, "{load:?}");
    }

    #[test]
    fn the_edge_is_crossed_once() {
        let limits = LoadLimits { cpu: None, memory: Some(85.0), disk: 1_000_000_000 };
        let mut room = Room::new(limits);
        let memory = |memory| Load { cpu: Some(100.0), memory: Some(memory), disk_free: None };
        check(&mut room, memory(85.0), "");
        check(&mut room, memory(86.0), "86 % of memory in use, the limit is 85 %");
        check(&mut room, memory(81.0), "81 % of memory in use, the limit is 85 %");
        check(&mut room, memory(80.0), "");
        check(&mut room, memory(84.0), "");
        let disk = |disk| Load { disk_free: Some(disk), ..memory(99.0) };
        check(&mut room, disk(999_000_000), "999 MB are free, the limit is 1 GB");
        check(&mut room, disk(1_050_000_000), "1.1 GB are free, the limit is 1 GB");
        check(&mut room, disk(1_200_000_000), "99 % of memory in use, the limit is 85 %");
        check(&mut room, Load::default(), "");
    }

    #[test]
    fn cpu_counts_where_it_is_asked_for() {
        let mut room = Room::new(LoadLimits { cpu: Some(90.0), memory: None, disk: 0 });
        let load = |cpu| Load { cpu: Some(cpu), memory: Some(100.0), disk_free: Some(0) };
        check(&mut room, load(91.0), "91 % of cpu in use, the limit is 90 %");
        check(&mut room, load(50.0), "");
    }
}
