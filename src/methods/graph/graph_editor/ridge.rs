//! Ridge regression whose rows can be deleted and added in closed form: W = S XᵀY with S = (XᵀX + λI)⁻¹.
//!
//! Deleting rows (X', Y'): B = (I − X'S X'ᵀ)⁻¹, S ← S + S X'ᵀ B X'S, W ← W − S X'ᵀ B (Y' − X'W). Adding flips the signs
//! (GraphEditor, Cong & Mahdavi). The result is what a fit of the remaining rows gives, whatever was deleted.

use super::dense::{Cholesky, Mat};
use crate::error::{Error, Result};

/// Rows of a regression: of each the id of its node, its features and its targets.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// The node of each row.
    pub ids: Vec<u32>,
    /// [rows, features].
    pub x: Mat,
    /// [rows, classes]; one-hot for a classification.
    pub y: Mat,
}

impl Rows {
    fn select(&self, positions: &[usize]) -> Rows {
        let ids = positions.iter().map(|i| self.ids[*i]).collect();
        Rows { ids, x: self.x.select(positions), y: self.y.select(positions) }
    }
}

/// S, in whichever form is smaller.
#[derive(Clone, Debug)]
enum Inverse {
    /// M = (XXᵀ + λI)⁻¹ [rows, rows]; S = (I − XᵀMX) / λ stays implicit.
    Kernel(Mat),
    /// S itself [features, features].
    Primal(Mat),
}

/// A fitted regression. It holds the rows it was fitted on and nothing of those that were deleted.
#[derive(Clone, Debug)]
pub struct Ridge {
    lambda: f64,
    rows: Rows,
    inverse: Inverse,
    /// [features, classes].
    w: Mat,
}

impl Ridge {
    /// Fits min ‖XW − Y‖² + λ‖W‖². There is no intercept: for one, give x a column of ones.
    ///
    /// # Errors
    /// λ is not positive, sizes do not agree, an id comes twice, or a value is not finite.
    pub fn fit(rows: Rows, lambda: f64) -> Result<Ridge> {
        if !(lambda > 0.0 && lambda.is_finite()) {
            return Err(Error::input(format!("lambda of the linear editor is {lambda}; it must be positive")));
        }
        check(&rows, &[])?;
        let xt = rows.x.t();
        // The inverse of the smaller of XXᵀ + λI and XᵀX + λI; W is the same (push-through identity).
        let (inverse, w) = if rows.x.rows <= rows.x.cols {
            let m = Cholesky::of(rows.x.mul(&xt).plus(lambda, &Mat::scalar(rows.x.rows, 1.0)))?.inverse();
            let w = xt.mul(&m.mul(&rows.y));
            (Inverse::Kernel(m), w)
        } else {
            let s = Cholesky::of(xt.mul(&rows.x).plus(lambda, &Mat::scalar(rows.x.cols, 1.0)))?.inverse();
            let w = s.mul(&xt.mul(&rows.y));
            (Inverse::Primal(s), w)
        };
        Ok(Ridge { lambda, rows, inverse, w })
    }

    /// W as a layer holds it, [classes, features].
    pub fn weights(&self) -> Mat {
        self.w.t()
    }

    /// Ids of the rows that the weights come from.
    pub fn ids(&self) -> &[u32] {
        &self.rows.ids
    }

    /// Deletes the rows of these ids.
    ///
    /// # Errors
    /// An id has no row, or comes twice.
    pub fn delete(&mut self, ids: &[u32]) -> Result<()> {
        let gone = self.positions(ids)?;
        let kept: Vec<usize> = (0..self.rows.ids.len()).filter(|i| !gone.contains(i)).collect();
        if kept.is_empty() {
            self.clear();
            return Ok(());
        }
        let out = self.rows.select(&gone);
        let (projected, core, inverse) = match &self.inverse {
            Inverse::Kernel(m) => {
                // S X'ᵀ = XᵀM', the columns of M at the deleted rows, and I − X'S X'ᵀ = λ M'': nothing cancels.
                let (rows, block) = (m.select(&gone), m.select(&gone).columns(&gone));
                let across = rows.columns(&kept);
                let update = across.t().mul(&Cholesky::of(block.clone())?.solve(across));
                let rest = m.select(&kept).columns(&kept).plus(-1.0, &update);
                (rows.mul(&self.rows.x), Cholesky::of(block.times(self.lambda))?, Inverse::Kernel(rest))
            }
            Inverse::Primal(s) => {
                let projected = out.x.mul(s);
                let gram = projected.mul(&out.x.t());
                let core = Cholesky::of(Mat::scalar(gone.len(), 1.0).plus(-1.0, &gram))?;
                let s = s.clone().plus(1.0, &projected.t().mul(&core.solve(projected.clone())));
                (projected, core, Inverse::Primal(s))
            }
        };
        self.correct(-1.0, &projected, &core, &out);
        (self.rows, self.inverse) = (self.rows.select(&kept), inverse);
        Ok(())
    }

    /// Deletes every row: nothing is left to have learned from, not even a rounding error.
    fn clear(&mut self) {
        self.rows = self.rows.select(&[]);
        self.w = Mat::zeros(self.w.rows, self.w.cols);
        self.inverse = match self.inverse {
            Inverse::Kernel(_) => Inverse::Kernel(Mat::zeros(0, 0)),
            Inverse::Primal(_) => Inverse::Primal(Mat::scalar(self.w.rows, 1.0 / self.lambda)),
        };
    }

    /// Adds rows.
    ///
    /// # Errors
    /// Sizes do not agree, an id is there already or comes twice, or a value is not finite.
    pub fn add(&mut self, new: &Rows) -> Result<()> {
        check(new, &self.rows.ids)?;
        if (new.x.cols, new.y.cols) != (self.w.rows, self.w.cols) {
            return Err(Error::input(format!(
                "rows of {} features and {} classes were added to a regression of {} and {}",
                new.x.cols, new.y.cols, self.w.rows, self.w.cols
            )));
        }
        let identity = Mat::scalar(new.ids.len(), 1.0);
        let (projected, core, inverse) = match &self.inverse {
            Inverse::Kernel(m) => {
                // Pᵀ = K'M with K' = X'Xᵀ; X'S = (X' − PᵀX) / λ.
                let p = new.x.mul(&self.rows.x.t()).mul(m);
                let projected = new.x.clone().plus(-1.0, &p.mul(&self.rows.x)).times(1.0 / self.lambda);
                let core = identity.clone().plus(1.0, &projected.mul(&new.x.t()));
                let corner = Cholesky::of(core.clone().times(self.lambda))?;
                (projected, Cholesky::of(core)?, Inverse::Kernel(bordered(m, &p, &corner, identity)))
            }
            Inverse::Primal(s) => {
                let projected = new.x.mul(s);
                let core = Cholesky::of(identity.plus(1.0, &projected.mul(&new.x.t())))?;
                let s = s.clone().plus(-1.0, &projected.t().mul(&core.solve(projected.clone())));
                (projected, core, Inverse::Primal(s))
            }
        };
        self.correct(1.0, &projected, &core, new);
        self.inverse = inverse;
        self.rows.ids.extend(&new.ids);
        self.rows.x = self.rows.x.clone().stacked(&new.x);
        self.rows.y = self.rows.y.clone().stacked(&new.y);
        Ok(())
    }

    /// Deletes nodes from a graph: the rows of `gone` go; nodes of `changed`, whose spread features are others without
    /// them, trade their rows for new ones.
    ///
    /// # Errors
    /// As [`Ridge::delete`] and [`Ridge::add`].
    pub fn edit(&mut self, gone: &[u32], changed: &Rows) -> Result<()> {
        self.delete(&[gone, &changed.ids].concat())?;
        self.add(changed)
    }

    /// W += sign · S X'ᵀ B (Y' − X'W), with `projected` = X'S and `core` = B⁻¹.
    fn correct(&mut self, sign: f64, projected: &Mat, core: &Cholesky, rows: &Rows) {
        let residual = rows.y.clone().plus(-1.0, &rows.x.mul(&self.w));
        let step = projected.t().mul(&core.solve(residual));
        self.w = self.w.clone().plus(sign, &step);
    }

    /// Where the rows of these ids are.
    fn positions(&self, ids: &[u32]) -> Result<Vec<usize>> {
        distinct(ids)?;
        let of = |id: &u32| self.rows.ids.iter().position(|have| have == id);
        let missing = |id: &u32| Error::input(format!("node {id} is not among the rows of the linear editor"));
        ids.iter().map(|id| of(id).ok_or_else(|| missing(id))).collect()
    }
}

/// [[M + PQ⁻¹Pᵀ, −PQ⁻¹], [−Q⁻¹Pᵀ, Q⁻¹]] for `p` = Pᵀ [new, rows] and the factor of Q.
fn bordered(m: &Mat, p: &Mat, q: &Cholesky, identity: Mat) -> Mat {
    let across = q.solve(p.clone());
    let block = m.clone().plus(1.0, &p.t().mul(&across));
    let across = across.times(-1.0);
    let left = block.stacked(&across);
    let right = across.t().stacked(&q.solve(identity));
    left.t().stacked(&right.t()).t()
}

fn distinct(ids: &[u32]) -> Result<()> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    match sorted.windows(2).find(|w| w[0] == w[1]) {
        Some(w) => Err(Error::input(format!("node {} is named twice in an edit of the linear editor", w[0]))),
        None => Ok(()),
    }
}

/// Whether rows may stand beside those of the ids `there`.
fn check(rows: &Rows, there: &[u32]) -> Result<()> {
    distinct(&[there, &rows.ids].concat())?;
    let sizes = [rows.ids.len(), rows.x.rows, rows.y.rows];
    if sizes.iter().any(|n| *n != sizes[0]) {
        return Err(Error::input(format!("ids, features and targets of the linear editor's rows are {sizes:?}")));
    }
    match rows.x.data.iter().chain(&rows.y.data).all(|v| v.is_finite()) {
        true => Ok(()),
        false => Err(Error::input("a row of the linear editor holds a value that is not finite")),
    }
}
