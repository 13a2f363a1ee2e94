//! Bars as lines of HTML: the name, a bar on a common scale, the value. Text wraps, and no label can lie on another.

use super::charts::{Ink, RETRAIN, tick};
use super::html::escape;

/// One bar.
pub struct Bar<'a> {
    /// What it is of.
    pub name: &'a str,
    /// Its colour.
    pub ink: Ink,
    /// Where it ends.
    pub value: f64,
    /// Half the width of its whisker, where a spread is known.
    pub spread: Option<f64>,
    /// The value as it is written beside it.
    pub text: String,
}

/// Bars from 0, which is the retrains' mean, with the band of their spread.
pub fn differences(name: &str, bars: &[Bar], band: f64) -> String {
    // At least a point either way, so that noise does not fill the picture.
    let of = |bar: &Bar| bar.value.abs() + bar.spread.unwrap_or(0.0);
    let reach = bars.iter().map(of).filter(|reach| reach.is_finite()).fold(band.max(1.0), f64::max);
    let x = |value: f64| 100.0 + 100.0 * (value / reach).clamp(-1.0, 1.0);
    let mut out = format!("<div class=\"bars\" role=\"img\" aria-label=\"{}\">\n", escape(name));
    for bar in bars {
        let (from, to) = (x(bar.value.min(0.0)), x(bar.value.max(0.0)));
        let whisker = bar.spread.map_or(String::new(), |spread| {
            let (low, high) = (x(bar.value - spread), x(bar.value + spread));
            format!("<path d=\"M{low:.1} 7V13M{low:.1} 10H{high:.1}M{high:.1} 7V13\" class=\"whisker\"/>")
        });
        out.push_str(&format!(
            "<span class=\"name\">{}</span><svg viewBox=\"0 0 200 20\" preserveAspectRatio=\"none\" \
             aria-hidden=\"true\"><rect x=\"{:.1}\" width=\"{:.1}\" height=\"20\" fill=\"{RETRAIN}\" \
             fill-opacity=\".25\"/><rect x=\"{from:.1}\" y=\"4\" width=\"{:.1}\" height=\"12\" fill=\"{}\"/>\
             <path d=\"M100 0V20\" class=\"zero\"/>{whisker}</svg><span class=\"value\">{}</span>\n",
            escape(bar.name),
            x(-band),
            x(band) - x(-band),
            (to - from).max(0.5),
            bar.ink.colour,
            escape(&bar.text)
        ));
    }
    out.push_str(&format!(
        "<span></span><span class=\"scale\"><span>{}</span><span>0</span><span>+{}</span></span>\
         <span></span>\n</div>\n",
        tick(-reach),
        tick(reach)
    ));
    out
}
