//! A roofline: what was reached against what memory and arithmetic allow (Williams, Waterman & Patterson, CACM 2009).

use kuva::prelude::{Layout, LegendPosition, LinePlot, Plot, ScatterPlot, Theme, render_to_svg};

/// One kernel at one shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Dot {
    /// Its form; forms of one name share a colour.
    pub name: String,
    /// Floating-point operations a byte.
    pub intensity: f64,
    /// 10⁹ floating-point operations a second.
    pub gflops: f64,
}

const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a8a8a"];

/// An SVG on its own: the roof of `(peak GFLOP/s, copy GB/s)` as a line, dots in it, both axes logarithmic. Dots that
/// are not positive are left out.
pub fn roofline(title: &str, (peak, copy): (f64, f64), dots: &[Dot]) -> String {
    let shown: Vec<&Dot> = dots.iter().filter(|d| d.intensity > 0.0 && d.gflops > 0.0).collect();
    let ridge = peak / copy;
    let fold = |from: f64, f: fn(f64, f64) -> f64, of: fn(&Dot) -> f64| shown.iter().map(|d| of(d)).fold(from, f);
    let low = fold(ridge / 8.0, f64::min, |d| d.intensity) / 1.5;
    let high = fold(ridge * 8.0, f64::max, |d| d.intensity) * 1.5;
    let (bottom, top) = (fold(low * copy, f64::min, |d| d.gflops) / 2.0, fold(peak, f64::max, |d| d.gflops) * 2.0);
    let roof = LinePlot::new()
        .with_data(vec![(low, low * copy), (ridge, peak), (high, peak)])
        .with_color("#333333")
        .with_stroke_width(2.0)
        .with_legend("roof");
    let mut plots: Vec<Plot> = vec![roof.into()];
    let mut names: Vec<&str> = shown.iter().map(|d| d.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for (i, name) in names.iter().enumerate() {
        let own: Vec<(f64, f64)> = shown.iter().filter(|d| d.name == *name).map(|d| (d.intensity, d.gflops)).collect();
        let dots = ScatterPlot::new().with_data(own).with_color(COLOURS[i % COLOURS.len()]).with_size(4.0);
        plots.push(dots.with_legend(*name).into());
    }
    let layout = Layout::auto_from_plots(&plots)
        .with_theme(Theme::light())
        .with_title(title)
        .with_width(760.0)
        .with_height(460.0)
        .with_log_scale()
        .with_x_axis_min(low)
        .with_x_axis_max(high)
        .with_y_axis_min(bottom)
        .with_y_axis_max(top)
        .with_x_label("arithmetic intensity, FLOP / byte")
        .with_y_label("GFLOP/s")
        .with_legend_position(LegendPosition::OutsideRightTop);
    // kuva escapes what labels hold, but lets control characters pass.
    render_to_svg(plots, layout).replace(|c: char| c.is_control() && c != '\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roof_and_every_dot_are_drawn() {
        let dot = |name: &str, intensity, gflops| Dot { name: name.into(), intensity, gflops };
        let dots = [dot("tiled", 64.0, 30.0), dot("plain", 64.0, 1.0), dot("copy", 0.0, 3.0)];
        let svg = roofline("Roofline: <a GPU>", (76.0, 7.0), &dots);
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
        assert!(svg.contains("tiled") && svg.contains("plain") && !svg.contains(">copy<"), "{svg}");
        assert!(svg.contains("&lt;a GPU&gt;") && !svg.contains("<a GPU>"));
    }
}
