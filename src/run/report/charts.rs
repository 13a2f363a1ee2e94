//! Line charts and scatters as inline SVG, by kuva. Text, axes and grid take the page's colours, so that they follow
//! light, dark and print. A picture is as narrow as a telephone; what names its lines stands beside it as HTML, which
//! wraps and never lies on anything.

use std::sync::Arc;

use kuva::prelude::{
    Layout, LinePlot, LineStyle, Plot, ReferenceLine, ScatterPlot, ShadedRegion, Theme, TickFormat, render_to_svg,
};
use kuva::render::layout::AxisLabelOverlap;

use super::html::escape;

// Okabe & Ito's colours, told apart by colour-blind readers and visible on white and on black.
/// The model before forgetting.
pub const ORIGINAL: &str = "#d55e00";
/// The retrained target.
pub const RETRAIN: &str = "#009e73";
/// What is neither: a guess, records never seen.
pub const PLAIN: &str = "#8a8a8a";
const OTHERS: [&str; 5] = ["#0072b2", "#cc79a7", "#e69f00", "#56b4e9", "#a6761d"];

/// Colour and stroke of a line. Strokes tell lines apart where colours come round again, or are not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ink {
    /// As CSS has it.
    pub colour: &'static str,
    /// 0 is solid.
    pub dash: usize,
}

impl Ink {
    /// Of a control or of what everything is compared with.
    pub const fn solid(colour: &'static str) -> Ink {
        Ink { colour, dash: 0 }
    }

    /// The same colour, dashed.
    pub const fn dashed(colour: &'static str) -> Ink {
        Ink { colour, dash: 1 }
    }

    /// Of the `i`-th method: five colours and three strokes make fifteen.
    pub fn method(i: usize) -> Ink {
        Ink { colour: OTHERS[i % OTHERS.len()], dash: i % DASHES.len() }
    }
}

const DASHES: [&str; 3] = ["", "5 3", "1.5 2.5"];

/// A line of a chart.
#[derive(Debug, Clone)]
pub struct Line {
    /// Colour and stroke.
    pub ink: Ink,
    /// In the order in which they are joined.
    pub points: Vec<(f64, f64)>,
}

/// One axis.
#[derive(Debug, Clone)]
pub struct Axis<'a> {
    /// What is on it, with its unit.
    pub label: &'a str,
    /// From where to where.
    pub range: (f64, f64),
    /// In powers of ten.
    pub log: bool,
}

impl<'a> Axis<'a> {
    /// A linear one.
    pub fn linear(label: &'a str, range: (f64, f64)) -> Axis<'a> {
        Axis { label, range, log: false }
    }

    /// A logarithmic one.
    pub fn log(label: &'a str, range: (f64, f64)) -> Axis<'a> {
        Axis { label, range, log: true }
    }

    /// A linear one from 0 that holds all values, with room above them.
    pub fn from_zero(label: &'a str, values: impl Iterator<Item = f64>) -> Axis<'a> {
        let top = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
        Axis::linear(label, (0.0, if top > 0.0 { 1.05 * top } else { 1.0 }))
    }
}

/// Marks that are drawn behind the lines.
#[derive(Debug, Clone, Copy)]
pub enum Mark {
    /// A line at this x.
    At(f64, Ink),
    /// A line at this y.
    Level(f64, Ink),
    /// A band from this x to that.
    Band(f64, f64, Ink),
}

/// Lines, or steps of a histogram's edges.
pub fn lines(name: &str, x: &Axis, y: &Axis, lines: &[Line], marks: &[Mark], steps: bool) -> String {
    let plots: Vec<Plot> = lines.iter().map(|line| plot(line, x, y, steps)).collect();
    draw(name, x, y, plots, marks)
}

/// A dot for each point with its number beside it.
pub fn scatter(name: &str, x: &Axis, y: &Axis, points: &[(usize, f64, f64, Ink)], marks: &[Mark]) -> String {
    let plot = ScatterPlot::new()
        .with_data(points.iter().map(|&(_, px, py, _)| (within(px, x), within(py, y))).collect::<Vec<_>>())
        .with_colors(points.iter().map(|point| point.3.colour).collect::<Vec<_>>())
        .with_labels(points.iter().map(|point| point.0.to_string()))
        .with_repel_labels()
        .with_size(4.5);
    draw(name, x, y, vec![plot.into()], marks)
}

fn within(value: f64, axis: &Axis) -> f64 {
    value.clamp(axis.range.0, axis.range.1)
}

fn plot(line: &Line, x: &Axis, y: &Axis, steps: bool) -> Plot {
    let finite = line.points.iter().filter(|(px, py)| px.is_finite() && py.is_finite());
    let points: Vec<(f64, f64)> = finite.map(|&(px, py)| (within(px, x), within(py, y))).collect();
    let plot = LinePlot::new().with_data(points).with_color(line.ink.colour).with_stroke_width(1.8);
    let plot = match line.ink.dash % DASHES.len() {
        0 => plot,
        dash => plot.with_line_style(LineStyle::Custom(DASHES[dash].into())),
    };
    if steps { plot.with_step().into() } else { plot.into() }
}

/// Three significant digits without trailing zeros.
pub fn tick(value: f64) -> String {
    if value != 0.0 && (value.abs() < 1e-3 || value.abs() >= 1e5) {
        return format!("{value:.0e}").replace('-', "−");
    }
    let digits = (2.0 - value.abs().max(1e-9).log10().floor()).clamp(0.0, 6.0) as usize;
    let text = format!("{value:.digits$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    };
    if text == "-0" { "0".into() } else { text.replace('-', "−") }
}

/// Of a long logarithmic axis the powers of ten alone are named.
fn ticks(axis: &Axis) -> TickFormat {
    let long = axis.log && axis.range.1 > 100.0 * axis.range.0;
    TickFormat::Custom(Arc::new(move |value: f64| {
        let power = value.log10();
        if long && (power - power.round()).abs() > 1e-6 { String::new() } else { tick(value) }
    }))
}

/// Units of a picture: at this width its text is as large as the page's small print on a telephone.
const SIZE: (f64, f64) = (350.0, 250.0);

fn draw(name: &str, x: &Axis, y: &Axis, plots: Vec<Plot>, marks: &[Mark]) -> String {
    let mut theme = Theme::light();
    for ink in [&mut theme.axis_color, &mut theme.tick_color, &mut theme.text_color] {
        *ink = "currentColor".into();
    }
    theme.background = "none".into();
    theme.legend_bg = "none".into();
    theme.legend_border = "none".into();
    theme.grid_color = "#80808040".into();
    theme.font_family = Some("system-ui, sans-serif".into());
    let mut layout = Layout::auto_from_plots(&plots)
        .with_theme(theme)
        .with_label_size(12)
        .with_tick_size(11)
        .with_body_size(11)
        .with_width(SIZE.0)
        .with_height(SIZE.1)
        .with_ticks(5)
        .with_x_axis_min(x.range.0)
        .with_x_axis_max(x.range.1)
        .with_y_axis_min(y.range.0)
        .with_y_axis_max(y.range.1)
        .with_x_label(x.label)
        .with_y_label(y.label)
        .with_x_label_overlap(AxisLabelOverlap::Thin)
        .with_x_tick_format(ticks(x))
        .with_y_tick_format(ticks(y));
    layout.show_legend = false;
    if x.log {
        layout = layout.with_log_x();
    }
    if y.log {
        layout = layout.with_log_y();
    }
    for mark in marks {
        layout = match *mark {
            Mark::At(at, ink) => layout.with_reference_line(ReferenceLine::vertical(at).with_color(ink.colour)),
            Mark::Level(at, ink) => layout.with_reference_line(ReferenceLine::horizontal(at).with_color(ink.colour)),
            Mark::Band(low, high, ink) => {
                layout.with_shaded_region(ShadedRegion::vertical(low, high).with_color(ink.colour))
            }
        };
    }
    inline(plots, layout, name)
}

/// Renders and makes the picture part of the page: it scales with the column, has a name for readers that do not see
/// it, and needs no namespace.
fn inline(plots: Vec<Plot>, layout: Layout, name: &str) -> String {
    let svg = render_to_svg(plots, layout);
    let attribute = |name: &str| {
        let rest = svg.split_once(&format!(" {name}=\"")).map_or("", |(_, rest)| rest);
        rest.split('"').next().unwrap_or_default().to_owned()
    };
    let (width, height) = (attribute("width"), attribute("height"));
    // kuva escapes what labels hold, but lets control characters pass.
    let body: String = svg.split_once('>').map_or("", |(_, body)| body).replace(|c: char| c.is_control(), " ");
    format!(
        "<svg class=\"chart\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" \
         aria-label=\"{}\" fill=\"currentColor\" font-family=\"system-ui, sans-serif\">{body}\n",
        escape(name)
    )
}

/// What the colours and strokes of lines mean.
pub fn key<'a>(entries: impl IntoIterator<Item = (&'a str, Ink)>) -> String {
    let entry = |(name, ink): (&str, Ink)| {
        format!(
            "<li><svg viewBox=\"0 0 24 8\" width=\"24\" height=\"8\" aria-hidden=\"true\"><line x1=\"0\" y1=\"4\" \
             x2=\"24\" y2=\"4\" stroke=\"{}\" stroke-width=\"2.5\" stroke-dasharray=\"{}\"/></svg> {}</li>\n",
            ink.colour,
            DASHES[ink.dash % DASHES.len()],
            escape(name)
        )
    };
    format!("<ul class=\"key\">\n{}</ul>\n", entries.into_iter().map(entry).collect::<String>())
}

/// What numbered dots mean; a star for those that none beats.
pub fn dots<'a>(entries: impl IntoIterator<Item = (usize, &'a str, Ink, bool)>) -> String {
    let entry = |(number, name, ink, best): (usize, &str, Ink, bool)| {
        format!(
            "<li><svg viewBox=\"0 0 10 10\" width=\"10\" height=\"10\" aria-hidden=\"true\"><circle cx=\"5\" cy=\"5\" \
             r=\"4.5\" fill=\"{}\"/></svg> {number} {}{}</li>\n",
            ink.colour,
            escape(name),
            if best { " ★" } else { "" }
        )
    };
    format!("<ul class=\"key\">\n{}</ul>\n", entries.into_iter().map(entry).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::tick;

    #[test]
    fn ticks_are_short_and_have_no_negative_zero() {
        assert_eq!([0.0, -0.0, 0.25, -2.5, 100.0, 1234.0].map(tick), ["0", "0", "0.25", "−2.5", "100", "1234"]);
        assert_eq!([1e-5, 2e6].map(tick), ["1e−5", "2e6"]);
    }
}
