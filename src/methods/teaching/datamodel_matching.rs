//! Datamodel matching: what a retrain would answer is predicted from many trainings with and without some of the
//! forgotten records, and the network learns to answer so.

use serde::{Deserialize, Serialize};

use crate::methods::prelude::*;
use crate::records::Source;
use crate::train::stack::{Job, fit_many, unknown};

mod attribution;

use attribution::{Attribution, members};

pub(crate) static ROW: MethodRow = MethodRow {
    name: "datamodel_matching",
    summary: "trains models on random parts of the forgotten records, predicts from them what a retrain would answer, \
              and teaches the network that; costs many retrains",
    citation: "Georgiev et al., ICLR 2025 (Attribute-to-Delete: Datamodel Matching, arXiv 2410.23232); datamodels of \
               Ilyas et al., ICML 2022",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: &[RecordKind::Row],
    settings: &[
        &[
            count("models", "16", 4, "Models that are trained, half of them beside their complements; an even number."),
            real("ridge", "1", Range::POSITIVE, "What draws a record's effect to 0, in units of |F| / 4."),
            real(
                "share",
                "0.3",
                Range::PART,
                "Of the retained records, drawn by the seed, that the network is taught.",
            ),
        ],
        &Sgd::settings(
            ("0.1", "Learning rate as a multiple of the recipe's."),
            ("0.25", "Passes over the taught retained records as a part of the recipe's."),
            "cosine",
        ),
    ],
    build: |table| settings::build::<DatamodelMatching>(&ROW, table),
};

/// Models k of the recipe are trained as stacks on the retained records and on a random part of the forgotten ones F,
/// all from one start. A linear datamodel of each output of a record, ridge regression on who of F was in, gives the
/// sum of the effects of F; the original's outputs less that are the targets t, and the network descends the mean of
/// Σ (z − t)² / C over F and over the taught retained records, as one set.
///
/// The source fits datamodels of all records once, on thousands of models, and for any request. Here the models are the
/// request's own: of n_R records that stay nothing is asked, and the parts of F are of all sizes, some next to none, so
/// that few models do. It is a stand-in for a retrain where many are affordable, and no shortcut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct DatamodelMatching {
    models: usize,
    ridge: f64,
    share: f64,
    #[serde(flatten)]
    sgd: Sgd,
}

/// Keeps the draw of taught records apart from the seed's other uses.
const STREAM_TAUGHT: u32 = 0x646d_7461;
/// Records of which the outputs of all models are held at once.
const AT_ONCE: usize = 4096;

impl DatamodelMatching {
    /// The parameters that models end with, trained on these parts of the forgotten records.
    fn trained(&self, session: &mut Session, view: &View, parts: &[Vec<bool>]) -> Result<Vec<Vec<f32>>> {
        let seed = view.past.seed.unwrap_or(view.seed);
        let (start, recipe) = (view.past.start(session.model, seed), whole_recipe(view.train));
        let with = |part: &Vec<bool>| {
            let members = view.forget.iter().zip(part).filter(|(_, is)| **is).map(|(at, _)| *at);
            let mut all: Vec<u32> = view.retain.iter().copied().chain(members).collect();
            all.sort_unstable();
            all
        };
        let sets: Vec<Vec<u32>> = parts.iter().map(with).collect();
        let jobs: Vec<Job> = sets.iter().map(|set| Job::new(set, seed, &start)).collect();
        let (source, model) = (Source::of(session), session.model);
        let trained = fit_many(session.engine, model, &source, &recipe, &jobs, |_, _| Ok(()))?;
        Ok(trained.into_iter().map(|one| one.theta).collect())
    }

    /// What a retrain is predicted to answer, [records, classes].
    fn predicted(
        &self,
        session: &mut Session,
        thetas: &[Vec<f32>],
        attribution: &Attribution,
        records: Records,
    ) -> Result<Vec<f32>> {
        let (model, own) = (session.model, session.read_theta()?);
        let mut all = Vec::new();
        for indices in records.indices.chunks(AT_ONCE) {
            let records = Records { indices, ..records };
            let now = statistics::logits(session, records)?;
            let each = thetas
                .iter()
                .map(|theta| {
                    session.write_theta(theta)?;
                    statistics::logits(session, records)
                })
                .collect::<Result<Vec<Vec<f32>>>>()?;
            session.write_theta(&own)?;
            debug_assert_eq!(now.len(), indices.len() * model.classes);
            all.extend((0..now.len()).map(|i| {
                let outputs: Vec<f64> = each.iter().map(|of| f64::from(of[i])).collect();
                (f64::from(now[i]) - attribution.of_all(&outputs)) as f32
            }));
        }
        Ok(all)
    }
}

impl Method for DatamodelMatching {
    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_classes(ROW.name, targets, "predicts outputs of classes")
    }

    fn suits_recipe(&self, recipe: &TrainConfig) -> Result<()> {
        match unknown(&whole_recipe(recipe)) {
            None => Ok(()),
            Some((key, mend)) => Err(Error::input(format!(
                "method `datamodel_matching` trains its models as stacks, which do not take {key}: {mend}, leave it \
                 out, or use retrain"
            ))),
        }
    }

    fn needs(&self) -> Needs {
        Needs::Recipe
    }

    fn is_costly(&self) -> bool {
        true
    }

    fn foretells(&self, _kind: RecordKind, _records: usize, recipe: &TrainConfig) -> Option<String> {
        Some(format!(
            "`{}` trains {} models by the whole recipe of {} epochs before it begins: it costs about as many retrains, \
             as stacks, and one retrain is exact",
            ROW.name, self.models, recipe.epochs
        ))
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        session.needs_softmax(ROW.name)?;
        let taught = view.drawn(((self.share * view.retain.len() as f64).round() as usize).max(1), STREAM_TAUGHT);
        let mut clock = 0.0;
        let targets = timed(&mut clock, || {
            let parts = members(view.forget, self.models, view.seed);
            let attribution = Attribution::of(&parts, self.ridge)?;
            let thetas = self.trained(session, view, &parts)?;
            let retained = self.predicted(session, &thetas, &attribution, Records::train(&taught))?;
            Ok((retained, self.predicted(session, &thetas, &attribution, Records::before(view.forget))?))
        })?;
        let reads = [Read::RetainData, Read::ForgetData];
        let view = &View { retain: &taught, ..*view };
        let mut account = learn(session, view, &self.sgd.recipe(view.train), &reads, |session| {
            let classes = session.model.classes;
            let (retain, forget) = (Task::retained(view, 1.0), Task::forgotten(view, in_proportion(view)));
            let kept = session.table("datamodels.retained", retain.records, classes, &targets.0)?;
            let left = session.table("datamodels.forgotten", forget.records, classes, &targets.1)?;
            let lesson = |outputs| Lesson::Match { outputs, weight: 1.0 };
            Ok(Plan { tasks: vec![retain.taught(lesson(kept)), forget.taught(lesson(left))], ..Plan::default() })
        })?;
        account.method_s += clock;
        account.note("models", self.models);
        account.note("models_s", clock);
        account.note("taught_records", taught.len());
        Ok(account)
    }
}
