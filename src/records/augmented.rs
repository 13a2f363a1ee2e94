//! Batches of a session that are changed in training.

use super::augment::Augment;
use super::batch::Loaded;
use super::session::Session;
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::map::{self, Changes};
use crate::nn::{Input, Mode};

impl Session<'_> {
    /// Changes what training steps do to pictures; nothing else that reads records is changed.
    ///
    /// # Errors
    /// Records that are no pictures, or smaller than what is cut out of them.
    pub fn set_augment(&mut self, augment: Option<Augment>) -> Result<()> {
        if let Some(Augment { cutout, crop_padding, .. }) = augment {
            let shape = &self.model.input;
            if !self.stand_alone() || shape.len() != 3 {
                return Err(Error::input(format!(
                    "train.augment changes pictures [channels, height, width], and a record here is {}; leave it out",
                    if self.stand_alone() { format!("{shape:?}") } else { "part of a graph, or one".to_owned() }
                )));
            }
            let side = shape[1].min(shape[2]);
            let large = [("cutout", cutout), ("crop_padding", crop_padding)].into_iter().find(|(_, at)| *at >= side);
            if let Some((key, at)) = large.filter(|(_, at)| *at > 0) {
                return Err(Error::input(format!(
                    "train.augment.{key} is {at}, and a picture here is {} x {}; use less than its shorter side",
                    shape[1], shape[2]
                )));
            }
        }
        self.augment = augment;
        Ok(())
    }

    /// The batch as a step of training sees it.
    pub(super) fn augmented(
        &self,
        rec: &mut Recording,
        loaded: Loaded,
        mode: Mode,
        step: Option<Buf<u32>>,
    ) -> Result<Loaded> {
        let Some(Augment { crop_padding, flip, cutout }) = self.augment.filter(|_| mode.trains()) else {
            return Ok(loaded);
        };
        let missing = || Error::internal("pictures are changed by their ids and the step's words");
        let (Input::Dense(x), Ok(ids)) = (loaded.batch.x, loaded.targets.ids()) else { return Err(missing()) };
        let [c, h, w] = self.model.input[..] else { return Err(missing()) };
        rec.enter("augment");
        let y = rec.temp("augmented", x.len);
        let changes = Changes { pad: crop_padding, flip, cut: cutout };
        map::augment(rec, x, ids, step.ok_or_else(missing)?, y, [c, h, w], changes);
        rec.leave();
        let mut loaded = loaded;
        loaded.batch.x = Input::Dense(y);
        Ok(loaded)
    }
}
