//! `max_pool`, `avg_pool`, `global_avg_pool`.

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, Size, picture_or_line, settings, table};
use super::pass::{Backward, Forward, Saved};
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::pool::{self, PoolShape};

pub static MAX: LayerRow = LayerRow {
    kind: "max_pool",
    summary: "maximum over windows, of pictures or lines [c, l]; stride defaults to the kernel",
    facts: Facts::PLAIN,
    build: |t| build(Kind::Max, t),
    keys: Keys::of::<Window>(),
    example: "type = \"max_pool\"\nkernel = 2\nstride = [2, 1]",
    example_input: &[2, 5, 6],
};

pub static AVG: LayerRow = LayerRow {
    kind: "avg_pool",
    summary: "mean over windows of pictures or lines [c, l], padding counted; stride defaults to the kernel",
    facts: Facts::PLAIN,
    build: |t| build(Kind::Avg, t),
    keys: Keys::of::<Window>(),
    example: "type = \"avg_pool\"\nkernel = [2, 3]\npadding = 1",
    example_input: &[2, 5, 6],
};

pub static GLOBAL_AVG: LayerRow = LayerRow {
    kind: "global_avg_pool",
    summary: "mean over the whole picture, [c, h, w] to [c, 1, 1], or over the whole line, [c, l] to [c, 1]",
    facts: Facts::PLAIN,
    build: |t| {
        settings::<NoSettings>(&GLOBAL_AVG, t)?;
        Ok(Box::new(Pool { kind: Kind::Global, window: None }))
    },
    keys: Keys::of::<NoSettings>(),
    example: "type = \"global_avg_pool\"",
    example_input: &[3, 5, 4],
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Max,
    Avg,
    Global,
}

impl Kind {
    fn row(self) -> &'static LayerRow {
        match self {
            Kind::Max => &MAX,
            Kind::Avg => &AVG,
            Kind::Global => &GLOBAL_AVG,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct NoSettings {}

#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Window {
    /// Size of the window: one number, or [height, width].
    #[cfg_attr(feature = "cli", schemars(schema_with = "super::keys::window", extend("unit" = "pixels")))]
    kernel: Size,
    /// Steps of the window, as `kernel`; the window itself if absent.
    #[cfg_attr(feature = "cli", schemars(schema_with = "super::keys::window", extend("unit" = "pixels")))]
    stride: Option<Size>,
    /// Zeros around the picture: one number, or [above and below, left and right].
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "pixels")))]
    #[serde(default = "none")]
    padding: Size,
}

fn none() -> Size {
    Size::Both(0)
}

struct Pool {
    kind: Kind,
    window: Option<Window>,
}

fn build(kind: Kind, t: toml::Table) -> Result<Box<dyn Layer>> {
    let mut window: Window = settings(kind.row(), t)?;
    window.stride = window.stride.or(Some(window.kernel));
    Ok(Box::new(Pool { kind, window: Some(window) }))
}

impl Pool {
    fn shape(&self, n: usize, input: &[usize]) -> Result<PoolShape> {
        let [c, h, w] = picture_or_line(self.kind.row().kind, input)?;
        let shape = match &self.window {
            None => PoolShape::global(n, c, h, w),
            Some(v) => {
                let [kernel, stride] = [v.kernel, v.stride.unwrap_or(v.kernel)].map(|size| size.over(input, 1));
                PoolShape::new(n, c, h, w, kernel, stride, v.padding.over(input, 0))
            }
        };
        shape.map_err(|e| Error::input(format!("layer `{}` over {input:?}: {e}", self.kind.row().kind)))
    }
}

impl Layer for Pool {
    fn row(&self) -> &'static LayerRow {
        self.kind.row()
    }

    fn config(&self) -> toml::Table {
        match &self.window {
            None => table(self.kind.row(), &NoSettings {}),
            Some(window) => table(self.kind.row(), window),
        }
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let s = self.shape(1, input)?;
        Ok(if input.len() == 2 { vec![s.c, s.ow] } else { vec![s.c, s.oh, s.ow] })
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let s = self.shape(cx.n, input)?;
        let y = cx.rec.temp("y", s.outputs());
        if self.kind != Kind::Max {
            pool::avg(cx.rec, &s, x, y);
            return Ok((y, Saved::default()));
        }
        let arg = cx.rec.temp("arg", s.outputs());
        pool::max(cx.rec, &s, x, y, arg);
        Ok((y, Saved { words: vec![arg], ..Default::default() }))
    }

    fn relu_forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<Option<(Buf<f32>, Saved)>> {
        if self.kind != Kind::Max {
            return Ok(None);
        }
        let s = self.shape(cx.n, input)?;
        let (y, arg) = (cx.rec.temp("y", s.outputs()), cx.rec.temp("arg", s.outputs()));
        pool::relu_max(cx.rec, &s, x, y, arg);
        Ok(Some((y, Saved { words: vec![arg], after_relu: true, ..Default::default() })))
    }

    fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        if !need_dx {
            return Ok(None);
        }
        let s = self.shape(cx.n, input)?;
        let dx = cx.rec.temp("dx", s.inputs());
        match saved.words.first() {
            Some(arg) => pool::max_bwd(cx.rec, &s, dy, *arg, dx),
            None => pool::avg_bwd(cx.rec, &s, dy, dx),
        }
        Ok(Some(dx))
    }
}
