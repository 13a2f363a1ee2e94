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

/// What unfolds at a click: closed unless `open`. `head` is text, `body` HTML.
pub fn folded(class: &str, open: bool, head: &str, body: &str) -> String {
    let open = if open { " open" } else { "" };
    format!("<details class=\"{class}\"{open}><summary>{}</summary>\n{body}</details>\n", escape(head))
}

/// A picture with what it shows, the key of its colours, and its numbers in a table that unfolds.
pub struct Figure<'a> {
    /// Its heading.
    pub title: &'a str,
    /// What is seen, and how to read it.
    pub caption: &'a str,
    /// Pictures, each in a [`panel`].
    pub body: String,
    /// What colours and strokes mean, as HTML.
    pub key: String,
    /// As HTML.
    pub numbers: String,
}

impl Figure<'_> {
    /// As HTML.
    pub fn html(&self) -> String {
        let numbers = match self.numbers.is_empty() {
            true => String::new(),
            false => folded("numbers", false, &format!("Numbers: {}", self.title), &self.numbers),
        };
        format!(
            "<figure><h4>{}</h4>\n<figcaption>{}</figcaption>\n<div class=\"charts\">{}</div>\n{}{numbers}</figure>\n",
            escape(self.title),
            escape(self.caption),
            self.body,
            self.key
        )
    }
}

/// One picture among several, under its name.
pub fn panel(title: &str, picture: &str) -> String {
    format!("<div class=\"panel\"><h5>{}</h5>{picture}</div>\n", escape(title))
}

/// Pictures that take the whole width, side by side where they fit.
pub fn wide(pictures: &str) -> String {
    format!("<div class=\"wide\">{pictures}</div>\n")
}

/// An anchor that is the same for the same text: letters and digits of it, and its place among all.
pub fn anchor(place: usize, text: &str) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let text: String = text.chars().take(60).map(word).collect();
    format!("e{place}-{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_escapes_an_element_or_an_attribute() {
        assert_eq!(escape("a<b>&\"c'\u{1b}\n"), "a&lt;b&gt;&amp;&quot;c&#39;\u{fffd}\n");
        assert_eq!(anchor(2, "A \"b\"_c"), "e2-a--b--c");
    }
}
