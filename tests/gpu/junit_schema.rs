//! The rules of junit-10.xsd, the schema of Jenkins's xUnit plug-in, for the elements that a report may hold: which
//! attributes each has, which of them it needs, and what may stand inside.

use regex::Regex;

struct Element {
    name: &'static str,
    needs: &'static [&'static str],
    may: &'static [&'static str],
    inside: &'static [&'static str],
}

const fn element(
    name: &'static str,
    needs: &'static [&'static str],
    may: &'static [&'static str],
    inside: &'static [&'static str],
) -> Element {
    Element { name, needs, may, inside }
}

const SUITE: &[&str] = &["group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"];
const OUTCOME: &[&str] = &["type", "message"];

static ELEMENTS: &[Element] = &[
    element("", &[], &[], &["testsuites", "testsuite"]),
    element("testsuites", &[], &["name", "time", "tests", "failures", "errors"], &["testsuite"]),
    element(
        "testsuite",
        &["name", "tests", "failures", "errors"],
        SUITE,
        &["testsuite", "properties", "testcase", "system-out", "system-err"],
    ),
    element("properties", &[], &[], &["property"]),
    element("property", &["name", "value"], &[], &[]),
    element(
        "testcase",
        &["name"],
        &["time", "classname", "group"],
        &["skipped", "error", "failure", "system-out", "system-err"],
    ),
    element("skipped", &[], OUTCOME, &[]),
    element("error", &[], OUTCOME, &[]),
    element("failure", &[], OUTCOME, &[]),
    element("system-out", &[], &[], &[]),
    element("system-err", &[], &[], &[]),
];

/// The first break of a rule, in words; also of well-formedness, and a time that is no number of seconds.
pub fn invalid(xml: &str) -> Option<String> {
    let tag = Regex::new(r#"<(/?)([A-Za-z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(/?)>"#).expect("compiles");
    let attribute = Regex::new(r#"([\w:-]+)="([^"]*)""#).expect("compiles");
    let find = |name: &str| ELEMENTS.iter().find(|e| e.name == name);
    let mut open = vec![""];
    let tags = tag.captures_iter(xml).count() + usize::from(xml.starts_with("<?xml"));
    if tags != xml.matches('<').count() {
        return Some(format!("{} of {} angles begin a tag", tags, xml.matches('<').count()));
    }
    for found in tag.captures_iter(xml) {
        let name = found.get(2).map_or("", |m| m.as_str());
        if &found[1] == "/" {
            if open.pop() != Some(name) {
                return Some(format!("</{name}> ends what is not open"));
            }
            continue;
        }
        let parent = *open.last()?;
        let (Some(rules), Some(of)) = (find(name), find(parent)) else { return Some(format!("no element {name}")) };
        if !of.inside.contains(&name) {
            return Some(format!("<{name}> inside <{parent}>"));
        }
        let has: Vec<(&str, &str)> =
            attribute.captures_iter(&found[3]).map(|a| (a.get(1), a.get(2))).filter_map(pair).collect();
        let unknown = has.iter().find(|(a, _)| !rules.needs.contains(a) && !rules.may.contains(a));
        let lacking = rules.needs.iter().find(|n| has.iter().all(|(a, _)| a != *n));
        let late = has.iter().find(|(a, v)| *a == "time" && !v.chars().all(|c| c.is_ascii_digit() || c == '.'));
        if let Some((what, _)) = unknown.or(late) {
            return Some(format!("<{name}> has {what} as it may not: {}", &found[0]));
        }
        if let Some(what) = lacking {
            return Some(format!("<{name}> lacks {what}"));
        }
        if &found[4] != "/" {
            open.push(name);
        }
    }
    (open.len() != 1).then(|| format!("{open:?} are not closed"))
}

fn pair<'a>((a, b): (Option<regex::Match<'a>>, Option<regex::Match<'a>>)) -> Option<(&'a str, &'a str)> {
    Some((a?.as_str(), b?.as_str()))
}
