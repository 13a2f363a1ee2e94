//! `self_attention`: tokens look at the tokens of their sequence.

use serde::{Deserialize, Serialize};

use super::continued::Continued;
use super::dense::{Dense, kept, start};
use super::keys::Keys;
use super::layer::{Facts, Family, Layer, LayerRow, Rows, settings, table};
use super::lora::{Adapted, Lora};
use super::params::{Init, ParamSpec};
use super::pass::{Backward, Forward, Saved};
use super::position_embedding::no_sequences;
use super::structure::Segments;
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::attention::{self, Sequences, Within};
use crate::kernels::map::{self, Block};

pub static ROW: LayerRow = LayerRow {
    kind: "self_attention",
    summary: "multi-head attention within sequences, softmax(q kᵀ / √width) v (Vaswani et al. 2017, eq. 1), fused; \
        causal or both ways, rotary positions, several heads of queries for one of keys and values",
    facts: Facts { family: Some(Family::Transformer), rows: Rows::Tokens, ..Facts::PLAIN },
    build: |t| {
        let keys: SelfAttention = settings(&ROW, t)?;
        keys.check()?;
        Ok(Box::new(keys))
    },
    keys: Keys::of::<SelfAttention>(),
    example: "type = \"self_attention\"\nname = \"attn\"\nheads = 4\nkv_heads = 2\nrotary = 100.0",
    example_input: &[16],
};

#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct SelfAttention {
    /// Stem of its parameters' names; empty: made from its place.
    #[serde(default)]
    name: String,
    /// Attentions side by side.
    #[cfg_attr(feature = "cli", schemars(range(min = 1)))]
    heads: usize,
    /// Heads of keys and values; divides `heads`, which it is if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kv_heads: Option<usize>,
    /// Width of a head, a multiple of 4 and at most 128; the input's over `heads` if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 4, "maximum" = 128)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    head_width: Option<usize>,
    /// No token looks at those behind it.
    #[serde(default = "yes")]
    causal: bool,
    /// Theta of rotary positions, Llama's 10000; none if absent.
    #[cfg_attr(feature = "cli", schemars(extend("exclusiveMinimum" = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rotary: Option<f64>,
    /// Whether constants are added to the projections.
    #[serde(default = "yes")]
    bias: bool,
    /// Weights are [in, out], as GPT-2's.
    #[serde(default)]
    transposed: bool,
    /// Names of the projections: of queries, keys, values and what comes out; or of two, where the first makes queries,
    /// keys and values side by side.
    #[serde(default = "llama")]
    names: Vec<String>,
    /// Standard deviation of its weights at the start; Glorot's, which follows from their sizes, if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spread: Option<f64>,
    /// An adapter beside each projection (Hu et al., ICLR 2022): then it alone is trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lora: Option<Lora>,
}

fn yes() -> bool {
    true
}

fn llama() -> Vec<String> {
    ["q_proj", "k_proj", "v_proj", "o_proj"].map(str::to_owned).to_vec()
}

/// Sizes for one input.
struct Sizes {
    heads: usize,
    kv_heads: usize,
    width: usize,
}

impl Sizes {
    /// Columns of queries, keys and values.
    fn columns(&self) -> [usize; 3] {
        [self.heads, self.kv_heads, self.kv_heads].map(|heads| heads * self.width)
    }
}

impl SelfAttention {
    fn refused<T>(&self, what: impl std::fmt::Display) -> Result<T> {
        Err(Error::input(format!("layer `{}` (self_attention): {what}", self.name)))
    }

    fn check(&self) -> Result<()> {
        let kv = self.kv_heads.unwrap_or(self.heads);
        if self.heads == 0 || kv == 0 || !self.heads.is_multiple_of(kv) {
            return self.refused(format!("{} heads cannot share kv_heads = {kv} evenly", self.heads));
        }
        if self.rotary.is_some_and(|theta| !theta.is_finite() || theta <= 1.0) {
            return self.refused("rotary, the theta of rotary positions, must be a number above 1");
        }
        match self.names.len() {
            2 | 4 => Ok(()),
            n => {
                self.refused(format!("`names` has {n} of them; it takes four, or two where one projection makes three"))
            }
        }
    }

    fn sizes(&self, input: &[usize]) -> Result<Sizes> {
        let &[inputs] = input else {
            return self.refused(format!("it takes the [features] of tokens, its input is {input:?}"));
        };
        if self.head_width.is_none() && !inputs.is_multiple_of(self.heads) {
            let what = format!("{inputs} features cannot be dealt to {} heads evenly; give head_width", self.heads);
            return self.refused(what);
        }
        let width = self.head_width.unwrap_or(inputs / self.heads);
        if width == 0 || width > 128 || !width.is_multiple_of(4) {
            return self.refused(format!("a head is {width} wide; it must be a multiple of 4, at most 128"));
        }
        Ok(Sizes { heads: self.heads, kv_heads: self.kv_heads.unwrap_or(self.heads), width })
    }

    /// The projections before, and the one behind.
    fn maps(&self, input: &[usize]) -> Result<(Vec<Dense>, Dense)> {
        let columns = self.sizes(input)?.columns();
        self.lora.map_or(Ok(()), |lora| lora.check(&self.name))?;
        let map = |at: usize, inputs, outputs| -> Result<Dense> {
            let init = start(&self.name, self.spread, Init::GlorotUniform { fan_in: inputs, fan_out: outputs })?;
            let name = format!("{}.{}", self.name, self.names[at]);
            Ok(Dense { name, inputs, outputs, bias: self.bias, transposed: self.transposed, init, lora: self.lora })
        };
        let before = match self.names.len() {
            2 => vec![map(0, input[0], columns.iter().sum())?],
            _ => (0..3).map(|at| map(at, input[0], columns[at])).collect::<Result<_>>()?,
        };
        let last = before.len();
        Ok((before, map(last, columns[0], input[0])?))
    }

    fn within(&self, segments: Option<Segments>, input: &[usize]) -> Result<Within> {
        self.over(segments.ok_or_else(|| no_sequences(&self.name, ROW.kind))?.sequences(), input)
    }

    fn over(&self, sequences: Sequences, input: &[usize]) -> Result<Within> {
        let Sizes { heads, kv_heads, width } = self.sizes(input)?;
        Ok(Within { sequences, heads, kv_heads, width, causal: self.causal })
    }

    /// What the new tokens of texts see: their queries among rows of zeros, the keys and values of all tokens.
    fn go_on(&self, cx: &mut Forward, c: Continued, [q, k, v]: [Buf<f32>; 3], input: &[usize]) -> Result<Buf<f32>> {
        let (w, [queries, keys, values]) = (self.over(c.all, input)?, self.sizes(input)?.columns());
        let q = cx.among_all(&c, q, queries);
        let q = self.turned(cx.rec, &w, q, w.heads, false);
        let k = match self.rotary {
            None => k,
            Some(_) => {
                let among = cx.among_all(&c, k, keys);
                let turned = self.turned(cx.rec, &w, among, w.kv_heads, false);
                cx.of_new(&c, turned, keys)
            }
        };
        let (k, v) = (cx.keep_rows(k, keys)?, cx.keep_rows(v, values)?);
        let (each, lse) = (cx.rec.temp("attended", q.len), cx.rec.temp("lse", c.all.of.len * w.heads));
        attention::within(cx.rec, &w, [q, k, v], each, lse);
        Ok(cx.of_new(&c, each, queries))
    }

    /// Queries and keys, turned by where they are; or back.
    fn turned(&self, rec: &mut Recording, w: &Within, x: Buf<f32>, heads: usize, back: bool) -> Buf<f32> {
        let Some(theta) = self.rotary else { return x };
        let y = rec.temp("turned", x.len);
        attention::rotate(rec, &w.sequences, x, y, heads, w.width, theta, back);
        y
    }
}

/// Takes columns of rows apart.
fn apart(rec: &mut Recording, x: Buf<f32>, n: usize, columns: [usize; 3]) -> [Buf<f32>; 3] {
    let cols = columns.iter().sum();
    let mut at = 0;
    columns.map(|width| {
        let y = rec.temp("columns", n * width);
        // The kernel updates, since it may write a part of its rows.
        rec.clear(y);
        map::columns(rec, Block { of: x, cols, at }, Block { of: y, cols: width, at: 0 }, n, width, false);
        at += width;
        y
    })
}

/// Puts them side by side again.
fn together(rec: &mut Recording, parts: [Buf<f32>; 3], n: usize, columns: [usize; 3]) -> Buf<f32> {
    let cols = columns.iter().sum();
    let y = rec.temp("side by side", n * cols);
    rec.clear(y);
    let mut at = 0;
    for (x, width) in parts.into_iter().zip(columns) {
        map::columns(rec, Block { of: x, cols: width, at: 0 }, Block { of: y, cols, at }, n, width, false);
        at += width;
    }
    y
}

impl Layer for SelfAttention {
    fn row(&self) -> &'static LayerRow {
        &ROW
    }

    fn config(&self) -> toml::Table {
        table(&ROW, self)
    }

    fn complete(&mut self, index: usize, _classes: Option<usize>) {
        if self.name.is_empty() {
            self.name = format!("attn{index}");
        }
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        self.sizes(input).map(|_| input.to_vec())
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let (before, behind) = self.maps(input)?;
        Ok(before.iter().chain([&behind]).flat_map(Dense::specs).collect())
    }

    fn adapted(&self) -> Vec<Adapted> {
        let of = |lora| {
            let name = |part: &String| format!("{}.{part}", self.name);
            self.names.iter().map(move |part| Adapted { name: name(part), transposed: self.transposed, lora })
        };
        self.lora.into_iter().flat_map(of).collect()
    }

    fn keeps(&self, input: &[usize]) -> Option<usize> {
        let [_, keys, values] = self.sizes(input).ok().filter(|_| self.causal)?.columns();
        Some(keys + values)
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let (before, behind) = self.maps(input)?;
        let made = before.iter().map(|map| map.forward(cx, x)).collect::<Result<Vec<_>>>()?;
        let [q, k, v] = match made[..] {
            [q, k, v] => [q, k, v],
            [all, ..] => apart(cx.rec, all, cx.n, self.sizes(input)?.columns()),
            [] => return Err(Error::internal("an attention without projections")),
        };
        if let Some(continued) = cx.continued {
            let each = self.go_on(cx, continued, [q, k, v], input)?;
            return Ok((behind.forward(cx, each)?, Saved::default()));
        }
        let w = self.within(cx.segments, input)?;
        let q = self.turned(cx.rec, &w, q, w.heads, false);
        let k = self.turned(cx.rec, &w, k, w.kv_heads, false);
        let (each, lse) = (cx.rec.temp("attended", q.len), cx.rec.temp("lse", cx.n * w.heads));
        attention::within(cx.rec, &w, [q, k, v], each, lse);
        let y = behind.forward(cx, each)?;
        Ok((y, Saved { floats: vec![x, q, k, v, each, lse], ..Default::default() }))
    }

    fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        let (w, (before, behind)) = (self.within(cx.segments, input)?, self.maps(input)?);
        let &[x, q, k, v, each, lse] = &saved.floats[..] else {
            return Err(Error::internal("an attention kept other tensors than it needs"));
        };
        let deach = behind.backward(cx, &kept(each), dy, true)?;
        let deach = deach.ok_or_else(|| Error::internal("a map without the gradient that was asked for"))?;
        let [dq, dk, dv] = [("dq", q), ("dk", k), ("dv", v)].map(|(name, of)| cx.rec.temp(name, of.len));
        attention::within_bwd(cx.rec, &w, [q, k, v], [each, lse, deach], [dq, dk, dv]);
        let dq = self.turned(cx.rec, &w, dq, w.heads, true);
        let dk = self.turned(cx.rec, &w, dk, w.kv_heads, true);
        let slopes = match before.len() {
            1 => vec![together(cx.rec, [dq, dk, dv], cx.n, self.sizes(input)?.columns())],
            _ => vec![dq, dk, dv],
        };
        let mut dx: Option<Buf<f32>> = None;
        for (map, d) in before.iter().zip(slopes) {
            let part = map.backward(cx, &kept(x), d, need_dx)?;
            match (dx, part) {
                (Some(sum), Some(part)) => map::axpby(cx.rec, 1.0, part, 1.0, sum),
                (None, part) => dx = part,
                (Some(_), None) => {}
            }
        }
        Ok(dx)
    }
}
