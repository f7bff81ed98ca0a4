//! What the backend has answered to a request, and what is found beside it.

use std::{cell::OnceCell, rc::Rc};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::{
    auth::rehearsal::Scope,
    graphql::Discrepancy,
    http::{
        hygiene::Speaks,
        respond::{Response, ResponseBody},
    },
};

/// What the backend has answered to a request, for those who work out what the gateway would have.
#[derive(Debug)]
pub(in crate::http) struct Take {
    /// Which operations are tried.
    pub(in crate::http) scope: Scope,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Nothing where nobody looks at it.
    pub(super) body: Bytes,
    /// The same, as it was read; null where it is no JSON.
    pub(in crate::http) answer: Value,
    /// The cookies that count, by their names.
    pub(super) cookies: Rc<[String]>,
    /// The client has Django's token against forgeries.
    pub(super) had_csrf: bool,
    pub(super) found: OnceCell<Found>,
}

/// What was found out by those who looked into a request's document.
#[derive(Debug)]
pub(in crate::http) enum Found {
    /// It runs owned fields, and these differ.
    Compared {
        /// In what.
        discrepancies: Vec<Discrepancy>,
        /// The operations, by their names in the audit log.
        operations: Vec<&'static str>,
        /// All of them were tried, so the answer is what the client would have got.
        is_whole: bool,
    },
    /// It goes on to the backend, without this credential of the client's, of which the gateway knows nobody.
    Anonymous(&'static str),
    /// Nobody can tell.
    Untold(Untold),
}

/// Why nobody can tell what the gateway would have answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Untold {
    /// The requests of a batch are asked of the backend one by one.
    Batch,
    /// The files of a form are read while they are sent on.
    Form,
    /// What a schema is shown as takes questions of its own.
    Schema,
    /// The directory was out of reach, or too many passwords were being checked.
    Unavailable,
    /// A body that is too large, compressed, or did not come to its end.
    Unread,
    /// The backend did not answer, or not what was asked: it failed, was asked too often, or says what is not GraphQL's.
    Unanswered,
    /// Too many were being worked out.
    Busy,
}

impl Take {
    /// Takes note of what was found, the first time.
    pub(in crate::http) fn note(&self, found: Found) {
        // Whoever looks into a document does so once.
        let _ = self.found.set(found);
    }

    /// The backend's answer once more.
    pub(super) fn answer(&self) -> Response {
        let mut response = Response::new(ResponseBody::Replayed(self.body.clone()));
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        response
    }

    /// Whether the body is an answer of GraphQL's, or several.
    pub(super) const fn is_graphqls(&self) -> bool {
        matches!(self.answer, Value::Object(_) | Value::Array(_))
    }

    /// Whether the backend did what it was asked to, or some of it. To send somebody elsewhere, to log in, is no such thing.
    pub(super) fn was_accepted(&self, speaks: Speaks) -> bool {
        let has_some = || match &self.answer {
            Value::Object(answer) => match answer.get("data") {
                Some(Value::Object(data)) => data.values().any(|value| !value.is_null()),
                _ => false,
            },
            // A list of answers.
            _ => true,
        };
        self.status.is_success() && (speaks != Speaks::Graphql || has_some())
    }
}
