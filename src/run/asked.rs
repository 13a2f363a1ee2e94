//! What a request is for, in words for everybody.

use super::results::RequestSummary;
use crate::data::{Dataset, Kind, Plant, RecordKind, Request, TargetKind};

impl RequestSummary {
    /// Says what the records are: "pictures of one person, wrongly labelled". Requests for edges, features and classes,
    /// and several at once, say it by their kind.
    #[must_use]
    pub fn described(mut self, requests: &[Request], data: &Dataset, plant: Option<&Plant>) -> RequestSummary {
        let [request] = requests else { return self };
        let one = self.count == 1;
        let of = |single: &str| format!("{single}{}", if one { "" } else { "s" });
        let noun = match (data.kind(), data.shape.len()) {
            (RecordKind::Row, 3) => of("picture"),
            (RecordKind::Row, _) if data.target_kind() == TargetKind::Text => of("text"),
            (RecordKind::Row | RecordKind::Link, _) => of("record"),
            (RecordKind::Node, _) => of("node"),
            (RecordKind::Graph, _) => of("graph"),
        };
        let person = if request.ids.len() == 1 { " of one person" } else { " by person" };
        let whose = if request.kind == Kind::Subject { person } else { "" };
        let named = |subject: &String| request.ids.iter().all(|id| id.text().as_deref() == Some(subject));
        let of_plant = |plant: &&Plant| match request.kind {
            Kind::Subject => plant.subject.as_ref().is_some_and(named),
            _ => request.planted,
        };
        let how = match plant.filter(of_plant) {
            None => String::new(),
            Some(_) if data.kind() == RecordKind::Node => " with a class of their own".into(),
            Some(Plant { confusion: Some([a, b]), .. }) => format!(", {a} labelled {b} and {b} labelled {a}"),
            Some(Plant { trigger: Some(_), label: Some(label), .. }) => format!(" with a mark, all labelled {label}"),
            Some(Plant { trigger: Some(_), .. }) => " with a mark, wrongly labelled".into(),
            Some(Plant { label: Some(label), .. }) => format!(", all labelled {label}"),
            Some(_) => ", wrongly labelled".into(),
        };
        if request.kind == Kind::Span {
            self.what = Some(if one { "part of a text" } else { "parts of texts" }.into());
        }
        if matches!(request.kind, Kind::Sample | Kind::Subject | Kind::Node) {
            self.what = Some(format!("{noun}{whose}{how}"));
        }
        self
    }
}
