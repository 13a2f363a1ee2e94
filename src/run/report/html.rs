//! The few pieces of HTML that the report is put together from. All text from outside goes through [`escape`].

/// Text for an element or a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Control characters are not allowed in HTML text, whatever the escape.
            c if c.is_control() && c != '\n' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// `<tag>text</tag>`, escaped.
pub fn element(tag: &str, text: &str) -> String {
    format!("<{tag}>{}</{tag}>\n", escape(text))
}

/// A table in a frame of its own that scrolls sideways; the first column heads its row.
pub fn table(caption: &str, header: &[String], rows: &[Vec<String>]) -> String {
    let mut out = format!("<div class=\"scroll\"><table><caption>{}</caption>\n<thead><tr>", escape(caption));
    for heading in header {
        out.push_str(&format!("<th scope=\"col\">{}</th>", escape(&heading.replace('\n', " "))));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for (i, cell) in row.iter().enumerate() {
            match i {
                0 => out.push_str(&format!("<th scope=\"row\">{}</th>", escape(cell))),
                _ => out.push_str(&format!("<td>{}</td>", escape(cell))),
            }
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
    out
}

/// Charts side by side with what they show and, under them, their numbers.
pub fn figure(caption: &str, charts: &[String], table: &str) -> String {
    let caption = escape(caption);
    format!(
        "<figure><figcaption>{caption}</figcaption>\n<div class=\"charts\">{}</div>\n{table}</figure>\n",
        charts.concat()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_escapes_an_element_or_an_attribute() {
        assert_eq!(escape("a<b>&\"c'\u{1b}\n"), "a&lt;b&gt;&amp;&quot;c&#39;\u{fffd}\n");
    }
}
