//! Exact deletion from a linear graph network (Cong & Mahdavi 2022, "GraphEditor: an efficient graph representation
//! learning and unlearning approach"). Features are spread along the edges, X̄ = Âᴷ X, and a ridge regression on the
//! rows of the training nodes classifies them; a deletion changes some rows, and the regression is corrected in closed
//! form.

pub mod dense;
pub mod ridge;
pub(in crate::methods) mod spread;

use serde::{Deserialize, Serialize};

use self::dense::Mat;
use self::ridge::{Ridge, Rows};
use crate::methods::prelude::*;
use crate::nn::Model;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "graph_editor",
    summary: "deletes rows from a ridge regression on spread features in closed form: a fit without them, up to \
        rounding (a network of one sgc layer)",
    citation: "Cong & Mahdavi 2022 (GraphEditor)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: &[RecordKind::Node],
    settings: &[&[real(
        "lambda",
        "0.01",
        Range::POSITIVE,
        "Of the sum of squares; spread and normalised features are small, so this binds little.",
    )]],
    build: |table| settings::build::<GraphEditor>(&ROW, table),
};

/// The regression takes the place of what training found: min ‖X̄ W − Y‖² + lambda ‖W‖² over the training nodes, Y
/// their classes one-hot, the bias a column of ones and held down like any weight. It is fitted with everything in the
/// graph, which counts as precomputed, and the request then edits it: rows of deleted training nodes go, and rows that
/// the deletion changes are traded for their new ones. On the host, in f64: the result is that of a fit without what
/// was deleted, up to rounding.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct GraphEditor {
    lambda: f64,
}

/// The one layer.
struct Linear {
    name: String,
    /// Hops.
    k: usize,
    bias: bool,
}

impl Linear {
    /// # Errors
    /// The network is another one.
    fn of(model: &Model) -> Result<Linear> {
        let layer = match model.layers() {
            [layer] if layer.row().kind == "sgc" => layer.config(),
            _ => {
                return Err(Error::input(
                    "method `graph_editor` works on a linear network, one layer of type = \"sgc\"; train zoo = \"sgc\"",
                ));
            }
        };
        let word = |key: &str| layer.get(key);
        Ok(Linear {
            name: word("name").and_then(|v| v.as_str()).unwrap_or_default().to_owned(),
            k: word("k").and_then(|v| v.as_integer()).unwrap_or_default() as usize,
            bias: word("bias").and_then(|v| v.as_bool()).unwrap_or_default(),
        })
    }

    /// Writes a regression's weights [classes, features (+ 1)] into a flat vector.
    fn write(&self, model: &Model, w: &Mat, theta: &mut [f32]) -> Result<()> {
        let entry = model.layout.get(&format!("{}.lin.weight", self.name))?;
        let inputs = entry.len / w.rows.max(1);
        for class in 0..w.rows {
            let to = &mut theta[entry.offset + class * inputs..][..inputs];
            to.iter_mut().zip(w.row(class)).for_each(|(to, w)| *to = *w as f32);
        }
        if self.bias {
            let entry = model.layout.get(&format!("{}.lin.bias", self.name))?;
            (0..w.rows).for_each(|class| theta[entry.offset + class] = w.row(class)[inputs] as f32);
        }
        Ok(())
    }
}

/// Rows of nodes, from features spread over all of them.
fn rows(spread: &Mat, ids: &[u32], labels: &[u32], classes: usize, bias: bool) -> Rows {
    let positions: Vec<usize> = ids.iter().map(|id| *id as usize).collect();
    let mut x = spread.select(&positions);
    if bias {
        x = x.t().stacked(&Mat::new(1, ids.len(), vec![1.0; ids.len()])).t();
    }
    let mut y = Mat::zeros(ids.len(), classes);
    labels.iter().enumerate().for_each(|(i, class)| y.data[i * classes + *class as usize] = 1.0);
    Rows { ids: ids.to_vec(), x, y }
}

impl Method for GraphEditor {
    fn suits(&self, model: &Model) -> Result<()> {
        Linear::of(model).map(|_| ())
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let GraphView { graph, deletion, .. } = view.require_graph(ROW.name)?;
        let (layer, classes) = (Linear::of(session.model)?, session.model.classes);
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData, Read::ForgetData]);
        let mut all = [view.retain, view.forget].concat();
        all.sort_unstable();
        all.dedup();
        let gone: Vec<u32> = all.iter().filter(|id| view.retain.binary_search(id).is_err()).copied().collect();
        let (old, mut ridge) = timed(&mut account.precompute_s, || {
            let old = spread::spread(graph, layer.k);
            let labels = session.classes(&all)?;
            let ridge = Ridge::fit(rows(&old, &all, &labels, classes, layer.bias), self.lambda)?;
            Ok((old, ridge))
        })?;
        let mut theta = session.read_theta()?;
        let changed = timed(&mut account.method_s, || {
            let new = spread::spread(&graph.without(deletion), layer.k);
            let differs = |id: &&u32| new.row(**id as usize) != old.row(**id as usize);
            let changed: Vec<u32> = view.retain.iter().filter(differs).copied().collect();
            let labels = session.classes(&changed)?;
            ridge.edit(&gone, &rows(&new, &changed, &labels, classes, layer.bias))?;
            layer.write(session.model, &ridge.weights(), &mut theta)?;
            session.write_theta(&theta)?;
            Ok(changed.len())
        })?;
        account.note("rows_deleted", gone.len());
        account.note("rows_changed", changed);
        account.note("rows", ridge.ids().len());
        let what = "ridge regression on spread features, as fitted without the rows up to rounding";
        account.note("model", format!("{what}; not what training had found"));
        account.close(session, &origin)
    }
}
