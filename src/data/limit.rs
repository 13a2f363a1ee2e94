//! How much loading may hold: files that unpack to more, and headers that promise more, are refused before the memory
//! is taken.

use std::cell::Cell;
use std::fmt::Display;

use super::DataConfig;
use crate::error::{Error, Result};

/// Where the machine does not say how much memory is free.
const UNKNOWN: u64 = 16 << 30;

/// Bytes that loading may still take: unpacked files and the records made of them.
pub(crate) struct Limit {
    most: u64,
    taken: Cell<u64>,
    /// The configuration says so; else it is a quarter of the free memory: splitting and scaling take as much again.
    chosen: bool,
}

impl Limit {
    /// # Errors
    /// `data.max_bytes` is 0.
    pub fn of(config: &DataConfig) -> Result<Limit> {
        match config.max_bytes {
            Some(0) => Err(Error::input("data.max_bytes: 0; expected the bytes that loading may take, 1 or more")),
            Some(most) => Ok(Limit { most, taken: Cell::new(0), chosen: true }),
            None => Ok(Limit { most: free_memory() / 4, taken: Cell::new(0), chosen: false }),
        }
    }

    /// Bytes that are left.
    pub fn left(&self) -> u64 {
        self.most.saturating_sub(self.taken.get())
    }

    /// Takes `bytes` for `what` of the file `origin`.
    ///
    /// # Errors
    /// [`Error::Input`] where so many are not left.
    pub fn take(&self, bytes: u64, origin: impl Display, what: &str) -> Result<()> {
        if bytes > self.left() {
            return Err(self.passed(format_args!("{bytes} bytes"), origin, what));
        }
        self.taken.set(self.taken.get() + bytes);
        Ok(())
    }

    /// Whether `bytes` that are soon given back again are left.
    ///
    /// # Errors
    /// [`Error::Input`] where they are not.
    #[cfg(any(feature = "parquet", feature = "pictures", test))]
    pub fn room(&self, bytes: u64, origin: impl Display, what: &str) -> Result<()> {
        self.take(bytes, origin, what)?;
        self.give_back(bytes);
        Ok(())
    }

    /// Gives back bytes that were taken.
    pub fn give_back(&self, bytes: u64) {
        self.taken.set(self.taken.get().saturating_sub(bytes));
    }

    /// Takes room for `count` numbers of 32 bits.
    pub fn take_values(&self, count: usize, origin: impl Display) -> Result<()> {
        self.take((count as u64).saturating_mul(4), origin, "its records")
    }

    /// What is said of `bytes` that are not left.
    pub fn passed(&self, bytes: impl Display, origin: impl Display, what: &str) -> Error {
        let (most, taken) = (self.most, self.taken.get());
        let before = if taken > 0 { format!(" besides the {taken} taken before") } else { String::new() };
        let whose =
            if self.chosen { "data.max_bytes" } else { "data.max_bytes, a quarter of the free memory by default," };
        Error::input(format!(
            "{origin}: {what} would take {bytes}{before}; {whose} allows {most}; raise it if that is meant"
        ))
    }
}

/// What a process may hold here: the least of what the system has free, what a container and what the shell allow.
pub fn free_memory() -> u64 {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let word = |text: &str, at: usize| text.split_whitespace().nth(at).and_then(|word| word.parse::<u64>().ok());
    let line = |path: &str, begin: &str, at: usize| {
        let text = read(path)?;
        text.lines().find(|line| line.starts_with(begin)).and_then(|line| word(line, at))
    };
    let system = line("/proc/meminfo", "MemAvailable:", 1).map(|kilobytes| kilobytes.saturating_mul(1024));
    let containers = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let container = containers.iter().find_map(|path| word(&read(path)?, 0));
    let shell = line("/proc/self/limits", "Max address space", 3);
    [system, container, shell].into_iter().flatten().min().unwrap_or(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_before_counts() {
        let config = DataConfig { max_bytes: Some(100), ..DataConfig::new("csv") };
        let limit = Limit::of(&config).unwrap();
        limit.take(60, "a.csv", "its text").unwrap();
        let said = limit.take_values(11, "b.csv").unwrap_err().to_string();
        assert!(
            ["b.csv", "44 bytes", "60 taken", "data.max_bytes allows 100"].iter().all(|w| said.contains(w)),
            "{said}"
        );
        limit.take_values(10, "b.csv").unwrap();
        assert!(limit.take(u64::MAX, "c.csv", "it").is_err());
        assert!(Limit::of(&DataConfig { max_bytes: Some(0), ..config }).is_err());
    }

    #[test]
    fn the_default_is_some_memory() {
        assert!(Limit::of(&DataConfig::new("csv")).unwrap().left() > 1 << 20);
    }
}
