//! Certified removal from a linear model: Newton steps towards the new optimum, a bound of what they leave, and a
//! budget that requests share.

use serde::{Deserialize, Serialize};

use crate::methods::prelude::*;
use crate::methods::second_order::certificate::{Certificate, spectral_bound};
use crate::methods::second_order::removal::{Asked, Left, Removal, SETTINGS, certifiable};
use crate::nn::Model;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "certified_removal",
    summary: "Newton steps on a linear model trained with a noisy objective, their residual bounded and counted \
        against (epsilon, delta)",
    citation: "Guo et al., ICML 2020; Chaudhuri et al., JMLR 2011, with a bound for softmax",
    tier: Tier::Certified,
    role: Role::Method,
    takes: &[RecordKind::Row],
    settings: &[&SETTINGS],
    build: |table| settings::build::<CertifiedRemoval>(&ROW, table),
};

/// [`Removal`] on records that stand alone. On digits (lambda 1e-2) the bound after removing a tenth of the records is
/// 55 with one step and 0.19 with two, of a budget of 0.23 sigma.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct CertifiedRemoval {
    #[serde(flatten)]
    removal: Removal,
}

impl Method for CertifiedRemoval {
    fn suits(&self, model: &Model) -> Result<()> {
        let rows = model.layers().iter().map(|layer| layer.row()).filter(|row| !row.facts.reshape);
        let kinds: Vec<&str> = rows.map(|row| row.kind).collect();
        match kinds == ["linear"] {
            true => Ok(()),
            false => Err(Error::input(format!(
                "method `{}` is proven for one linear layer (zoo = \"logistic\"), and the network has {}; put such a \
                    head on fixed features, or use `influence`",
                ROW.name,
                kinds.join(", ")
            ))),
        }
    }

    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_classes(ROW.name, targets, "is proven for softmax and cross-entropy")
    }

    fn suits_recipe(&self, recipe: &TrainConfig) -> Result<()> {
        certifiable(ROW.name, recipe)
    }

    fn needs(&self) -> Needs {
        Needs::History
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        self.suits(session.model)?;
        certifiable(ROW.name, view.train)?;
        let proven = "is proven for records that stand alone, and these are those of a graph; use certified_sgc";
        session.needs_alone(|| format!("method `{}` {proven}", ROW.name))?;
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData, Read::ForgetData]);
        let mut clock = 0.0;
        timed(&mut clock, || {
            let moments = statistics::moments(session, Records::train(view.retain))?;
            let spectral = spectral_bound(&moments, view.retain.len());
            let charge = |_: &Certificate, left: &[Left]| left.last().map_or(0.0, Left::spent);
            self.removal.remove(session, view, Asked { name: ROW.name, spectral, charge: &charge }, &mut account)
        })?;
        account.method_s += clock;
        account.close(session, &origin)
    }
}
