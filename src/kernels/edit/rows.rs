//! Rows of the `edit` family and their parameters.

use super::twin;
use crate::engine::{Kernel, Params, Requires, Tangent};
use crate::params;

params! {
    /// Selective dampening over `len` elements.
    pub struct Dampen { len: u32, alpha: f32, lambda: f32 }
}

params! {
    /// Noise over `len` elements; `stream` tells one tensor from another.
    pub struct Noised { len: u32, alpha: f32, clamp_at: f32, eps: f32, stream: u32 }
}

params! {
    /// Variance of the noise from a Fisher diagonal.
    pub struct Variance { len: u32, alpha: f32, clamp_at: f32, eps: f32 }
}

params! {
    /// A tensor [outer, axis, inner].
    pub struct AxisMean { outer: u32, axis: u32, inner: u32 }
}

params! {
    /// A damped diagonal over `len` elements.
    pub struct Precondition { len: u32, delta: f32 }
}

params! {
    /// `len` elements.
    pub struct Rescale { len: u32 }
}

params! {
    /// `len` elements and the largest norm.
    pub struct Clip { len: u32, max_norm: f32 }
}

params! {
    /// `len` elements and the weight of the penalty.
    pub struct Ewc { len: u32, lambda: f32 }
}

params! {
    /// `len` elements.
    pub struct Masked { len: u32 }
}

params! {
    /// `len` elements and how far to go.
    pub struct Lerp { len: u32, t: f32 }
}

params! {
    /// `len` elements; +1 ascends, -1 descends.
    pub struct Step { len: u32, sign: f32 }
}

params! {
    /// `len` elements.
    pub struct AddSign { len: u32 }
}

params! {
    /// `len` elements and the ratio to pass.
    pub struct Threshold { len: u32, gamma: f32 }
}

/// Selective synaptic dampening.
pub static DAMPEN: Kernel = Kernel {
    name: "edit.dampen",
    source: include_str!("../../../shaders/edit/dampen.wgsl"),
    params: Dampen::FIELDS,
    twin: twin::dampen,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Gaussian noise of a given variance, or of the inverse Fisher.
pub static NOISE: Kernel = Kernel {
    name: "edit.noise",
    source: include_str!("../../../shaders/edit/noise.wgsl"),
    params: Noised::FIELDS,
    twin: twin::noise,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// The variance that the noise has.
pub static VARIANCE: Kernel = Kernel {
    name: "edit.variance",
    source: include_str!("../../../shaders/edit/variance.wgsl"),
    params: Variance::FIELDS,
    twin: twin::variance,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Replaces elements by their mean over an axis.
pub static AXIS_MEAN: Kernel = Kernel {
    name: "edit.axis_mean",
    source: include_str!("../../../shaders/edit/axis_mean.wgsl"),
    params: AxisMean::FIELDS,
    twin: twin::axis_mean,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Divides by a damped Fisher diagonal.
pub static PRECONDITION: Kernel = Kernel {
    name: "edit.precondition",
    source: include_str!("../../../shaders/edit/precondition.wgsl"),
    params: Precondition::FIELDS,
    twin: twin::precondition,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Gives a vector the norm of another.
pub static RESCALE: Kernel = Kernel {
    name: "edit.rescale",
    source: include_str!("../../../shaders/edit/rescale.wgsl"),
    params: Rescale::FIELDS,
    twin: twin::rescale,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Clips to a norm.
pub static CLIP: Kernel = Kernel {
    name: "edit.clip",
    source: include_str!("../../../shaders/edit/clip.wgsl"),
    params: Clip::FIELDS,
    twin: twin::clip,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Adds the gradient of the elastic penalty.
pub static EWC: Kernel = Kernel {
    name: "edit.ewc",
    source: include_str!("../../../shaders/edit/ewc.wgsl"),
    params: Ewc::FIELDS,
    twin: twin::ewc,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Multiplies by a mask.
pub static MASK: Kernel = Kernel {
    name: "edit.mask",
    source: include_str!("../../../shaders/edit/mask.wgsl"),
    params: Masked::FIELDS,
    twin: twin::mask,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Takes elements back that a mask leaves out.
pub static RESTORE: Kernel = Kernel {
    name: "edit.restore",
    source: include_str!("../../../shaders/edit/restore.wgsl"),
    params: Masked::FIELDS,
    twin: twin::restore,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Moves towards another vector.
pub static LERP: Kernel = Kernel {
    name: "edit.lerp",
    source: include_str!("../../../shaders/edit/lerp.wgsl"),
    params: Lerp::FIELDS,
    twin: twin::lerp,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// One step along a direction.
pub static STEP: Kernel = Kernel {
    name: "edit.step",
    source: include_str!("../../../shaders/edit/step.wgsl"),
    params: Step::FIELDS,
    twin: twin::step,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// The gradient of an ℓ1 penalty.
pub static ADD_SIGN: Kernel = Kernel {
    name: "edit.add_sign",
    source: include_str!("../../../shaders/edit/add_sign.wgsl"),
    params: AddSign::FIELDS,
    twin: twin::add_sign,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Marks where a ratio passes a bound.
pub static THRESHOLD: Kernel = Kernel {
    name: "edit.threshold",
    source: include_str!("../../../shaders/edit/threshold.wgsl"),
    params: Threshold::FIELDS,
    twin: twin::threshold,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// The family's kernels.
pub static KERNELS: &[&Kernel] = &[
    &DAMPEN,
    &NOISE,
    &VARIANCE,
    &AXIS_MEAN,
    &PRECONDITION,
    &RESCALE,
    &CLIP,
    &EWC,
    &MASK,
    &RESTORE,
    &LERP,
    &STEP,
    &ADD_SIGN,
    &THRESHOLD,
];
