//! `adaptive_avg_pool`: pictures of any size to pictures of one size.

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, Size, picture_or_line, settings, table};
use super::pass::{Backward, Forward, Saved};
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::hw;
use crate::kernels::pool::{self, AdaptiveShape, PoolShape};

pub static ROW: LayerRow = LayerRow {
    kind: "adaptive_avg_pool",
    summary: "mean over bins that cut the picture into size [h, w], [c, …, …] to [c, h, w], or a line; PyTorch's bins",
    facts: Facts::PLAIN,
    build: |t| Ok(Box::new(settings::<AdaptiveAvgPool>(&ROW, t)?)),
    keys: Keys::of::<AdaptiveAvgPool>(),
    example: "type = \"adaptive_avg_pool\"\nsize = [3, 4]",
    example_input: &[2, 5, 7],
};

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct AdaptiveAvgPool {
    /// Size of what comes out: one number, or [height, width].
    #[cfg_attr(feature = "cli", schemars(schema_with = "super::keys::window", extend("unit" = "pixels")))]
    size: Size,
}

/// What does the pooling: windows of one size side by side where the bins are that, for which there are faster forms.
enum Form {
    Windows(PoolShape),
    Bins(AdaptiveShape),
}

impl AdaptiveAvgPool {
    /// Height and width of what comes out.
    fn sides(&self, input: &[usize]) -> [usize; 2] {
        let pair = self.size.over(input, 1);
        [pair.y as usize, pair.x as usize]
    }

    fn form(&self, n: usize, input: &[usize]) -> Result<Form> {
        let [c, h, w] = picture_or_line(ROW.kind, input)?;
        let [oh, ow] = self.sides(input);
        let fail = |e| Error::input(format!("layer `{}` over {input:?}: {e}", ROW.kind));
        if oh > 0 && ow > 0 && h.is_multiple_of(oh) && w.is_multiple_of(ow) {
            let window = hw([(h / oh) as u32, (w / ow) as u32]);
            return PoolShape::new(n, c, h, w, window, window, glam::UVec2::ZERO).map(Form::Windows).map_err(fail);
        }
        AdaptiveShape::new(n * c, [h, w], [oh, ow]).map(Form::Bins).map_err(fail)
    }
}

impl Layer for AdaptiveAvgPool {
    fn row(&self) -> &'static LayerRow {
        &ROW
    }

    fn config(&self) -> toml::Table {
        table(&ROW, self)
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        self.form(1, input)?;
        let [oh, ow] = self.sides(input);
        Ok(if input.len() == 2 { vec![input[0], ow] } else { vec![input[0], oh, ow] })
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let [oh, ow] = self.sides(input);
        let y = cx.rec.temp("y", cx.n * input[0] * oh * ow);
        match self.form(cx.n, input)? {
            Form::Windows(s) => pool::avg(cx.rec, &s, x, y),
            Form::Bins(s) => pool::adaptive_avg(cx.rec, &s, x, y),
        }
        Ok((y, Saved::default()))
    }

    fn backward(
        &self,
        cx: &mut Backward,
        _saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        if !need_dx {
            return Ok(None);
        }
        let dx = cx.rec.temp("dx", cx.n * input.iter().product::<usize>());
        match self.form(cx.n, input)? {
            Form::Windows(s) => pool::avg_bwd(cx.rec, &s, dy, dx),
            Form::Bins(s) => pool::adaptive_avg_bwd(cx.rec, &s, dy, dx),
        }
        Ok(Some(dx))
    }
}
