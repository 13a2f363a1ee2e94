//! Tables of embeddings: their own gradients, and those that a head which reads one adds to them.

use super::super::factors::refused;
use super::super::pass::{Backward, Saved};
use super::{Head, Sink};
use crate::engine::Buf;
use crate::error::Result;
use crate::kernels::{Reduction, graph, linear, map};

impl Backward<'_> {
    /// The weight [outputs, inputs] of the last layer that is the table of the embedding `layer`; `saved` begins with
    /// what the last layer was given. Of a mean its part goes to the sink at once.
    ///
    /// # Errors
    /// A sink of factors, which have no such form.
    pub fn sink_head(&mut self, layer: &str, saved: &Saved, dy: Buf<f32>, [inputs, outputs]: [usize; 2]) -> Result<()> {
        let table = format!("{layer}.weight");
        let made = match self.sink {
            Sink::Factors(_) | Sink::Rotated(_) => return refused(&table),
            Sink::Mean { .. } if self.head.is_some() => {
                self.added(|cx| cx.sink_dense(&table, saved, dy, inputs, outputs))?;
                None
            }
            Sink::Mean { .. } => {
                self.sink_dense(&table, saved, dy, inputs, outputs)?;
                None
            }
            _ => Some([saved.floats[0], dy]),
        };
        self.head = Some(Head { table, made });
        Ok(())
    }

    /// What `sink` sends to a sink of means is added to what is there.
    fn added(&mut self, sink: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let before = self.sink;
        self.sink = before.added();
        let done = sink(self);
        self.sink = before;
        done
    }

    /// Each record's gradient of a table [inputs, outputs] that a head reads too, [records, inputs · outputs].
    fn rows_of_both(
        &mut self,
        [x, slopes]: [Buf<f32>; 2],
        saved: &Saved,
        dy: Buf<f32>,
        [inputs, outputs]: [usize; 2],
    ) -> Buf<f32> {
        let (records, len) = (self.records(), inputs * outputs);
        let [rows, own] =
            ["gradients by the head", "gradients by the embedding"].map(|n| self.rec.temp(n, records * len));
        self.outer_rows([x, slopes], rows, [outputs, inputs]);
        match &saved.pattern {
            Some(p) => {
                let (of, each) = (self.segments.map(|s| s.of), Reduction::per_sample(len));
                // Only elements that have entries are written.
                self.rec.clear(own);
                graph::features_bwd_table(self.rec, &p.xt, saved.floats[0], of, dy, own, inputs, outputs, each);
            }
            None => self.outer_rows([dy, saved.floats[0]], own, [outputs, inputs]),
        }
        map::axpby(self.rec, 1.0, own, 1.0, rows);
        rows
    }

    /// Rows of dyᵀ x [outputs, inputs], summed over the rows of each record.
    fn outer_rows(&mut self, [x, dy]: [Buf<f32>; 2], out: Buf<f32>, [inputs, outputs]: [usize; 2]) {
        let stride = inputs * outputs;
        match self.segments {
            Some(s) => {
                graph::segment_outer(self.rec, s.ptr, x, dy, out, inputs, outputs, Reduction::per_sample(stride))
            }
            None => linear::outer(self.rec, dy, x, out, self.n, stride),
        }
    }

    /// A weight [inputs, outputs] of rows times it, a row for each input: g_n = x_n dy_nᵀ, summed over a record's rows.
    ///
    /// # Errors
    /// A sink of factors, which have no such form.
    pub fn sink_table(&mut self, name: &str, saved: &Saved, dy: Buf<f32>, inputs: usize, outputs: usize) -> Result<()> {
        if matches!(self.sink, Sink::Factors(_) | Sink::Rotated(_)) {
            return refused(name);
        }
        match self.head.take_if(|head| head.table == name) {
            None => self.sink_own_table(name, saved, dy, [inputs, outputs]),
            Some(Head { made: None, .. }) => self.added(|cx| cx.sink_own_table(name, saved, dy, [inputs, outputs])),
            Some(Head { made: Some(of_head), .. }) => {
                let rows = self.rows_of_both(of_head, saved, dy, [inputs, outputs]);
                self.sink_rows(name, rows, [self.records(), inputs * outputs])
            }
        }
    }

    fn sink_own_table(&mut self, name: &str, saved: &Saved, dy: Buf<f32>, [inputs, outputs]: [usize; 2]) -> Result<()> {
        let Some(p) = &saved.pattern else {
            // A dense layer's with x and dy in each other's place.
            let swapped = Saved { floats: vec![dy], ..Default::default() };
            return self.sink_dense(name, &swapped, saved.floats[0], outputs, inputs);
        };
        if let Sink::Norms { parts } = self.sink {
            return self.dense_norms(parts, name, saved, dy, [inputs, outputs]);
        }
        let (t, of) = (self.destination(name)?, self.segments.map(|s| s.of));
        if matches!(self.sink, Sink::Gram { .. }) {
            self.rec.clear(t.out);
        }
        graph::features_bwd_table(self.rec, &p.xt, saved.floats[0], of, dy, t.out, inputs, outputs, t.how);
        self.add_gram(&t);
        Ok(())
    }
}
