//! What is odd about a data set and let pass all the same: told once, and kept with the data.

use super::DataConfig;

/// What is odd about the training records, after what a loader `found`. Each sentence is logged as a warning.
pub(crate) fn of_rows(
    config: &DataConfig,
    origin: &str,
    class_names: &[String],
    train: &[u32],
    found: Vec<String>,
) -> Vec<String> {
    let mut notes = found;
    notes.extend(sorted_limit(config, origin, class_names, train));
    notes.iter().for_each(|note| log::warn!("{note}"));
    notes
}

/// `limit` keeps the first records, which are of few classes where a file is sorted by them.
fn sorted_limit(config: &DataConfig, origin: &str, class_names: &[String], train: &[u32]) -> Option<String> {
    let limit = config.limit.filter(|limit| *limit == train.len() && !class_names.is_empty())?;
    let mut seen = vec![false; class_names.len()];
    train.iter().for_each(|class| seen[*class as usize] = true);
    let (there, all) = (seen.iter().filter(|seen| **seen).count(), class_names.len());
    let runs = 1 + train.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let sorted = runs == there && there > 1 && train.len() > 2 * there;
    (there < all || sorted).then(|| {
        format!(
            "{origin}: data.limit keeps the first {limit} training records, which are of {there} of {all} classes{}; \
             shuffle the file, or leave data.limit out",
            if sorted { " and sorted by them" } else { "" }
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_on_sorted_labels_is_told() {
        let names: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
        let said = |limit: usize, train: &[u32]| {
            let config = DataConfig { limit: Some(limit), ..DataConfig::new("csv") };
            of_rows(&config, "a.csv", &names, train, vec![]).join(" ")
        };
        assert!(said(4, &[0, 0, 0, 0]).contains("first 4 training records, which are of 1 of 3 classes"));
        assert!(said(9, &[0, 0, 0, 1, 1, 1, 2, 2, 2]).contains("sorted by them"));
        assert_eq!(said(5, &[0, 2, 1, 0, 1]), "");
        assert_eq!(said(20, &[0, 0, 0, 1, 1, 1]), "");
    }
}
