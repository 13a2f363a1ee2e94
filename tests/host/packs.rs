//! Packs: a clean one passes, whatever was changed in one is caught and named, nothing unpacks where it should not, no
//! personal datum is written, and what was done is done again to the same bytes.

pub mod made;
mod private;
mod replays;
mod table;
mod tamper;
mod zips;
