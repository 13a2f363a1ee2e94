//! Unlearning methods: what a method is given, what it must account for, and the registry. No method sees the test
//! split, and none can score itself: this module may not import `eval`.

pub mod ascent;
pub mod composite;
pub mod exact;
pub mod fisher;
pub mod graph;
pub mod prelude;
pub mod second_order;
pub mod shared;
pub mod teaching;
mod tier;
pub mod tuning;
mod view;

pub use self::second_order::certificate::Certificate;
pub use self::shared::account::{Account, Details, StoppedBy, Student};
pub use self::shared::guarantee::Guarantee;
pub use self::shared::ratios::Ratios;
pub use self::shared::settings::{Reported, Setting};
pub use self::tier::{Read, Tier};
pub use self::view::{GraphView, Past, View};
pub use crate::data::RecordKind;
use crate::data::{Cut, Dataset, TargetKind};
use crate::error::{Error, Result};
use crate::nn::Model;
use crate::records::Session;
use crate::records::objective::Of;
use crate::train::TrainConfig;

/// Records that stand alone, texts among them.
pub const ALONE: &[RecordKind] = &[RecordKind::Row];

/// The records that have a class each: what most methods take.
pub const CLASSIFIED: &[RecordKind] = &[RecordKind::Row, RecordKind::Node, RecordKind::Graph];

/// What a method is to an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What every other method is measured against: one row of the registry.
    Reference,
    /// What every other method must beat where there is a graph: one row of the registry.
    Floor,
    /// Any other.
    Method,
}

/// What a method needs to know of how the weights were trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: what it takes of a recipe (batch size, weight decay) has defaults.
    Nothing,
    /// A recipe to train by.
    Recipe,
    /// The very training that made the weights.
    History,
}

/// A method with its settings.
pub trait Method: Reported + Send + Sync {
    /// Whether it can work on this network.
    ///
    /// # Errors
    /// A sentence that says what the network lacks.
    fn suits(&self, _model: &Model) -> Result<()> {
        Ok(())
    }

    /// Whether it can work on what this recipe trains.
    ///
    /// # Errors
    /// A sentence that says what the recipe lacks.
    fn suits_recipe(&self, _recipe: &TrainConfig) -> Result<()> {
        Ok(())
    }

    /// Whether it can work on records of which this is to be predicted.
    ///
    /// # Errors
    /// A sentence that says what they lack.
    fn suits_targets(&self, _targets: TargetKind) -> Result<()> {
        Ok(())
    }

    /// What it needs to know of the training, with these settings.
    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    /// What is known of its cost before it begins, on `records` training records of a kind.
    fn foretells(&self, _kind: RecordKind, _records: usize, _recipe: &TrainConfig) -> Option<String> {
        None
    }

    /// Whether it goes on from what was computed on the data as they were fitted with the forgotten records: refused
    /// where fitting without them gives other data.
    fn goes_on(&self) -> bool {
        false
    }

    /// Whether it costs several retrains, so that it runs where it is named and not among all methods.
    fn is_costly(&self) -> bool {
        false
    }

    /// Whether it reads the weights of the runs that the run came from: [`Past::before`].
    fn looks_back(&self) -> bool {
        false
    }

    /// Whether it works on data and network as if the forgotten records had never been there, as exact methods do.
    fn fits_anew(&self) -> bool {
        false
    }

    /// Changes the session's parameters so that `view.forget` is forgotten.
    ///
    /// # Errors
    /// A request or a network that it cannot work on; a loss that is not finite; a lost device.
    fn forget(&self, session: &mut Session, view: &View) -> Result<Account>;
}

/// One row of [`METHODS`].
pub struct MethodRow {
    /// What `--method` and experiments say.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// Where it comes from.
    pub citation: &'static str,
    /// What may be claimed of its result.
    pub tier: Tier,
    /// What it is to an experiment.
    pub role: Role,
    /// The records that it works on.
    pub takes: &'static [RecordKind],
    /// Its settings, in groups; [`MethodRow::settings`] has them one by one.
    pub settings: &'static [&'static [Setting]],
    /// The method with its defaults overlaid by the table: [`shared::settings::build`].
    pub build: fn(toml::Table) -> Result<Box<dyn Method>>,
}

impl MethodRow {
    /// Its settings, in the order of its documentation.
    pub fn settings(&self) -> impl Iterator<Item = &'static Setting> {
        self.settings.iter().copied().flatten()
    }

    /// Whether it works on data and network as if the forgotten records had never been there: exact methods do, and
    /// what asks for it by [`Method::fits_anew`].
    pub fn fits_anew(&self) -> bool {
        self.tier.is_exact() || (self.build)(toml::Table::new()).is_ok_and(|method| method.fits_anew())
    }

    /// Refuses link data for a method that needs records with classes.
    ///
    /// # Errors
    /// One sentence with the methods that do not.
    pub fn check_data(&self, data: &Dataset) -> Result<()> {
        if self.takes.contains(&RecordKind::Link) {
            return Ok(());
        }
        data.refuse_links(|| {
            format!(
                "method `{}` works on records with a class each, and the records of `{}` are links (data.task = \
                    \"link\"); use {}",
                self.name,
                data.name,
                of_links().join(" or ")
            )
        })
    }
}

fn of_links() -> Vec<&'static str> {
    METHODS.iter().filter(|row| row.takes.contains(&RecordKind::Link)).map(|row| row.name).collect()
}

/// Every method, in the order in which reports list them.
pub static METHODS: &[&MethodRow] = &[
    &exact::retrain::ROW,
    &exact::replay::ROW,
    &exact::sisa::ROW,
    &exact::graph_eraser::ROW,
    &exact::coupling::ROW,
    &tuning::finetune::ROW,
    &tuning::l1_sparse::ROW,
    &tuning::noisy_finetune::ROW,
    &tuning::rewind::ROW,
    &tuning::amnesiac::ROW,
    &tuning::cf_k::ROW,
    &tuning::eu_k::ROW,
    &tuning::selective::ROW,
    &tuning::masked_gradients::ROW,
    &tuning::conv_transpose::ROW,
    &tuning::shrink_perturb::ROW,
    &ascent::gradient_ascent::ROW,
    &ascent::neg_grad_plus::ROW,
    &ascent::grad_diff::ROW,
    &ascent::kl_min::ROW,
    &ascent::npo::ROW,
    &ascent::npo::SIMPLE,
    &ascent::idk_dpo::ROW,
    &ascent::wga::ROW,
    &ascent::sfr_on::ROW,
    &fisher::noise::ROW,
    &fisher::ssd::ROW,
    &ascent::fisher_ascent::ROW,
    &ascent::woodfisher::ROW,
    &ascent::ewc_ascent::ROW,
    &fisher::fisher_removal::ROW,
    &fisher::fisher_forgetting::ROW,
    &tuning::salun::ROW,
    &tuning::random_label::ROW,
    &tuning::boundary_shrink::ROW,
    &tuning::boundary_expand::ROW,
    &teaching::scrub::ROW,
    &teaching::scrub::REWINDING,
    &teaching::bad_teacher::ROW,
    &teaching::distill::ROW,
    &teaching::trew::ROW,
    &teaching::undial::ROW,
    &teaching::rmu::ROW,
    &tuning::class_mean::ROW,
    &teaching::datamodel_matching::ROW,
    &tuning::ltu::ROW,
    &composite::ROW,
    &second_order::influence::ROW,
    &second_order::newton::ROW,
    &second_order::certified_removal::ROW,
    &second_order::certified_sgc::ROW,
    &second_order::delta_grad::ROW,
    &graph::unlink::ROW,
    &graph::graph_repair::ROW,
    &graph::gnn_delete::ROW,
    &graph::edge_mask::ROW,
    &graph::graph_editor::ROW,
    &graph::megu::ROW,
    &graph::cognac::ROW,
    &graph::d2dgn::ROW,
    &graph::idea::ROW,
    &graph::etr::ROW,
];

/// # Errors
/// A request that takes parts of texts, for a method that goes through the very training that made the weights: there a
/// text is whole, or not at all.
pub fn suits_cuts(row: &MethodRow, method: &dyn Method, cuts: &[Cut]) -> Result<()> {
    match method.needs() {
        Needs::History if !cuts.is_empty() => Err(Error::input(format!(
            "method `{}` goes through the training that made the weights, in which a text is whole or not there, and \
             the request takes parts of texts (kind span); use retrain, a method of ascent, or ask for whole records",
            row.name
        ))),
        _ => Ok(()),
    }
}

/// # Errors
/// Records without a class, for a method that needs one: what `why` says of it.
pub(crate) fn needs_classes(method: &str, targets: TargetKind, why: &str) -> Result<()> {
    match targets {
        TargetKind::Class => Ok(()),
        other => Err(Error::input(format!("method `{method}` {why}, and the data are {}", other.records()))),
    }
}

/// # Errors
/// Records of no likelihood, for a method that compares those: classes and texts have one.
pub(crate) fn needs_likelihoods(method: &str, targets: TargetKind) -> Result<()> {
    match targets {
        TargetKind::Text => Ok(()),
        other => needs_classes(method, other, "compares likelihoods of classes or tokens"),
    }
}

/// # Errors
/// A network whose outputs say no probabilities: those of a softmax do, of a record or of each token of a text.
pub(crate) fn needs_probabilities(session: &Session, method: &str) -> Result<()> {
    match session.objective().of {
        Of::Tokens => Ok(()),
        _ => session.needs_softmax(method),
    }
}

/// The row of a method.
///
/// # Errors
/// An unknown name.
pub fn find(name: &str) -> Result<&'static MethodRow> {
    let names: Vec<_> = METHODS.iter().map(|m| m.name).collect();
    let found = METHODS.iter().find(|m| m.name == name);
    found.copied().ok_or_else(|| Error::input(format!("method `{name}` is unknown; there are {}", names.join(", "))))
}

/// The role of the method of this name; none where no method has it.
pub fn role(name: &str) -> Option<Role> {
    METHODS.iter().find(|row| row.name == name).map(|row| row.role)
}

/// The method that every other is measured against.
pub fn reference() -> &'static MethodRow {
    &exact::retrain::ROW
}

#[cfg(test)]
mod tests;
