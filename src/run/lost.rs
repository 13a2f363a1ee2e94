//! A source without the records that a run has forgotten: they leave it too, and the run stays as good as it was. The
//! data are then read as they were, and whatever needs those records says that they are gone.

use std::collections::HashSet;
use std::path::Path;

use super::config::Loaded;
use super::evidence::{Evidence, Retained};
use super::info::RunInfo;
use super::whom::counted;
use crate::data::{Absent, Dataset, FitOn, Id, Kind, Line, Naming, Place, RecordKind, Request, Who, class_names};
use crate::error::{Error, Result};

/// What binds a run to the records that stay: `gone` are those that it has forgotten, of which the first `lines` lines
/// had left the source before. None where records are on a graph, which a deletion changes for the others too.
pub(super) fn retained(data: &Dataset, gone: &HashSet<Place>, lines: usize) -> Option<Retained> {
    (data.kind() == RecordKind::Row).then(|| Retained {
        sha256: data.retained_sha256(gone),
        classes: data.classes,
        learned: data.learned.clone(),
        by_row: data.who.naming == Naming::Rows,
        lines,
    })
}

/// Records of lines.
fn records(lines: &[Line]) -> Vec<Who> {
    lines.iter().flat_map(|line| line.records.iter().cloned()).collect()
}

/// What is missing where the records of the first `count` of a run's lines are.
fn absent(info: &RunInfo, retained: &Retained, lines: &[Line], count: usize) -> Absent {
    let Retained { classes, learned, by_row, .. } = retained;
    let names = class_names(&info.data.fitted.class_names, learned, *classes, &records(lines));
    let count = count.min(lines.len());
    Absent { records: records(&lines[..count]), lines: count, class_names: names, by_row: *by_row }
}

/// A run's data from its source, which is as it was when the run was made, or without all that the run has forgotten;
/// and what is missing of the records that it was trained on.
///
/// # Errors
/// [`Error::Input`] with both hashes: another record is missing, or was changed.
pub(super) fn load(loaded: &Loaded, info: &RunInfo, folder: &Path, lines: &[Line]) -> Result<(Dataset, Absent)> {
    let fit = FitOn::Kept(&info.data.fitted);
    let evidence: &Evidence = &info.evidence;
    let Some(retained) = &evidence.retained else {
        let data = loaded.load(fit, &Absent::default())?;
        return evidence.check_data(folder, &data).map(|()| (data, Absent::default()));
    };
    let then = absent(info, retained, lines, retained.lines);
    let data = loaded.load(fit, &then)?;
    let Err(changed) = evidence.check_data(folder, &data) else { return Ok((data, then)) };
    let all = absent(info, retained, lines, lines.len());
    let left = loaded.load(fit, &all)?;
    let (now, kept) = (left.retained_sha256(&HashSet::new()), &retained.sha256);
    match now == *kept {
        true => Ok((left, all)),
        false => Err(Error::input(format!(
            "{changed}; nor are they what is left once the records that it forgot are gone: that has the hash {kept}, \
             and these have {now}"
        ))),
    }
}

/// What is missing, in a sentence; none where nothing is.
pub(super) fn sentence(absent: &Absent, lines: &[Line]) -> Option<String> {
    let (gone, all) = (absent.records.len(), lines.iter().map(|line| line.records.len()).sum::<usize>());
    let rows = match absent.by_row {
        true => "; ids are the rows of the source as it was when the run was trained",
        false => "",
    };
    match gone {
        0 => None,
        _ if gone == all => Some(format!("the source no longer has the {}{rows}", counted(gone, "forgotten record"))),
        _ => Some(format!("the source no longer has {gone} of the {}{rows}", counted(all, "forgotten record"))),
    }
}

/// Takes out of requests what an earlier one of the run named, where the source has lost records: how many ids of each
/// request that is left.
///
/// # Errors
/// Nothing else is named.
pub(super) fn strike(requests: &mut Vec<Request>, earlier: &[Request], absent: &Absent) -> Result<Vec<usize>> {
    if absent.is_empty() || absent.by_row {
        return Ok(vec![0; requests.len()]);
    }
    let ids = absent.ids();
    let named: HashSet<(Kind, &Id)> =
        earlier.iter().flat_map(|request| request.ids.iter().map(|id| (request.kind, id))).collect();
    let (mut left, mut struck) = (Vec::new(), Vec::new());
    for mut request in requests.drain(..) {
        let (kind, before) = (request.kind, request.ids.len());
        let gone = |id: &Id| kind == Kind::Sample && id.text().is_some_and(|text| ids.contains(&text));
        request.ids.retain(|id| !gone(id) && !named.contains(&(kind, id)));
        // One that names nothing at all is refused where it is resolved.
        if before == 0 || !request.ids.is_empty() {
            struck.push(before - request.ids.len());
            left.push(request);
        }
    }
    *requests = left;
    match requests.is_empty() {
        false => Ok(struck),
        true => {
            Err(Error::input("the run has forgotten all of these records already, and the source no longer has them"))
        }
    }
}
