//! The charts as inline SVG. Text, axes and grid take the page's colours, so that they follow light, dark and print.

use std::sync::Arc;

use kuva::prelude::{
    BarPlot, Layout, LegendPosition, LinePlot, LineStyle, Plot, ReferenceLine, ScatterPlot, ShadedRegion, Theme,
    TickFormat, render_to_svg,
};

use super::html::escape;

// Okabe & Ito's colours, told apart by colour-blind readers and visible on white and on black.
/// The model before forgetting.
pub const ORIGINAL: &str = "#d55e00";
/// The retrained target.
pub const RETRAIN: &str = "#009e73";
const OTHERS: [&str; 5] = ["#0072b2", "#cc79a7", "#e69f00", "#56b4e9", "#8a8a8a"];

/// Colour of the `i`-th method.
pub fn method_colour(i: usize) -> &'static str {
    OTHERS[i % OTHERS.len()]
}

/// The lowest rate drawn on the logarithmic axes of the ROC; lower ones, 0 among them, stand there.
const ROC_FLOOR: f64 = 1e-3;

/// A named line.
pub struct Line<'a> {
    pub label: &'a str,
    pub colour: &'a str,
    pub points: Vec<(f64, f64)>,
}

/// Percentages as horizontal bars from 0 to 100, first label on top, against the retrain's mean ± sd.
pub fn bars(title: &str, values: &[(&str, f64, &str)], target: Option<(f64, f64)>) -> String {
    let plots = vec![horizontal(values)];
    let mut layout = panel(&plots, title, values.len())
        .with_x_axis_min(0.0)
        .with_x_axis_max(100.0)
        .with_x_tick_step(25.0)
        .with_x_label("accuracy, %");
    if let Some((mean, sd)) = target {
        layout = on_target(layout, mean, (mean - sd).max(0.0), (mean + sd).min(100.0));
    }
    inline(plots, layout, title)
}

/// Differences to the retrain in points: bars from its mean, 0, with the band of its ± sd.
pub fn differences(title: &str, values: &[(&str, f64, &str)], sd: f64) -> String {
    let plots = vec![horizontal(values)];
    // At least a point either way, so that noise does not fill the picture.
    let reach = values.iter().map(|value| value.1.abs()).fold(sd.max(1.0), f64::max) * 1.1;
    let layout = panel(&plots, title, values.len())
        .with_x_axis_min(-reach)
        .with_x_axis_max(reach)
        .with_x_label("difference to the retrain, points");
    inline(plots, on_target(layout, 0.0, -sd, sd), title)
}

fn horizontal(values: &[(&str, f64, &str)]) -> Plot {
    let bars = BarPlot::new().with_horizontal(true).with_width(0.7);
    values
        .iter()
        .rev()
        .fold(bars, |bars, &(label, value, colour)| bars.with_colored_bar(short(label), value, colour))
        .into()
}

fn panel(plots: &[Plot], title: &str, bars: usize) -> Layout {
    base(plots, title, 380.0, 90.0 + 26.0 * bars as f64)
}

fn on_target(layout: Layout, mean: f64, low: f64, high: f64) -> Layout {
    layout
        .with_shaded_region(ShadedRegion::vertical(low, high).with_color(RETRAIN))
        .with_reference_line(ReferenceLine::vertical(mean).with_color(RETRAIN).with_stroke_width(1.5))
}

/// ROC curves on two logarithmic axes with the diagonal of a guess.
pub fn roc(title: &str, curves: &[Line]) -> String {
    let on_axes = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
        points.iter().map(|&(fpr, tpr)| (fpr.max(ROC_FLOOR), tpr.max(ROC_FLOOR))).collect()
    };
    let guess = LinePlot::new()
        .with_data(vec![(ROC_FLOOR, ROC_FLOOR), (1.0, 1.0)])
        .with_color("#8a8a8a")
        .with_dotted()
        .with_legend("guessing");
    let mut plots: Vec<Plot> = vec![guess.into()];
    plots.extend(curves.iter().enumerate().map(|(i, curve)| line(i, curve, on_axes(&curve.points))));
    let layout = base(&plots, title, 680.0, 400.0)
        .with_log_scale()
        .with_x_axis_min(ROC_FLOOR)
        .with_x_axis_max(1.0)
        .with_y_axis_min(ROC_FLOOR)
        .with_y_axis_max(1.0)
        .with_x_label("false-positive rate")
        .with_y_label("true-positive rate");
    inline(plots, layout, title)
}

/// Lines over a linear axis, such as loss over steps.
pub fn lines(title: &str, x_label: &str, y_label: &str, curves: &[Line]) -> String {
    let plots: Vec<Plot> = curves.iter().enumerate().map(|(i, curve)| line(i, curve, curve.points.clone())).collect();
    let layout = base(&plots, title, 600.0, 320.0).with_x_label(x_label).with_y_label(y_label).with_y_axis_min(0.0);
    inline(plots, layout, title)
}

/// A level drawn across a chart.
pub struct Level<'a> {
    pub label: &'a str,
    pub colour: &'a str,
    pub value: f64,
}

/// Cost against distance: one labelled point for each method, levels for the controls. Costs must be positive.
pub fn scatter(
    title: &str,
    x_label: &str,
    y_label: &str,
    points: &[(&str, f64, f64, &str)],
    levels: &[Level],
) -> String {
    let plot = ScatterPlot::new()
        .with_data(points.iter().map(|&(_, x, y, _)| (x, y)).collect::<Vec<_>>())
        .with_colors(points.iter().map(|&(.., colour)| colour).collect::<Vec<_>>())
        .with_labels(points.iter().map(|&(label, ..)| short(label)))
        .with_repel_labels()
        .with_size(5.0);
    let plots = vec![Plot::from(plot)];
    let top = points.iter().map(|point| point.2).chain(levels.iter().map(|level| level.value)).fold(0.0, f64::max);
    let costs = || points.iter().map(|point| point.1);
    let mut layout = base(&plots, title, 680.0, 380.0)
        .with_log_x()
        .with_x_axis_min(costs().fold(1.0, f64::min) / 2.0)
        .with_x_axis_max(costs().fold(1.0, f64::max) * 2.0)
        .with_x_label(x_label)
        .with_y_label(y_label)
        .with_y_label_offset(-12.0, 0.0)
        .with_y_axis_min(0.0)
        .with_y_axis_max(if top > 0.0 { 1.1 * top } else { 1.0 });
    for level in levels {
        layout = layout.with_reference_line(
            ReferenceLine::horizontal(level.value).with_color(level.colour).with_label(level.label),
        );
    }
    inline(plots, layout, title)
}

/// A label that leaves room for the chart; the table under it has the whole.
fn short(label: &str) -> String {
    match label.chars().count() {
        0..=28 => label.to_owned(),
        _ => label.chars().take(27).chain(['…']).collect(),
    }
}

/// The dash tells lines apart where colour does not.
fn line(i: usize, curve: &Line, points: Vec<(f64, f64)>) -> Plot {
    let style = [LineStyle::Solid, LineStyle::Dashed, LineStyle::DashDot][i % 3].clone();
    LinePlot::new()
        .with_data(points)
        .with_color(curve.colour)
        .with_stroke_width(2.0)
        .with_line_style(style)
        .with_legend(short(curve.label))
        .into()
}

/// Three significant digits without trailing zeros.
fn tick(value: f64) -> String {
    let digits = (2.0 - value.abs().max(1e-9).log10().floor()).clamp(0.0, 6.0) as usize;
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn base(plots: &[Plot], title: &str, width: f64, height: f64) -> Layout {
    let mut theme = Theme::light();
    for ink in [&mut theme.axis_color, &mut theme.tick_color, &mut theme.text_color] {
        *ink = "currentColor".into();
    }
    theme.background = "none".into();
    theme.legend_bg = "none".into();
    theme.legend_border = "none".into();
    theme.grid_color = "#80808040".into();
    theme.font_family = Some("system-ui, sans-serif".into());
    Layout::auto_from_plots(plots)
        .with_theme(theme)
        .with_title(title)
        .with_title_size(15)
        .with_label_size(13)
        .with_tick_size(12)
        .with_body_size(12)
        .with_width(width)
        .with_height(height)
        .with_legend_position(LegendPosition::OutsideRightTop)
        .with_tick_format(TickFormat::Custom(Arc::new(tick)))
}

/// Renders and makes the picture part of the page: it scales with the column, has a name for readers that do not see
/// it, and needs no namespace.
fn inline(plots: Vec<Plot>, layout: Layout, title: &str) -> String {
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
        escape(title)
    )
}
