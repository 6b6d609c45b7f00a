//! How much of the machine is in use. What a system does not tell is not known, and stands in nobody's way.
use std::fs;
use std::path::{Path, PathBuf};

/// How much is in use at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Load {
    /// Percent of the time of all processors, since the reading before.
    pub cpu: Option<f64>,
    /// Percent of the memory.
    pub memory: Option<f64>,
    /// Bytes that are free on the disk.
    pub disk_free: Option<u64>,
}

/// Reads how much is in use, again and again.
#[derive(Debug)]
pub struct Gauge {
    folder: PathBuf,
    former: Option<Ticks>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Ticks {
    busy: u64,
    all: u64,
}

impl Gauge {
    /// One that looks at the disk which holds this folder.
    pub fn new(folder: &Path) -> Self {
        let mut gauge = Self { folder: folder.to_owned(), former: None };
        gauge.cpu();
        gauge
    }

    /// How much is in use now.
    pub fn read(&mut self) -> Load {
        let meminfo = fs::read_to_string("/proc/meminfo").ok();
        let disk = rustix::fs::statvfs(&self.folder).ok();
        Load {
            cpu: self.cpu(),
            memory: meminfo.and_then(|text| memory(&text)),
            disk_free: disk.map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
        }
    }

    fn cpu(&mut self) -> Option<f64> {
        let now = ticks(&fs::read_to_string("/proc/stat").ok()?)?;
        let former = self.former.replace(now)?;
        share(now.busy.checked_sub(former.busy)?, now.all.checked_sub(former.all)?)
    }
}

/// Of `/proc/meminfo`.
fn memory(text: &str) -> Option<f64> {
    let of = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let all = of("MemTotal")?;
    share(all.checked_sub(of("MemAvailable")?)?, all)
}

/// Of `/proc/stat`: the fourth and fifth number are time without work.
fn ticks(text: &str) -> Option<Ticks> {
    let numbers: Vec<u64> = text
        .lines()
        .find_map(|line| line.strip_prefix("cpu "))?
        .split_whitespace()
        .take(8)
        .map_while(|number| number.parse().ok())
        .collect();
    let idle: u64 = numbers.get(3..5)?.iter().sum();
    let all: u64 = numbers.iter().sum();
    Some(Ticks { busy: all.checked_sub(idle)?, all })
}

#[expect(clippy::cast_precision_loss, reason = "a percentage needs no more")]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 * 100.0 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_tells_is_read() {
        let text = "MemTotal:       1000 kB\nMemFree:  50 kB\nMemAvailable:    250 kB\n";
        assert_eq!(memory(text), Some(75.0));
        assert_eq!(memory("MemTotal: 0 kB\nMemAvailable: 0 kB"), None);
        assert_eq!(memory("MemTotal: 7 kB"), None);
        let stat = "cpu  10 0 20 60 10 0 0 0 5 5\ncpu0 1 2 3\n";
        assert_eq!(ticks(stat), Some(Ticks { busy: 30, all: 100 }));
        assert_eq!(ticks("intr 1"), None);
    }

    #[test]
    fn this_machine_has_a_disk() {
        let load = Gauge::new(Path::new("/")).read();
        assert!(load.disk_free.is_some_and(|free| free > 0), "{load:?}");
        assert_eq!(Gauge::new(Path::new("/no/such/folder")).read().disk_free, None);
    }
}
