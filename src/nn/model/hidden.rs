//! The first layers of a network by themselves: what they make of rows, and which parameters are theirs.

use std::ops::Range;

use super::super::pass::Mode;
use super::{Batch, Model, Tape, Values};
use crate::engine::{Buf, Recording};
use crate::error::Result;

impl Model {
    /// Records the first `count` layers alone; the tape's logits are what the last of them makes, [rows, width], and
    /// [`Model::backward`] goes back from there: layers behind them have no gradient.
    ///
    /// # Errors
    /// Those of [`Model::forward`].
    pub fn forward_first(
        &self,
        rec: &mut Recording,
        values: impl Into<Values>,
        batch: &Batch,
        (mode, step): (Mode, Option<Buf<u32>>),
        count: usize,
    ) -> Result<Tape> {
        self.forward_through(rec, values.into(), batch, (mode, step), count, None)
    }

    /// Numbers that the first `count` layers make of a row.
    ///
    /// # Errors
    /// Those of the layers.
    pub fn width_after(&self, count: usize) -> Result<usize> {
        Ok(self.body.shapes(&self.input)?[count].iter().product())
    }

    /// Where the parameters of some of its layers lie in [`super::ParamLayout::total`] numbers.
    ///
    /// # Errors
    /// Those of the layers.
    pub fn places_of(&self, layers: Range<usize>) -> Result<Vec<Range<usize>>> {
        let shapes = self.body.shapes(&self.input)?;
        let mut places = Vec::new();
        for (layer, shape) in self.body.layers.iter().zip(&shapes).take(layers.end).skip(layers.start) {
            for spec in layer.params(shape)? {
                places.extend(self.layout.get(&spec.name).ok().map(|entry| entry.offset..entry.offset + entry.len));
            }
        }
        Ok(places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;
    use crate::nn::{Input, ModelConfig};

    /// What is asked for before a relu is what the layer makes, though that can do the relu as well.
    #[test]
    fn the_first_layers_take_no_later_one_along() {
        let layers = "layers = [{type='linear',out=9},{type='relu'},{type='linear'}]";
        let config: ModelConfig = toml::from_str(layers).expect("TOML");
        let model = Model::build(&config, &[4], 3).expect("a network");
        assert_eq!((model.width_after(1).expect("a width"), model.layers().len()), (9, 3));
        let names = |layers| -> usize { model.places_of(layers).expect("places").iter().map(Range::len).sum() };
        assert_eq!((names(0..2), names(1..2), names(0..3)), (4 * 9 + 9, 0, model.layout.count()));
        let mut engine = Engine::reference();
        let (theta, x) = (engine.alloc("theta", model.layout.total()), engine.alloc("x", 8));
        let (theta, x) = (theta.expect("memory"), x.expect("memory"));
        engine.write(theta, &model.init(3)).expect("written");
        engine.write(x, &[0.3f32, -1.0, 0.7, 0.2, -0.4, 0.9, -0.8, 0.1]).expect("written");
        let batch = Batch { n: 2, x: Input::Dense(x), structure: None, segments: None, seeds: None };
        let mut of = |count: usize| {
            let mut rec = engine.recording();
            let tape = model.forward_first(&mut rec, theta, &batch, (Mode::Eval, None), count).expect("a pass");
            rec.readback(tape.logits);
            let program = engine.compile(rec).expect("a program");
            engine.run(&program, &[]).expect("a run")[0].f32().to_vec()
        };
        let (before, behind) = (of(1), of(2));
        assert!(before.iter().any(|v| *v < 0.0) && before.len() == 18);
        assert_eq!(behind, before.iter().map(|v| v.max(0.0)).collect::<Vec<_>>());
    }
}
