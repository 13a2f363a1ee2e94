//! A file of requests as steps: the parts of a request together, in the order in which requests were first named.

use std::collections::{HashMap, HashSet};

use crate::data::{Line, Request};

/// What is forgotten in one go.
pub(super) struct Step {
    pub(super) requests: Vec<Request>,
    /// Records, nodes, edges or features that no earlier step has taken.
    pub(super) fresh: usize,
}

impl Step {
    /// The names of its requests.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.requests.iter().map(|request| request.request_id.as_str()).collect();
        names.dedup();
        names
    }
}

/// `lines` are what the requests were found to mean, one for one; `batch` requests make a step.
pub(super) fn of(requests: &[Request], lines: &[Line], batch: usize) -> Vec<Step> {
    let mut order: Vec<Vec<usize>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (at, request) in requests.iter().enumerate() {
        let place = *places.entry(&request.request_id).or_insert(order.len());
        match order.get_mut(place) {
            Some(parts) => parts.push(at),
            None => order.push(vec![at]),
        }
    }
    let mut taken = HashSet::new();
    let mut fresh = |at: usize| -> usize {
        let Some(line) = lines.get(at) else { return 0 };
        line.records.iter().filter(|who| taken.insert(line.known_as(who))).count()
    };
    let steps = order.chunks(batch.max(1)).map(|parts| {
        let all: Vec<usize> = parts.iter().flatten().copied().collect();
        let fresh = all.iter().map(|at| fresh(*at)).sum();
        Step { requests: all.into_iter().map(|at| requests[at].clone()).collect(), fresh }
    });
    steps.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Id, Kind, Who};

    fn asked(name: &str, ids: &[u64]) -> (Request, Line) {
        let request = Request {
            request_id: name.into(),
            ..Request::new(Kind::Sample, ids.iter().map(|id| Id::Number(*id)).collect(), "test")
        };
        let who = |id: &u64| Who { id: Id::Number(*id), row: None, class: None, split: None, span: None };
        let records = ids.iter().map(who).collect();
        let line = Line { request_id: name.into(), kind: "sample".into(), records, ..Line::default() };
        (request, line)
    }

    #[test]
    fn parts_of_a_request_go_together_and_what_went_before_is_not_counted_again() {
        let (requests, lines): (Vec<_>, Vec<_>) =
            [asked("a", &[1, 2]), asked("b", &[3]), asked("a", &[4]), asked("c", &[1, 4]), asked("d", &[5])]
                .into_iter()
                .unzip();
        let steps = of(&requests, &lines, 1);
        let found: Vec<(Vec<&str>, usize)> = steps.iter().map(|step| (step.names(), step.fresh)).collect();
        assert_eq!(found, [(vec!["a"], 3), (vec!["b"], 1), (vec!["c"], 0), (vec!["d"], 1)]);
        let pairs = of(&requests, &lines, 2);
        let found: Vec<(Vec<&str>, usize)> = pairs.iter().map(|step| (step.names(), step.fresh)).collect();
        assert_eq!(found, [(vec!["a", "b"], 4), (vec!["c", "d"], 1)]);
    }
}
