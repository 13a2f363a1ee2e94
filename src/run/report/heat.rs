//! Tables whose cells are coloured by their value: the picture is its own table.

use super::html::escape;

/// A cell: what is written, and how strongly it is coloured, from −1 to 1; none of it for an absent value.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// As written; empty for nothing.
    pub text: String,
    /// Above 0 in one colour, below in another.
    pub heat: f64,
}

impl Cell {
    /// Nothing.
    pub fn empty() -> Cell {
        Cell { text: String::new(), heat: 0.0 }
    }
}

/// A table with a heading for columns and rows; a caption may be empty.
pub fn heat(caption: &str, corner: &str, columns: &[String], rows: &[(String, Vec<Cell>)]) -> String {
    let caption = if caption.is_empty() { String::new() } else { format!("<caption>{}</caption>\n", escape(caption)) };
    let mut out = format!(
        "<div class=\"scroll\"><table class=\"heat\">{caption}<thead><tr><th scope=\"col\">{}</th>",
        escape(corner)
    );
    for column in columns {
        out.push_str(&format!("<th scope=\"col\">{}</th>", escape(column)));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for (name, cells) in rows {
        out.push_str(&format!("<tr><th scope=\"row\">{}</th>", escape(name)));
        for cell in cells {
            let strength = (cell.heat.abs().min(1.0) * 60.0).round() as u32;
            match (strength, cell.heat > 0.0) {
                (0, _) => out.push_str(&format!("<td>{}</td>", escape(&cell.text))),
                (h, true) => out.push_str(&format!("<td style=\"--h:{h}%\">{}</td>", escape(&cell.text))),
                (h, false) => out.push_str(&format!("<td class=\"lo\" style=\"--h:{h}%\">{}</td>", escape(&cell.text))),
            }
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
    out
}
