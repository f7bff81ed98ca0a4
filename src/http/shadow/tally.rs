//! How many requests the gateway would have answered otherwise, and in what.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use super::Untold;
use crate::{
    graphql::Discrepancy,
    model::Count,
    telemetry::metrics::{Page, Source},
};

/// Differences that are told apart. Their places are names of the schema, codes and cookies, so there are few; were there
/// more, the rest would be one.
const MOST: usize = 500;

/// A difference, as it is counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Difference {
    /// The operation, by its name in the audit log; `request` where the gateway refuses one that the backend took.
    pub(super) operation: &'static str,
    /// In what they differ.
    pub(super) kind: &'static str,
    /// Where: a field, a status, the name of a cookie, or the code of the refusal.
    pub(super) at: String,
}

impl From<&Discrepancy> for Difference {
    fn from(found: &Discrepancy) -> Self {
        Self { operation: found.operation, kind: found.kind.as_str(), at: found.at.clone() }
    }
}

/// What there was until now. One for the process: all cores count there, one after the other, beside whatever is forwarded.
#[derive(Debug, Default)]
pub struct Tally {
    same: Count,
    different: Count,
    untold: [Count; Untold::ALL.len()],
    differences: Mutex<BTreeMap<Difference, u64>>,
}

impl Untold {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Batch, "batch"),
        (Self::Form, "form"),
        (Self::Schema, "schema"),
        (Self::Unavailable, "unavailable"),
        (Self::Unread, "unread"),
        (Self::Unanswered, "unanswered"),
        (Self::Busy, "busy"),
    ];
}

impl Tally {
    /// One request more of which nobody can tell.
    pub(super) fn untold(&self, untold: Untold) {
        let place = Untold::ALL.iter().position(|(known, _)| *known == untold);
        if let Some(count) = place.and_then(|place| self.untold.get(place)) {
            count.add_one();
        }
    }

    /// One request more, which differs in these. The log tells of each difference once.
    pub(super) fn told(&self, found: Vec<Difference>) {
        if found.is_empty() {
            return self.same.add_one();
        }
        self.different.add_one();
        let mut differences = self.differences.lock().unwrap_or_else(PoisonError::into_inner);
        for difference in found {
            let is_known = differences.contains_key(&difference);
            let difference = if is_known || differences.len() < MOST { difference } else { Difference::another() };
            if !differences.contains_key(&difference) {
                let Difference { operation, kind, at } = &difference;
                tracing::warn!(operation, difference = kind, at, "the gateway would answer otherwise than the backend");
            }
            *differences.entry(difference).or_default() += 1;
        }
    }
}

impl Difference {
    /// One that is not told from others.
    fn another() -> Self {
        Self { operation: "request", kind: "other", at: String::new() }
    }
}

impl Source for Tally {
    fn tell(&self, page: &mut Page<'_>) -> fmt::Result {
        let told = [("same", self.same.get()), ("different", self.different.get())];
        let untold = Untold::ALL.iter().zip(&self.untold).map(|((_, word), count)| (*word, count.get()));
        let help =
            "Requests that the backend answered in shadow mode: whether the gateway would have answered the same.";
        let samples = told.into_iter().chain(untold).map(|(outcome, count)| ([("outcome", outcome)], count));
        page.counter("railgate_shadow_requests", help, samples)?;
        let differences = self.differences.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let samples = differences.iter().map(|(difference, count)| {
            let Difference { operation, kind, at } = difference;
            ([("operation", *operation), ("difference", *kind), ("at", at.as_str())], *count)
        });
        let help = "Where they would differ, by operation, in what, and where.";
        page.counter("railgate_shadow_differences", help, samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::Metrics;

    fn at(place: usize) -> Difference {
        Difference { operation: "login", kind: "cookie", at: format!("c{place}") }
    }

    #[test]
    fn there_is_no_end_to_differences_but_to_those_that_are_told_apart() {
        let tally = Tally::default();
        for place in 0..MOST + 7 {
            tally.told(vec![at(place), at(0)]);
        }
        tally.told(Vec::new());
        tally.untold(Untold::Form);
        let metrics = Metrics::default();
        metrics.add(tally);
        let page = metrics.text().unwrap();
        let lines = page.lines().filter(|line| line.starts_with("railgate_shadow_differences_total{"));
        assert_eq!(lines.count(), MOST + 1);
        let has = |sample: &str| assert!(page.lines().any(|line| line == sample), "{sample}");
        has(r#"railgate_shadow_differences_total{operation="login",difference="cookie",at="c0"} 508"#);
        has(r#"railgate_shadow_differences_total{operation="request",difference="other",at=""} 7"#);
        has(r#"railgate_shadow_requests_total{outcome="same"} 1"#);
        has(r#"railgate_shadow_requests_total{outcome="different"} 507"#);
        has(r#"railgate_shadow_requests_total{outcome="form"} 1"#);
    }
}
