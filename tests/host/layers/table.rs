//! The table of imports, as ARCHITECTURE.md prints it.

use std::collections::{BTreeMap, BTreeSet};

/// Starts the one block that holds the table.
const FENCE: &str = "```imports";

/// Everyone's rights, beside each row's.
pub const EVERYONE: &str = "everyone";

/// Who may name whom: rooms of this crate, and crates that only those who list them may name.
#[derive(Debug, Default)]
pub struct Table(pub BTreeMap<String, BTreeSet<String>>);

impl Table {
    /// Rows are `room → a, b, c`, with a remark behind ` · `.
    ///
    /// # Errors
    /// There is no such block, or a second one, or a line is no row, or a room has two.
    pub fn read(page: &str) -> Result<Table, String> {
        let mut blocks = page.split(FENCE).skip(1);
        let (Some(block), None) = (blocks.next(), blocks.next()) else {
            return Err(format!("expected one block of {FENCE}"));
        };
        let block = block.split("```").next().unwrap_or_default();
        let mut rows = BTreeMap::new();
        for line in block.lines().filter(|l| !l.trim().is_empty()) {
            let (room, rights) = line.split_once('→').ok_or_else(|| format!("`{line}` is no row"))?;
            let rights = rights.split(" · ").next().unwrap_or_default();
            let rights = rights.split(',').map(|r| r.trim().to_owned()).filter(|r| !r.is_empty()).collect();
            if rows.insert(room.trim().to_owned(), rights).is_some() {
                return Err(format!("{} has two rows", room.trim()));
            }
        }
        Ok(Table(rows))
    }

    pub fn may(&self, room: &str, whom: &str) -> bool {
        [room, EVERYONE].into_iter().any(|r| self.0.get(r).is_some_and(|rights| rights.contains(whom)))
    }

    /// Whether the table says who may name this: it is a room, or a crate that some row lists.
    pub fn speaks_of(&self, name: &str) -> bool {
        self.0.contains_key(name) || self.0.values().any(|rights| rights.contains(name))
    }
}
