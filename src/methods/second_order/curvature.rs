//! Which matrix second-order methods take for the curvature of a mean loss.

use crate::statistics::{self, Product};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::records::{Records, Session};

/// A curvature matrix. For a model that is linear in its parameters both are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Curvature {
    /// Never negative along any direction, so that conjugate gradients do not stop early.
    #[default]
    GaussNewton,
    /// The exact second derivative; away from a minimum it needs damping above its most negative eigenvalue.
    Hessian,
}

impl Curvature {
    /// Its products over `records`, wherever the session's parameters are when they are taken.
    ///
    /// # Errors
    /// Records that do not exist; a layer without directional derivatives.
    pub fn of(self, session: &mut Session, records: Records) -> Result<Box<dyn Product>> {
        Ok(match self {
            Curvature::GaussNewton => Box::new(statistics::gauss_newton(session, records)?),
            Curvature::Hessian => Box::new(statistics::hessian(session, records)?),
        })
    }
}

/// Words of [`Curvature`] and what they mean.
pub(in crate::methods) const CURVATURES: &[(&str, &str)] = &[
    ("gauss_newton", "never negative along any direction"),
    ("hessian", "the exact second derivative; away from a minimum it needs damping"),
];
