//! How pictures are changed in training.

use serde::{Deserialize, Serialize};

/// The table `train.augment`: what is done to every picture of a training step, on the engine, as a function of the
/// seed, the step and the record. Pictures are changed as the network is given them, behind `data.normalize`: what
/// comes in from beyond the border and what is cut out is 0 there, as where torchvision's `RandomCrop` follows
/// `Normalize`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// A picture is moved by up to so many pixels, up or down and left or right: torchvision's `RandomCrop` to the
    /// picture's own size with this padding.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 4096, "unit" = "pixels")))]
    pub crop_padding: usize,
    /// Half of the pictures, at random, are turned over left to right: torchvision's `RandomHorizontalFlip`.
    pub flip: bool,
    /// Side of a square that is cut out, its centre any pixel (DeVries & Taylor 2017); 0 for none.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 4096, "unit" = "pixels")))]
    pub cutout: usize,
}
