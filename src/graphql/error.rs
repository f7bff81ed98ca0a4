//! Errors as GraphQL answers carry them, and the answers made of nothing else.

use async_graphql_parser::Pos;
use serde_json::{Map, Value, json};

use super::{Answer, Outcome, SessionChange};
use crate::model::{Shortfall, StepUp};

/// One entry of `errors` (GraphQL October 2021 §7.1.2).
///
/// Messages name fields, types and variables. They never repeat a literal or the value of a variable: it could be a
/// password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GraphqlError {
    pub(super) message: String,
    /// Where in the document, 1-based, columns in characters as graphql-core counts them.
    pub(super) locations: Vec<Pos>,
    /// The response key of the root field that it belongs to.
    pub(super) path: Option<String>,
    /// `extensions.code`, for programs.
    pub(super) code: Option<&'static str>,
    /// What a new login would have to bring.
    pub(super) step_up: Option<StepUp>,
}

impl GraphqlError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), locations: Vec::new(), path: None, code: None, step_up: None }
    }

    pub(super) fn at(message: impl Into<String>, position: Pos) -> Self {
        Self { locations: vec![position], ..Self::new(message) }
    }

    pub(super) fn at_all(message: impl Into<String>, positions: impl IntoIterator<Item = Pos>) -> Self {
        Self { locations: positions.into_iter().collect(), ..Self::new(message) }
    }

    /// What the caller of these places lacks.
    pub(super) fn lacking(shortfall: Shortfall, positions: &[Pos]) -> Self {
        let step_up = match shortfall {
            Shortfall::StepUp(step_up) => Some(step_up),
            Shortfall::Unauthenticated | Shortfall::Unconfirmed | Shortfall::Forbidden | Shortfall::Denied => None,
        };
        let error = Self::at_all(shortfall.message(), positions.iter().copied()).with_code(shortfall.code());
        Self { step_up, ..error }
    }

    pub(super) fn with_code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    pub(super) fn with_path(self, key: &str) -> Self {
        Self { path: Some(key.to_owned()), ..self }
    }

    pub(super) fn to_json(&self) -> Value {
        let mut entry = Map::new();
        entry.insert("message".to_owned(), json!(self.message));
        if !self.locations.is_empty() {
            let location = |at: &Pos| json!({ "line": at.line, "column": at.column });
            entry.insert("locations".to_owned(), self.locations.iter().map(location).collect());
        }
        if let Some(key) = &self.path {
            entry.insert("path".to_owned(), json!([key]));
        }
        if let Some(code) = self.code {
            entry.insert("extensions".to_owned(), extensions_of(code, self.step_up));
        }
        Value::Object(entry)
    }
}

/// What programs read of a shortfall: its code, and what a new login would have to bring.
#[must_use]
pub fn extensions(shortfall: Shortfall) -> Value {
    match shortfall {
        Shortfall::StepUp(step_up) => extensions_of(shortfall.code(), Some(step_up)),
        Shortfall::Unauthenticated | Shortfall::Unconfirmed | Shortfall::Forbidden | Shortfall::Denied => {
            extensions_of(shortfall.code(), None)
        }
    }
}

fn extensions_of(code: &str, step_up: Option<StepUp>) -> Value {
    let mut extensions = Map::from_iter([("code".to_owned(), json!(code))]);
    if let Some(StepUp { mfa, max_auth_age }) = step_up {
        extensions.extend(mfa.then(|| ("mfa".to_owned(), json!(true))));
        extensions.extend(max_auth_age.map(|age| ("maxAuthAge".to_owned(), json!(age.as_secs()))));
    }
    Value::Object(extensions)
}

/// Most fields of a refused request of which something is said.
const MOST: usize = 10;

/// The errors of a refusal: one for each field, and from the eleventh on how many more there are. What `matters` goes before
/// what is said of all others.
pub(super) fn refusals<T>(fields: &[T], matters: impl Fn(&T) -> bool, error: impl Fn(&T) -> Value) -> Vec<Value> {
    let (first, then): (Vec<usize>, Vec<usize>) =
        (0..fields.len()).partition(|at| fields.get(*at).is_some_and(&matters));
    let mut shown: Vec<usize> = first.into_iter().chain(then).take(MOST).collect();
    shown.sort_unstable();
    let mut errors: Vec<Value> = shown.into_iter().filter_map(|at| fields.get(at)).map(error).collect();
    let more = fields.len() - errors.len();
    if more > 0 {
        let rest = GraphqlError::new(format!("Not run: {more} more fields of this request.")).with_code("NOT_RUN");
        errors.push(rest.to_json());
    }
    errors
}

/// A document over one of the limits.
pub(super) fn too_complex(what: &str, limit: usize) -> GraphqlError {
    GraphqlError::new(format!("The document is too complex: {what} (the limit is {limit}). Send a smaller one."))
        .with_code("DOCUMENT_TOO_COMPLEX")
}

impl Answer {
    /// Nothing ran, and this is why.
    pub(super) fn refused(outcome: Outcome, errors: &[GraphqlError]) -> Box<Self> {
        let errors: Vec<Value> = errors.iter().map(GraphqlError::to_json).collect();
        Self::refused_as(outcome, &errors)
    }

    /// The same, the errors as they will be read.
    pub(super) fn refused_as(outcome: Outcome, errors: &[Value]) -> Box<Self> {
        let body = json!({ "errors": errors }).to_string().into_bytes();
        Box::new(Self { body, outcome, session: SessionChange::Keep, retry_after: None })
    }

    /// Not a valid GraphQL request.
    pub(super) fn invalid(error: GraphqlError) -> Box<Self> {
        Self::refused(Outcome::Invalid, &[error])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::refusals;

    #[test]
    fn of_many_fields_those_are_told_of_that_matter() {
        let told = |fields: &[i32], matters: i32| {
            let told = refusals(fields, |field| *field == matters, |field| json!(field));
            told.into_iter()
                .map(|error| error["message"].as_str().map_or(error.clone(), Value::from))
                .collect::<Vec<_>>()
        };
        assert_eq!(told(&[3, 2, 1], 2), [3, 2, 1]);
        assert_eq!(told(&(0..10).collect::<Vec<_>>(), 0).len(), 10);
        let mut many: Vec<Value> = [0, 1, 2, 3, 4, 5, 6, 7, 8, 500].map(Value::from).into();
        many.push(json!("Not run: 990 more fields of this request."));
        assert_eq!(told(&(0..1000).collect::<Vec<_>>(), 500), many);
    }
}
