//! What a configuration loads: `unlearn data`.

use std::fmt::Write;

use serde::Serialize;

use crate::data::{Dataset, Encoding, Fitted, NOTHING, Naming, Place, Portion, RecordKind, TargetKind, Who};

/// Name and version of the document.
pub const SCHEMA: &str = "unlearn.data/1";

/// Groups of identical records that are listed.
const LISTED: usize = 10;

/// A data set in figures and names.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Description {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Version of the program.
    pub version: &'static str,
    /// The data set's name.
    pub name: String,
    /// What a record is: `row`, `node`, `graph` or `link`.
    pub records: &'static str,
    /// One record.
    pub shape: Vec<usize>,
    /// Records of each part, by class.
    pub splits: Vec<SplitCount>,
    /// What the ids of records are, in words, and the column of subjects.
    pub ids: Ids,
    /// What was fitted on the training part.
    pub fitted: Fitted,
    /// Records with identical input and label.
    pub duplicates: Duplicates,
    /// What a reader should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Records of a part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SplitCount {
    /// The part.
    pub split: Portion,
    /// How many records.
    pub count: usize,
    /// Of each class, in the order of the classes: name and count; of several labels, how many records have each.
    pub classes: Vec<(String, usize)>,
    /// Of each real target, in the units of the data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetFigures>,
}

/// A real target over the records of a part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TargetFigures {
    /// Its name.
    pub name: String,
    /// Mean.
    pub mean: f64,
    /// Standard deviation (population).
    pub sd: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

/// What ids are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ids {
    /// In words.
    pub are: String,
    /// The first records of the training part.
    pub first: Vec<Who>,
    /// The column of subjects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// How many subjects there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subjects: Option<usize>,
}

/// Identical records.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Duplicates {
    /// Groups of records that are identical.
    pub groups: usize,
    /// Records in them.
    pub records: usize,
    /// Groups with records of several parts: what was trained on is tested on.
    pub across: usize,
    /// The first groups.
    pub first: Vec<Vec<Who>>,
}

impl Description {
    /// Of a data set.
    pub fn of(data: &Dataset) -> Description {
        let groups = data.twins().groups();
        let across = groups.iter().filter(|group| group.iter().any(|place| place.portion != group[0].portion)).count();
        let whole = |group: &Vec<Place>| group.iter().map(|place| data.describe(*place)).collect();
        let subjects = data.who.subject.is_some().then(|| data.who.subjects().len());
        let first = data.places(Portion::Train).take(3).map(|place| data.describe(place)).collect();
        Description {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            name: data.name.clone(),
            records: data.kind().name(),
            shape: data.shape.clone(),
            splits: Portion::ALL.into_iter().map(|portion| split(data, portion)).collect(),
            ids: Ids { are: data.what_ids_are(), first, subject: data.who.subject.clone(), subjects },
            fitted: data.fitted(),
            duplicates: Duplicates {
                groups: groups.len(),
                records: groups.iter().map(Vec::len).sum(),
                across,
                first: groups.iter().take(LISTED).map(whole).collect(),
            },
            notes: notes(data),
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "{}: records are {}s of shape {:?}", self.name, self.records, self.shape);
        for split in &self.splits {
            let mut classes: Vec<String> =
                split.classes.iter().map(|(name, count)| format!("{name} {count}")).collect();
            classes.extend(
                split
                    .targets
                    .iter()
                    .map(|t| format!("{} {:.6} ± {:.6} ({:.6} to {:.6})", t.name, t.mean, t.sd, t.min, t.max)),
            );
            let _ = writeln!(out, "  {:<10} {:>7}  {}", split.split.name(), split.count, classes.join(", "));
        }
        let _ = writeln!(out, "{}", self.ids.are);
        for who in &self.ids.first {
            let row = who.row.map(|row| format!(" is row {row}")).unwrap_or_default();
            let class = match (&who.class, &self.fitted.targets) {
                (Some(class), _) => format!(", class {class}"),
                (None, Some(_)) => String::new(),
                (None, None) => ", class none".to_owned(),
            };
            let _ = writeln!(out, "  {}{row}{class}", who.id);
        }
        if let (Some(column), Some(count)) = (&self.ids.subject, self.ids.subjects) {
            let _ = writeln!(out, "subjects: {count}, in the column `{column}`");
        }
        self.fit_text(&mut out);
        let d = &self.duplicates;
        let _ = writeln!(
            out,
            "identical records: {} in {} groups, {} groups over several parts",
            d.records, d.groups, d.across
        );
        for note in &self.notes {
            let _ = writeln!(out, "note: {note}");
        }
        out
    }

    fn fit_text(&self, out: &mut String) {
        let fitted = &self.fitted;
        if !fitted.columns.is_empty() {
            let _ = writeln!(out, "columns, as the training part has them:");
        }
        for fit in &fitted.columns {
            let said = match &fit.encoding {
                Encoding::Numeric { mean, indicator } => {
                    format!("a number; missing: {mean}{}", if *indicator { ", and a feature that says so" } else { "" })
                }
                Encoding::Numbered { width } => format!("numbers below {width}, one feature each"),
                Encoding::Categorical { categories } => {
                    let names: Vec<&str> =
                        categories.iter().map(|name| name.as_deref().unwrap_or("(missing)")).take(12).collect();
                    let more = if categories.len() > 12 { ", …" } else { "" };
                    format!("{} categories: {}{more}", categories.len(), names.join(", "))
                }
            };
            let _ = writeln!(out, "  {}: {said}", fit.column);
        }
        let n = &fitted.normalization;
        let kind = serde_json::to_value(n.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
        let few = |values: &[f64]| {
            let shown: Vec<String> = values.iter().take(6).map(|value| format!("{value:.6}")).collect();
            shown.join(", ") + if values.len() > 6 { ", …" } else { "" }
        };
        let _ = match n.offset.is_empty() {
            true => writeln!(out, "normalisation: {}", kind.unwrap_or_default()),
            false => writeln!(
                out,
                "normalisation: {}, (x - offset) / scale; offset {}; scale {}",
                kind.unwrap_or_default(),
                few(&n.offset),
                few(&n.scale)
            ),
        };
        if let Some(fit) = fitted.targets.as_ref().filter(|fit| !fit.offset.is_empty()) {
            let (offset, scale) = (few(&fit.offset), few(&fit.scale));
            let _ = writeln!(out, "targets: standardised, (t - offset) / scale; offset {offset}; scale {scale}");
        }
    }
}

fn split(data: &Dataset, portion: Portion) -> SplitCount {
    let part = data.part(portion);
    let (count, width) = (part.len(), data.class_names.len());
    let mut counts = vec![0; width];
    let mut targets = Vec::new();
    match (&part.targets, &data.targets) {
        (Some(table), Some(fit)) if fit.kind == TargetKind::Real => {
            let values = fit.in_units(&table.values);
            let column = |c: usize| values.iter().skip(c).step_by(width).copied().collect::<Vec<f64>>();
            counts.clear();
            targets.extend(data.class_names.iter().enumerate().filter_map(|(c, name)| figures(name, &column(c))));
        }
        (Some(table), _) if table.kind == TargetKind::Text => {
            let tokens = part.x.iter().filter(|token| **token != NOTHING);
            tokens.for_each(|token| counts[*token as usize] += 1);
        }
        (Some(table), _) => {
            let has = table.values.iter().enumerate().filter(|(_, value)| **value > 0.5);
            has.for_each(|(at, _)| counts[at % width] += 1);
        }
        (None, _) => part.y.iter().for_each(|class| counts[*class as usize] += 1),
    }
    SplitCount { split: portion, count, classes: data.class_names.iter().cloned().zip(counts).collect(), targets }
}

/// Of some values; none of no value.
fn figures(name: &str, values: &[f64]) -> Option<TargetFigures> {
    let (count, min) = (values.len() as f64, values.iter().copied().reduce(f64::min)?);
    let mean = values.iter().sum::<f64>() / count;
    let sd = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
    Some(TargetFigures { name: name.to_owned(), mean, sd, min, max: values.iter().copied().fold(min, f64::max) })
}

/// What loading noted, and what follows from the figures.
fn notes(data: &Dataset) -> Vec<String> {
    let mut notes = data.notes.clone();
    if data.kind() == RecordKind::Row && data.who.naming == Naming::Rows && !data.columns.is_empty() {
        notes.push("ids are row numbers, which change when a row is deleted; data.id names a column that stays".into());
    }
    notes
}
