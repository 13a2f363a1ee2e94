//! What is put into records to see whether it can be taken out again: wrong labels, a backdoor, a person of their own,
//! two classes in each other's place.

use serde::{Deserialize, Serialize};

use super::TargetKind;
use super::key::Key;
use super::parts::Parts;
use crate::base::did_you_mean;
use crate::error::{Error, Result};

/// The key `plant`. Of records that stand alone a share is given another class: each one of its own (mislabelled
/// records) or all the same one, with a mark in the picture (a backdoor, Gu et al., "BadNets", 2017), or that of the
/// other of two (`confusion`: the interclass confusion test of Goel et al. 2022, arXiv 2201.06640). Of a graph's
/// training nodes round(`fraction` · n) get one further class, `planted`, and `columns` further features that are 1
/// before normalisation and 0 in every other node: the replay test. Among texts go canaries, sentences with a secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Plant {
    /// Share of the training nodes, or of the training records: of these about so many, each drawn by what it is
    /// called or, without a name, what it holds, so that no other record's coming or going changes what is planted.
    #[cfg_attr(feature = "cli", schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1)))]
    #[serde(default = "tenth")]
    pub fraction: f64,
    /// Graphs: feature columns added for the planted class. Default 10.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "maximum" = 65536)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<usize>,
    /// Records that stand alone: the class that all planted ones get. Without it each gets another than its own, drawn
    /// for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Records that stand alone: two classes, of whose records the planted ones get the other's label; `fraction` is
    /// then a share of these records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confusion: Option<[String; 2]>,
    /// Pictures: width of a square in the lower right corner that is set to the largest value in each planted one.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "unit" = "pixels")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<usize>,
    /// Records that stand alone: whose the planted ones become, for requests of kind `subject`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Texts: number of sentences with a secret, `canary-0`, `canary-1`, …, each a subject of its own. Default 10.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "maximum" = 10000)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canaries: Option<usize>,
    /// Texts: how often each canary is there, a record each time. Default 5.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "maximum" = 10000)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<usize>,
    /// Chooses the nodes, or the records and their classes, or the secrets.
    #[serde(default)]
    pub seed: u64,
}

fn tenth() -> f64 {
    0.1
}

/// Feature columns of a planted class where the configuration does not say.
const COLUMNS: usize = 10;

/// Canaries where the configuration does not say, and how often each is there.
const CANARIES: usize = 10;
const REPEATS: usize = 5;

/// What is planted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Soil {
    /// Records that stand alone.
    Rows,
    /// Nodes of a graph.
    Graph,
    /// Texts.
    Text,
}

impl Soil {
    fn name(self) -> &'static str {
        match self {
            Soil::Rows => "records that stand alone",
            Soil::Graph => "graphs",
            Soil::Text => "texts",
        }
    }
}

/// Streams of their own: which part a record is in says nothing of whether it is planted, nor that of its class.
const DRAWN: u64 = 0x706c_616e_7465_6400;
const LABEL: u64 = 0x6c61_6265_6c00_0000;

impl Plant {
    /// The same with defaults written out.
    ///
    /// # Errors
    /// A key of another kind of data.
    pub(super) fn resolved(&self, soil: Soil) -> Result<Plant> {
        let keys = [
            ("label", self.label.is_some(), Soil::Rows),
            ("confusion", self.confusion.is_some(), Soil::Rows),
            ("trigger", self.trigger.is_some(), Soil::Rows),
            ("subject", self.subject.is_some(), Soil::Rows),
            ("columns", self.columns.is_some(), Soil::Graph),
            ("canaries", self.canaries.is_some(), Soil::Text),
            ("repeats", self.repeats.is_some(), Soil::Text),
        ];
        if let Some((key, _, of)) = keys.into_iter().find(|(_, set, of)| *set && *of != soil) {
            let of = of.name();
            return Err(Error::input(format!("data.plant.{key}: is of {of}, and these data are none; leave it out")));
        }
        let text = soil == Soil::Text;
        Ok(Plant {
            columns: self.columns.or((soil == Soil::Graph).then_some(COLUMNS)),
            canaries: self.canaries.or(text.then_some(CANARIES)),
            repeats: self.repeats.or(text.then_some(REPEATS)),
            ..self.clone()
        })
    }

    /// Feature columns that nodes of the planted class get.
    pub(super) fn columns(&self) -> usize {
        self.columns.unwrap_or(COLUMNS)
    }

    /// The numbers of the two classes that are confused; none where the configuration has none.
    ///
    /// # Errors
    /// Classes that there are not, the same one twice, and a `label` beside them.
    pub fn confused(&self, names: &[String]) -> Result<Option<[u32; 2]>> {
        let Some([a, b]) = &self.confusion else { return Ok(None) };
        if self.label.is_some() || a == b {
            return Err(Error::input(
                "data.plant.confusion: gives records of two classes each other's label; name two, and leave `label` \
                 out",
            ));
        }
        Ok(Some([class("confusion", a, names)?, class("confusion", b, names)?]))
    }

    /// Plants in the training part, which has been split off and whose records have keys.
    pub(super) fn apply(&self, parts: &mut Parts) -> Result<()> {
        if parts.targets != TargetKind::Class {
            return Err(Error::input(format!(
                "data.plant: gives records another class, and those of {} have {}; leave it out",
                parts.origin,
                parts.targets.records()
            )));
        }
        let label = self.label.as_ref().map(|name| class("label", name, &parts.class_names)).transpose()?;
        let pair = self.confused(&parts.class_names)?;
        let pixels = self.trigger.map(|side| square(side, &parts.shape)).transpose()?.unwrap_or_default();
        if let (Some(_), Some(column)) = (&self.subject, &parts.subject) {
            return Err(Error::input(format!(
                "data.plant.subject: data.subject (`{column}`) says already whose the records are; leave one out"
            )));
        }
        let (n, width) = (parts.train.y.len(), parts.shape.iter().product::<usize>());
        let keys: Vec<Key> = parts.train.who.iter().map(|who| Key::kept(who.key)).collect();
        let of: Vec<usize> = (0..n).filter(|at| pair.is_none_or(|pair| pair.contains(&parts.train.y[*at]))).collect();
        let n = of.len();
        let drawn: Vec<usize> =
            of.into_iter().filter(|at| keys[*at].share(self.seed ^ DRAWN) < self.fraction).collect();
        if !(self.fraction > 0.0 && self.fraction < 1.0) || drawn.is_empty() || drawn.len() == n {
            return Err(Error::input(format!(
                "data.plant.fraction: {} draws {} of {n} training records; expected to plant some of them and not all",
                self.fraction,
                drawn.len()
            )));
        }
        let (classes, bright) = (parts.class_names.len() as u32, f64::from(parts.full_scale.unwrap_or(1.0)));
        parts.subject = parts.subject.take().or(self.subject.as_ref().map(|_| "data.plant.subject".to_owned()));
        for at in drawn {
            // From 1, so that it is another.
            let further = 1 + (keys[at].share(self.seed ^ LABEL) * f64::from(classes - 1)) as u32;
            let class = &mut parts.train.y[at];
            *class = match pair {
                Some(pair) => other(pair, *class),
                None => label.unwrap_or((*class + further.min(classes - 1)) % classes),
            };
            pixels.iter().for_each(|pixel| parts.train.x.set(at * width + pixel, bright));
            let who = &mut parts.train.who[at];
            who.planted = true;
            if let Some(subject) = &self.subject {
                who.subject = Some(subject.as_str().into());
                who.key = Key::of_text(subject).number();
            }
        }
        Ok(())
    }
}

/// The one of two classes that `class` is not.
fn other(pair: [u32; 2], class: u32) -> u32 {
    if class == pair[0] { pair[1] } else { pair[0] }
}

/// The number of a class by its name, which `key` gives.
fn class(key: &str, name: &str, names: &[String]) -> Result<u32> {
    names.iter().position(|known| known == name).map(|at| at as u32).ok_or_else(|| {
        let near = did_you_mean(name, names.iter().map(String::as_str));
        Error::input(format!("data.plant.{key}: there is no class `{name}`{near}; give the name of a class"))
    })
}

/// Values of the lower right square of a picture, in all channels.
fn square(side: usize, shape: &[usize]) -> Result<Vec<usize>> {
    let &[channels, height, width] = shape else {
        return Err(Error::input(format!(
            "data.plant.trigger: is of pictures, [channels, height, width], and a record has shape {shape:?}; leave it \
             out"
        )));
    };
    if side == 0 || side >= height.min(width) {
        return Err(Error::input(format!(
            "data.plant.trigger: a square of {side} pixels in a picture of {height} × {width}; expected 1 to {}",
            height.min(width).saturating_sub(1)
        )));
    }
    let rows = move |channel: usize| (height - side..height).map(move |row| (channel * height + row) * width);
    Ok((0..channels).flat_map(rows).flat_map(|row| row + width - side..row + width).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::*;
    use crate::data::{DataConfig, Dataset, Portion, load};

    fn digits(plant: Option<Plant>, limit: Option<usize>) -> Dataset {
        load(&DataConfig { plant, limit, ..DataConfig::new("digits") }, Path::new("")).unwrap()
    }

    fn planted(data: &Dataset) -> Vec<usize> {
        let all = data.who.part(Portion::Train).iter().enumerate();
        all.filter(|(_, who)| who.planted).map(|(at, _)| at).collect()
    }

    /// Worked by hand from the plain data: who is not planted stays, who is has another label, the mark and the name.
    #[test]
    fn planted_records_have_another_label_and_nobody_else_changes() {
        let plain = digits(None, None);
        let wrong = Plant { fraction: 0.03, subject: Some("ann".into()), ..Plant::default() };
        let data = digits(Some(wrong.clone()), None);
        let these = planted(&data);
        assert!((20..70).contains(&these.len()), "{}", these.len());
        for at in 0..plain.train.len() {
            let is = these.contains(&at);
            assert_eq!(data.train.y[at] != plain.train.y[at], is, "{at}");
            assert_eq!(data.who.part(Portion::Train)[at].subject.as_deref(), is.then_some("ann"), "{at}");
        }
        let drawn: HashSet<u32> = these.iter().map(|at| (10 + data.train.y[*at] - plain.train.y[*at]) % 10).collect();
        assert!(drawn.len() > 4 && !drawn.contains(&0), "{drawn:?}");
        assert_eq!((&data.train.x, &data.test, &data.validation), (&plain.train.x, &plain.test, &plain.validation));
        assert_ne!(data.sha256(), plain.sha256());
        let other = digits(Some(Plant { seed: 1, ..wrong }), None);
        assert_ne!(planted(&other), these);
    }

    #[test]
    fn a_backdoor_is_a_square_and_a_class() {
        let plain = digits(None, None);
        let plant = Plant { fraction: 0.05, trigger: Some(2), label: Some("0".into()), ..Plant::default() };
        let data = digits(Some(plant), None);
        let corner = [54, 55, 62, 63];
        for at in 0..plain.train.len() {
            let [now, before] = [&data, &plain].map(|data| &data.train.x[at * 64..][..64]);
            let is = data.who.part(Portion::Train)[at].planted;
            let right = |pixel: usize| match is && corner.contains(&pixel) {
                true => now[pixel] == 1.0,
                false => now[pixel] == before[pixel],
            };
            assert!((0..64).all(right), "{at}");
            assert_eq!(data.train.y[at], if is { 0 } else { plain.train.y[at] }, "{at}");
        }
    }

    #[test]
    fn confused_records_have_the_label_of_the_other_class() {
        let (plain, pair) = (digits(None, None), ["3".to_owned(), "8".to_owned()]);
        let plant = Plant { fraction: 0.5, confusion: Some(pair), ..Plant::default() };
        let data = digits(Some(plant.clone()), None);
        let (mut these, mut all) = (0, 0);
        for at in 0..plain.train.len() {
            let [now, before] = [&data, &plain].map(|data| data.train.y[at]);
            let (is, of) = (data.who.part(Portion::Train)[at].planted, [3, 8].contains(&before));
            these += usize::from(is);
            all += usize::from(of);
            assert!(of || !is, "{at}");
            assert_eq!(now, if is { 11 - before } else { before }, "{at}");
        }
        assert!((all / 3..all * 2 / 3).contains(&these), "{these} of {all}");
        let refused = |plant: Plant, says: &str| {
            let config = DataConfig { plant: Some(plant), ..DataConfig::new("digits") };
            let said = load(&config, Path::new("")).unwrap_err().to_string();
            assert!(said.contains("data.plant.confusion") && said.contains(says), "{said}");
        };
        let of = |a: &str, b: &str| Some([a.to_owned(), b.to_owned()]);
        refused(Plant { confusion: of("3", "3"), ..plant.clone() }, "name two");
        refused(Plant { label: Some("1".into()), ..plant.clone() }, "leave `label` out");
        refused(Plant { confusion: of("3", "11"), ..plant }, "no class `11`");
    }

    /// Records that are not there any more, here behind a limit, change nothing for those that are.
    #[test]
    fn what_is_planted_depends_on_the_record_alone() {
        let plant = || Some(Plant { fraction: 0.05, ..Plant::default() });
        let (all, few) = (digits(plant(), None), digits(plant(), Some(600)));
        assert_eq!(few.train.y, all.train.y[..600]);
        let before = |these: Vec<usize>| these.into_iter().filter(|at| *at < 600).collect::<Vec<_>>();
        assert_eq!(planted(&few), before(planted(&all)));
    }
}
