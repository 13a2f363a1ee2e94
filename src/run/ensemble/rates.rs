//! Deletion rates as they were when an ensemble was trained: where a record's was another since, its shard would be
//! another than the one whose member has seen it.

use std::collections::HashSet;

use crate::data::{Dataset, Place, Portion, Shards};
use crate::error::{Error, Result};
use crate::run::folder::Opened;

/// What the rates of the training records are known by that are not `gone`; none where no rates are given.
pub(super) fn known_by(data: &Dataset, division: Option<&Shards>, gone: &HashSet<Place>) -> Option<String> {
    let levels = division?.levels.as_ref()?;
    let records = data.places(Portion::Train).filter(|place| !gone.contains(place));
    Some(levels.sha256(records.map(|place| data.who.of(place).key)))
}

/// Refuses rates that are not those of the training.
///
/// # Errors
/// A record whose rate is another, or which the source has lost.
pub(super) fn check(top: &Opened, division: Option<&Shards>, gone: &HashSet<Place>) -> Result<()> {
    let then = top.info.ensemble.as_ref().and_then(|ensemble| ensemble.rates_sha256.as_ref());
    let now = known_by(&top.data, division, gone);
    match now.as_ref() == then {
        true => Ok(()),
        false => Err(Error::input(format!(
            "ensemble.rates: the rates of the records that {} holds were others when it was trained, and which member \
             has seen a record is told by its rate; bring back the file, and the records, as they were",
            top.folder.path.display()
        ))),
    }
}
