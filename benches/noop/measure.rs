//! Times and memory of programs, and of looking at files.
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A duration in milliseconds.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The best time of each, all measured in turn in every round: what else the machine does hits all alike.
pub fn best_of<'a, F: FnMut() -> io::Result<()> + 'a>(
    rounds: usize,
    all: impl Iterator<Item = &'a mut F>,
) -> io::Result<Vec<Duration>> {
    let mut all: Vec<&mut F> = all.collect();
    let mut best = vec![Duration::MAX; all.len()];
    for _ in 0..rounds {
        for (one, best) in all.iter_mut().zip(&mut best) {
            let begun = Instant::now();
            one()?;
            *best = (*best).min(begun.elapsed());
        }
    }
    Ok(best)
}

/// The most memory that a program had, in kilobytes, as far as looks a tenth of a millisecond apart tell.
pub fn peak(command: &mut Command) -> io::Result<u64> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut most = 0;
    while child.try_wait()?.is_none() {
        let text = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        most = most.max(now.unwrap_or(0));
        std::thread::sleep(Duration::from_micros(100));
    }
    Ok(most)
}

/// Looks at each file once, on all cores.
pub fn stats(files: &[PathBuf]) -> io::Result<()> {
    let (next, threads) = (AtomicUsize::new(0), std::thread::available_parallelism()?.get());
    let work = || -> io::Result<()> {
        loop {
            let begin = next.fetch_add(512, Ordering::Relaxed);
            let Some(some) = files.get(begin..files.len().min(begin + 512)) else { return Ok(()) };
            if some.is_empty() {
                return Ok(());
            }
            some.iter().try_for_each(|file| file.symlink_metadata().map(drop))?;
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        work()?;
        others
            .into_iter()
            .try_for_each(|other| other.join().map_err(|_| io::Error::other("a thread broke"))?)
    })
}
