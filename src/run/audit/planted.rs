//! What was planted to be taken out again: two classes in each other's place, and edges between classes.

use super::Subjects;
use super::roster::{Roster, Said};
use crate::data::Portion;
use crate::error::Result;
use crate::eval::accuracy::argmax;
use crate::eval::attacks::{Probe, Side};
use crate::eval::{Aspect, Outputs};

/// Numbers of every model that show what was planted.
///
/// # Errors
/// Planted classes that there are not.
pub(super) fn probes(
    subjects: &Subjects,
    roster: &Roster,
    (run, original): (&Said, &Said),
    retrains: &[Said],
    held_out: &[&Said],
) -> Result<Vec<Probe>> {
    let mut found = Vec::new();
    let probe = |name, what, side, of: &dyn Fn(&Said) -> f64, finest| Probe {
        name,
        what,
        aspect: Aspect::Forgetting,
        side,
        run: of(run),
        original: Some(of(original)),
        retrains: retrains.iter().map(of).collect(),
        held_out: held_out.iter().map(|said| of(said)).collect(),
        finest,
    };
    if let Some(pair) = confused(subjects, roster)? {
        let [_, all] = confusions(run, pair);
        let of = |said: &Said| share(confusions(said, pair));
        let what = "Share of the confused classes' forgotten and test records that are taken for the other class";
        found.push(probe("interclass confusion", what, Side::Above, &of, 1.0 / all.max(1) as f64));
    }
    if subjects.run.requests.iter().flatten().any(|request| request.poisoned) {
        let of = |said: &Said| share([right(&said.test), said.test.len()]);
        let what = "Accuracy on test records without the poisoned edges";
        found.push(probe("poisoned edges", what, Side::Below, &of, 1.0 / run.test.len().max(1) as f64));
    }
    Ok(found)
}

fn share([of, all]: [usize; 2]) -> f64 {
    of as f64 / all.max(1) as f64
}

fn right(outputs: &Outputs) -> usize {
    outputs.rows().filter(|(logits, label)| argmax(logits) == *label as usize).count()
}

/// The two classes of a plant, where what is to be forgotten are the records that it confused.
fn confused(subjects: &Subjects, roster: &Roster) -> Result<Option<[u32; 2]>> {
    let data = &subjects.original.data;
    let Some(plant) = &subjects.original.config.data.plant else { return Ok(None) };
    let pair = plant.confused(&data.class_names)?;
    let who = data.who.part(Portion::Train);
    let planted = |at: &u32| who.get(*at as usize).is_some_and(|who| who.planted);
    Ok(pair.filter(|_| roster.leaves() && roster.forget().iter().all(planted)))
}

/// How many records of two classes are taken for the other of them, and how many there are: forgotten records, whose
/// label is the other's, and test records (Goel et al. 2022, section 5).
fn confusions(said: &Said, pair: [u32; 2]) -> [usize; 2] {
    let [a, b] = pair.map(|class| class as usize);
    let count = |outputs: &Outputs, swapped: bool| {
        let (mut taken, mut all) = (0, 0);
        for (logits, label) in outputs.rows().filter(|(_, label)| pair.contains(label)) {
            let (own, other) = if label as usize == a { (a, b) } else { (b, a) };
            all += 1;
            taken += usize::from(argmax(logits) == if swapped { own } else { other });
        }
        [taken, all]
    };
    let ([x, m], [y, n]) = (count(&said.forget, true), count(&said.test, false));
    [x + y, m + n]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_for_the_other_class_is_counted_by_true_classes() {
        let of = |rows: &[([f32; 3], u32)]| Outputs {
            logits: rows.iter().flat_map(|(logits, _)| *logits).collect(),
            labels: rows.iter().map(|(_, label)| *label).collect(),
            classes: 3,
            goals: None,
        };
        let (zero, one, two) = ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]);
        // Forgotten: labelled 2, so of class 1. Named 2: a confusion; 1 or 0: none. Test records by their own label.
        let forget = of(&[(two, 2), (one, 2), (zero, 1), (one, 1)]);
        let test = of(&[(two, 1), (one, 1), (zero, 2), (one, 2), (two, 0)]);
        let said = Said { forget, test, ..Said::default() };
        assert_eq!(confusions(&said, [1, 2]), [4, 8]);
        assert_eq!((right(&said.test), said.test.len()), (1, 5));
    }
}
