//! Exact deletion from a linear graph network (Cong & Mahdavi 2022, "GraphEditor: an efficient graph representation learning
//! and unlearning approach"). Features are spread along the edges, X̄ = Âᴷ X, and a ridge regression on the rows of the
//! training nodes classifies them; a deletion changes some rows, and the regression is corrected in closed form.

pub mod dense;
pub mod ridge;
