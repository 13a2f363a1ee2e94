//! Certified removal of nodes, edges and features from a linear graph network: Newton steps on spread features, their
//! residual bounded and charged to a budget.

mod worst;

use serde::{Deserialize, Serialize};
use serde_json::json;

use self::worst::Worst;
use crate::methods::prelude::*;
use crate::methods::second_order::certificate::Certificate;
use crate::methods::second_order::removal::{Asked, Left, Removal, SETTINGS, certifiable};
use crate::nn::Model;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "certified_sgc",
    summary: "Newton steps on a linear graph network trained with a noisy objective, after which nodes, edges or \
        features are gone within (epsilon, delta) (a network of one sgc layer)",
    citation: "Chien, Pan & Milenkovic, ICLR 2023 (Efficient Model Updates for Approximate Unlearning of \
        Graph-Structured Data), with a bound for softmax and symmetric normalisation",
    tier: Tier::Certified,
    role: Role::Method,
    takes: &[RecordKind::Node],
    settings: &[&SETTINGS, &[choice("bound", "data", BOUNDS, "What is charged to the budget.")]],
    build: |table| settings::build::<CertifiedSgc>(&ROW, table),
};

const BOUNDS: &[(&str, &str)] = &[
    ("data", "what the step can have left, by the step that was taken"),
    ("worst", "what it could have left whatever was deleted, known before the step from the graph's shape"),
];

/// [`Removal`] on the rows x̃ = (x̄, 1), X̄ = Âᵏ X, of a network of one `sgc` layer. A deletion takes some records away
/// and changes the rows of others; a retrain minimises the same sum over the rows of the reduced graph, so that steps
/// and bound are those of [`super::certificate`] on these. The source's are of one class against the others each, with
/// the old gradient less the new; a step from the new gradient alone also takes off what earlier steps had left.
///
/// **In the worst case** nothing of the deleted thing is known but how many edges, nodes and features go. With β the
/// gradient of the old sum (what was spent bounds it), R the longest x̃, T = Σ ‖x̄'_i − x̄_i‖ over the nodes that stay
/// ([`worst`]), and a record's gradient (p − y) x̃ᵀ, ‖p − y‖ ≤ √2, where softmax moves by at most half of what its
/// logits do, the gradient of the new sum before a step is at most
///
/// B = β + n_gone (√2 R + λ ‖θ‖) + (√2 + ½ ‖θ‖ R) T.
///
/// The sum's Hessian is at least λ n, so a step is no longer than (B + s) / (λ n) with s the residual of its linear
/// system; a row's logits move by at most R times that; and ‖X̃‖₂² ≤ n R². By [`super::certificate`] it leaves at most
///
/// B' = γ R³ (B + s)² / (2 λ² n) + s,
///
/// which is the B of the next. The source's are γ (…)² / (λ⁴ n) with its own T; both are far above what is left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct CertifiedSgc {
    #[serde(flatten)]
    removal: Removal,
    bound: Bound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Bound {
    Data,
    Worst,
}

/// Room for what rounding does to measured lengths.
const MARGIN: f64 = 1.0 + 1e-4;

/// Hops of the one layer, and whether it has a bias.
///
/// # Errors
/// The network is another one.
fn head(model: &Model) -> Result<(usize, bool)> {
    let rows = model.layers().iter().map(|layer| layer.row().kind);
    match (model.layers(), rows.eq(["sgc"])) {
        ([layer], true) => {
            let config = layer.config();
            let hops = config.get("k").and_then(|k| k.as_integer()).unwrap_or_default() as usize;
            Ok((hops, config.get("bias").and_then(|bias| bias.as_bool()).unwrap_or_default()))
        }
        _ => Err(Error::input(format!(
            "method `{}` is proven for a linear graph network, one layer of type = \"sgc\"; train zoo = \"sgc\" with \
                train.objective_noise, or use `idea` or `influence`",
            ROW.name
        ))),
    }
}

/// An upper bound of ‖X̃‖₂: the root of the sum of all squared rows, of which the constants 1 are the most.
fn spectral(session: &mut Session, retain: &[u32]) -> Result<f64> {
    let theta = session.read_theta()?;
    session.write_theta(&vec![0.0; theta.len()])?;
    // With all parameters 0 a record's gradient has the length √(1 − 1/K) ‖x̃‖.
    let norms = statistics::norms(session, Records::train(retain));
    session.write_theta(&theta)?;
    let squares: f64 = norms?.iter().map(|norm| f64::from(*norm).powi(2)).sum();
    Ok(MARGIN * (squares / (1.0 - 1.0 / session.model.classes as f64)).sqrt())
}

impl CertifiedSgc {
    /// What the request can have left at worst, or why that is not known.
    fn worst(&self, session: &mut Session, view: &View, graph: &GraphView) -> Result<std::result::Result<Worst, &str>> {
        let (hops, bias) = head(session.model)?;
        let gone = view.forget.iter().filter(|id| view.retain.binary_search(id).is_err()).count();
        let theta = session.read_theta()?.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        Ok(Worst::of(graph, (hops, bias), (view.retain.len(), gone), (view.train.weight_decay, theta)))
    }
}

impl Method for CertifiedSgc {
    fn suits(&self, model: &Model) -> Result<()> {
        head(model).map(|_| ())
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
        let graph = view.require_graph(ROW.name)?;
        self.suits(session.model)?;
        certifiable(ROW.name, view.train)?;
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData, Read::ForgetData]);
        let mut clock = 0.0;
        timed(&mut clock, || {
            let worst = self.worst(session, view, &graph)?;
            account.note("worst", json!(worst.as_ref().ok()));
            if let (Bound::Worst, Err(why)) = (self.bound, &worst) {
                return Err(Error::input(format!("method `{}`: bound = \"worst\" {why}; take \"data\"", ROW.name)));
            }
            let charge = |before: &Certificate, left: &[Left]| match (self.bound, &worst) {
                (Bound::Worst, Ok(worst)) => worst.left(before.spent, left),
                _ => left.last().map_or(0.0, Left::spent),
            };
            let spectral = spectral(session, view.retain)?;
            self.removal.remove(session, view, Asked { name: ROW.name, spectral, charge: &charge }, &mut account)
        })?;
        account.method_s += clock;
        account.close(session, &origin)
    }
}
