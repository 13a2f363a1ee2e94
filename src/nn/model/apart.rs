//! The last layer by itself. What it makes of rows, of a language model a number for each token of the vocabulary, can
//! be made a part of the rows at a time, so that it never lies anywhere whole; and texts can go on by their next
//! tokens.

use super::super::continued::Continued;
use super::super::layer::{Layer, Rows};
use super::super::pass::{Backward, Forward, Mode, Saved};
use super::super::sink::{Head, Sink};
use super::{Batch, Model, Tape, Values};
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};

impl Model {
    /// The last layer and the shape of what it takes, where it works on each row by itself and there are layers before
    /// it.
    fn head_apart(&self) -> Option<(&dyn Layer, Vec<usize>)> {
        let [_, .., head] = self.layers() else { return None };
        let shapes = self.body.shapes(&self.input).ok()?;
        let input = shapes.get(self.layers().len() - 1).filter(|shape| shape.len() == 1)?;
        let facts = head.row().facts;
        (facts.linear && facts.rows == Rows::Any).then(|| (head.as_ref(), input.clone()))
    }

    /// Whether rows can go through the last layer apart from each other: [`Model::forward_body`].
    pub fn is_parted(&self) -> bool {
        self.head_apart().is_some()
    }

    fn head(&self) -> Result<(&dyn Layer, Vec<usize>)> {
        self.head_apart().ok_or_else(|| Error::internal("the last layer does not work on rows alone"))
    }

    /// Records all layers but the last; the tape's logits are what the last one is given, [rows, features].
    ///
    /// # Errors
    /// A last layer that is not apart; those of [`Model::forward`].
    pub fn forward_body(
        &self,
        rec: &mut Recording,
        values: impl Into<Values>,
        batch: &Batch,
        mode: Mode,
        step: Option<Buf<u32>>,
    ) -> Result<Tape> {
        self.head()?;
        self.forward_through(rec, values.into(), batch, (mode, step), self.layers().len() - 1, None)
    }

    /// Records the last layer over some rows x [n, features]: logits [n, classes], and what its backward pass needs.
    ///
    /// # Errors
    /// A last layer that is not apart.
    pub fn head_forward(
        &self,
        rec: &mut Recording,
        values: impl Into<Values>,
        x: Buf<f32>,
        mode: Mode,
    ) -> Result<(Buf<f32>, Saved)> {
        let ((head, input), Values { theta, state }) = (self.head()?, values.into());
        let (layout, n, dropouts) = (&self.layout, x.len.checked_div(input[0]).unwrap_or(0), 0);
        let (graph, segments, pattern, step, relu, continued) = (None, None, None, None, None, None);
        rec.enter(&head.label());
        let mut cx =
            Forward { rec, layout, theta, state, n, graph, segments, pattern, mode, step, dropouts, relu, continued };
        let made = head.forward(&mut cx, x, &input)?;
        rec.leave();
        Ok(made)
    }

    /// Records the last layer's gradients of some rows into a sink of means, and that of x [n, features]. `head` is
    /// what this network's other rows have left there, and what [`Model::backward_body`] takes.
    ///
    /// # Errors
    /// A last layer that is not apart; a sink of the records' own gradients.
    pub fn head_backward(
        &self,
        rec: &mut Recording,
        theta: Buf<f32>,
        saved: &Saved,
        dlogits: Buf<f32>,
        sink: Sink,
        left: &mut Option<Head>,
    ) -> Result<Buf<f32>> {
        let (head, input) = self.head()?;
        if !matches!(sink, Sink::Mean { .. }) {
            return Err(Error::internal("a part of the rows has no records"));
        }
        rec.enter(&format!("{}.backward", head.label()));
        let (layout, n) = (&self.layout, dlogits.len.checked_div(self.classes).unwrap_or(0));
        let (graph, segments, step, kept, relu) = (None, None, None, None, None);
        let mut cx = Backward { rec, layout, theta, n, graph, segments, step, sink, kept, head: left.take(), relu };
        let dx = head.backward(&mut cx, saved, dlogits, &input, true)?;
        *left = cx.head.take();
        rec.leave();
        dx.ok_or_else(|| Error::internal("a layer without the gradient that was asked for"))
    }

    /// Records the backward pass of [`Model::forward_body`] from the gradients of what it made.
    ///
    /// # Errors
    /// Those of [`Model::backward`].
    #[expect(clippy::too_many_arguments, reason = "those of `backward`, and what the last layer left")]
    pub fn backward_body(
        &self,
        rec: &mut Recording,
        theta: Buf<f32>,
        tape: &Tape,
        dfeatures: Buf<f32>,
        step: Option<Buf<u32>>,
        sink: Sink,
        left: Option<Head>,
    ) -> Result<()> {
        let (n, layout) = (tape.end.n, &self.layout);
        let (graph, segments) = (tape.end.graph, tape.end.segments);
        let mut cx =
            Backward { rec, layout, theta, n, graph, segments, step, sink, kept: None, head: left, relu: None };
        self.body.backward(&mut cx, &tape.saved, dfeatures, &self.input, false).map(drop)
    }

    /// Numbers that the network keeps of a token so that texts can go on a token at a time; none where its layers look
    /// at more than what comes before.
    pub fn keeps(&self) -> Option<usize> {
        self.body.keeps(&self.input)
    }

    /// Records logits [texts, classes] of texts that go on: a batch of their next tokens, one of each.
    ///
    /// # Errors
    /// Those of [`Model::forward`].
    pub fn forward_continued(
        &self,
        rec: &mut Recording,
        values: impl Into<Values>,
        batch: &Batch,
        continued: Continued,
    ) -> Result<Buf<f32>> {
        let count = self.layers().len();
        let tape = self.forward_through(rec, values.into(), batch, (Mode::Eval, None), count, Some(continued))?;
        Ok(tape.logits)
    }
}
