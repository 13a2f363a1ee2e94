//! What end-to-end runs found, as tables.

use super::{Format, csv_of, figure, head, us};
use crate::cli::markdown;
use crate::cli::output::{Table, json_text};
use crate::error::Result;
use crate::harness::whole::WholeReport;

/// # Errors
/// A document that cannot be written.
pub(in crate::cli::bench) fn whole(report: &WholeReport, format: Format) -> Result<String> {
    let tables: Vec<(&str, Table)> =
        [("", passes(report)), ("kernels, of one pass each", shares(report)), ("growth", growth(report))]
            .into_iter()
            .filter(|(_, table)| !table.rows.is_empty())
            .collect();
    let head = head(&report.adapter.describe(), option_env!("UNLEARN_COMMIT"));
    let join = |show: fn(&Table) -> String| {
        let part = |(name, table): &(&str, Table)| match name.is_empty() {
            true => show(table),
            false => format!("\n{name}\n\n{}", show(table)),
        };
        format!("{head}\n{}", tables.iter().map(part).collect::<String>())
    };
    match format {
        Format::Json => json_text(report),
        Format::Table => Ok(join(Table::to_string)),
        Format::Md => Ok(join(markdown::of_table)),
        Format::Csv | Format::Svg => {
            let table = passes(report);
            let rows = std::iter::once(&table.columns).chain(&table.rows);
            csv_of(rows.map(|row| row.iter().map(String::as_str)))
        }
    }
}

fn passes(report: &WholeReport) -> Table {
    let mut table = Table::new(&[
        "pass",
        "network",
        "records",
        "batch",
        "nodes",
        "parameters",
        "median s",
        "MAD",
        "min",
        "records/s",
        "ratio",
        "of",
        "first s",
        "first step s",
        "compile s",
        "dispatches",
        "peak MB",
    ]);
    let time = |s: f64| format!("{s:.4}");
    let some = |s: Option<f64>| s.map_or(String::new(), time);
    for row in &report.rows {
        let mut cells = vec![row.pass.clone(), row.network.clone()];
        cells.extend([row.records, row.batch, row.nodes, row.parameters].map(|n| n.to_string()));
        cells.extend([row.median_s, row.mad_s, row.min_s].map(time));
        cells.push(figure(row.per_second));
        cells.push(row.ratio.map_or(String::new(), |r| format!("{r:.2}")));
        cells.push(row.against.unwrap_or_default().to_owned());
        cells.extend([row.first_s, row.first_step_s, row.compile_s].map(some));
        cells.push(row.dispatches.map_or(String::new(), |d| d.to_string()));
        cells.push(format!("{:.1}", row.peak_bytes as f64 / 1e6));
        table.row(cells);
    }
    table
}

/// The kernels that take most of each pass.
const SHOWN: usize = 12;

fn shares(report: &WholeReport) -> Table {
    let mut table = Table::new(&["kernel", "of", "time %", "total ms", "count", "mean µs", "median µs", "min", "max"]);
    let mut last = ("", 0);
    for share in &report.kernels {
        last = if last.0 == share.of { (last.0, last.1 + 1) } else { (share.of.as_str(), 1) };
        if last.1 > SHOWN {
            continue;
        }
        let tuned = if share.tuned { " (tuned)" } else { "" };
        let mut cells = vec![format!("{}{tuned}", share.kernel), share.of.clone(), format!("{:.1}", share.percent)];
        cells.extend([format!("{:.2}", share.total_ns as f64 / 1e6), share.count.to_string()]);
        cells.extend([share.mean_ns, share.median_ns, share.min_ns, share.max_ns].map(us));
        table.row(cells);
    }
    table
}

fn growth(report: &WholeReport) -> Table {
    let mut table = Table::new(&["of", "grows", "size", "ns a unit", "spread past latency"]);
    for flat in &report.growth {
        for (size, ns) in flat.sizes.iter().zip(&flat.per_unit_ns) {
            let spread = if *size == flat.from { format!("{:.2}x from here", flat.spread) } else { String::new() };
            table.row([flat.of.clone(), flat.grows.to_owned(), size.to_string(), figure(*ns), spread]);
        }
    }
    table
}
