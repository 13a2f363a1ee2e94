//! The rows of the `conv` family's forward pass and gradients.

use super::{Conv, tangent, twin};
use crate::engine::{Kernel, Params, Requires, Tangent};

/// One thread per output: the readable reference.
pub static CONV2D: Kernel = Kernel {
    name: "conv.conv2d",
    source: include_str!("../../../shaders/conv/conv2d.wgsl"),
    params: Conv::FIELDS,
    twin: twin::conv2d,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::conv2d),
    variant_of: None,
};

/// 8 channels x 4 positions per lane with subgroup broadcasts: for software adapters.
pub static CONV2D_BROADCAST: Kernel = Kernel {
    name: "conv.conv2d_broadcast",
    source: include_str!("../../../shaders/conv/conv2d_broadcast.wgsl"),
    requires: Requires::Subgroup8,
    variant_of: Some(&CONV2D),
    ..CONV2D
};

/// Input gradient, one thread per input, gather form.
pub static CONV2D_BWD_X: Kernel = Kernel {
    name: "conv.conv2d_bwd_x",
    source: include_str!("../../../shaders/conv/conv2d_bwd_x.wgsl"),
    params: Conv::FIELDS,
    twin: twin::conv2d_bwd_x,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[0], &[1]]),
    variant_of: None,
};

/// Input gradient, 8 channels x 4 positions per lane.
pub static CONV2D_BWD_X_BROADCAST: Kernel = Kernel {
    name: "conv.conv2d_bwd_x_broadcast",
    source: include_str!("../../../shaders/conv/conv2d_bwd_x_broadcast.wgsl"),
    requires: Requires::Subgroup8,
    variant_of: Some(&CONV2D_BWD_X),
    ..CONV2D_BWD_X
};

/// Weight gradient of chunks of samples, one thread per weight and chunk.
pub static CONV2D_BWD_W: Kernel = Kernel {
    name: "conv.conv2d_bwd_w",
    source: include_str!("../../../shaders/conv/conv2d_bwd_w.wgsl"),
    params: Conv::FIELDS,
    twin: twin::conv2d_bwd_w,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::conv2d_bwd_w),
    variant_of: None,
};

/// Weight gradient, 8 channels x 4 columns per lane.
pub static CONV2D_BWD_W_BROADCAST: Kernel = Kernel {
    name: "conv.conv2d_bwd_w_broadcast",
    source: include_str!("../../../shaders/conv/conv2d_bwd_w_broadcast.wgsl"),
    requires: Requires::Subgroup8,
    variant_of: Some(&CONV2D_BWD_W),
    ..CONV2D_BWD_W
};

/// 64 channels x 128 positions through workgroup memory, 8 x 8 an invocation: for GPUs.
pub static CONV2D_LARGE: Kernel = Kernel {
    name: "conv.conv2d_large",
    source: include_str!("../../../shaders/conv/conv2d_large.wgsl"),
    variant_of: Some(&CONV2D),
    ..CONV2D
};

/// 32 x 64 or 16 x 128 through workgroup memory, 4 x 4 an invocation: for GPUs and fewer channels or positions.
pub static CONV2D_TILED: Kernel = Kernel {
    name: "conv.conv2d_tiled",
    source: include_str!("../../../shaders/conv/conv2d_tiled.wgsl"),
    variant_of: Some(&CONV2D),
    ..CONV2D
};

/// Input gradient, 64 channels x 128 pixels through workgroup memory.
pub static CONV2D_BWD_X_LARGE: Kernel = Kernel {
    name: "conv.conv2d_bwd_x_large",
    source: include_str!("../../../shaders/conv/conv2d_bwd_x_large.wgsl"),
    variant_of: Some(&CONV2D_BWD_X),
    ..CONV2D_BWD_X
};

/// Input gradient, 32 x 64 or 16 x 128 through workgroup memory.
pub static CONV2D_BWD_X_TILED: Kernel = Kernel {
    name: "conv.conv2d_bwd_x_tiled",
    source: include_str!("../../../shaders/conv/conv2d_bwd_x_tiled.wgsl"),
    variant_of: Some(&CONV2D_BWD_X),
    ..CONV2D_BWD_X
};

/// Weight gradient, 64 channels x 128 weights through workgroup memory; sums alone, no squares.
pub static CONV2D_BWD_W_LARGE: Kernel = Kernel {
    name: "conv.conv2d_bwd_w_large",
    source: include_str!("../../../shaders/conv/conv2d_bwd_w_large.wgsl"),
    variant_of: Some(&CONV2D_BWD_W),
    ..CONV2D_BWD_W
};

/// Weight gradient, 32 x 64 or 16 x 128 through workgroup memory; sums, squares and norms.
pub static CONV2D_BWD_W_TILED: Kernel = Kernel {
    name: "conv.conv2d_bwd_w_tiled",
    source: include_str!("../../../shaders/conv/conv2d_bwd_w_tiled.wgsl"),
    variant_of: Some(&CONV2D_BWD_W),
    ..CONV2D_BWD_W
};
