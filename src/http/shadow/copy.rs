//! A request once more, for those who work out what would have become of it.

use std::rc::Rc;

use http::{HeaderMap, Method, Request, header::CONTENT_TYPE};

use super::{
    kept::{Held, Kept},
    take::{Take, Untold},
};
use crate::http::{
    body::{Progress, RequestBody},
    cookies, csrf,
    hygiene::{Sanitised, Speaks},
};

/// A request once more.
pub(super) struct Copy {
    /// Without its body.
    request: Sanitised,
    /// Its body, as it comes; `None` where there is none, or nobody looks at it.
    body: Option<Progress>,
}

impl Copy {
    /// On a GraphQL path its body is kept, too, as it goes by.
    pub(super) fn of(request: &Sanitised, held: &Held) -> Self {
        let mut head = Request::new(RequestBody::Empty);
        *head.method_mut() = request.request.method().clone();
        *head.uri_mut() = request.request.uri().clone();
        head.headers_mut().clone_from(request.request.headers());
        let is_read = request.speaks == Speaks::Graphql;
        let body = request.request.body().client_progress().filter(|_| is_read).cloned();
        if let Some(body) = body.as_ref().filter(|_| !is_form(head.headers())) {
            body.keep(Kept::new(held));
        }
        let request = Sanitised {
            request: head,
            connection: Rc::clone(&request.connection),
            purpose: request.purpose,
            id: request.id.clone(),
            terms: request.terms.clone(),
            speaks: request.speaks,
            websocket: None,
            rehearsed: None,
        };
        Self { request, body }
    }

    pub(super) const fn speaks(&self) -> Speaks {
        self.request.speaks
    }

    /// Whether what it comes to is in the body of its answer.
    pub(super) fn needs_body(&self) -> bool {
        self.request.speaks == Speaks::Graphql && *self.request.request.method() != Method::HEAD
    }

    pub(super) fn has_csrf(&self) -> bool {
        cookies::only(self.request.request.headers(), csrf::COOKIE_NAME).is_some()
    }

    /// Whether it is a form with a body, which may carry files and is read while it is sent on.
    pub(super) fn is_form(&self) -> bool {
        self.body.is_some() && is_form(self.request.request.headers())
    }

    /// Whether more has come than anybody would read.
    pub(super) fn is_larger_than(&self, limit: usize) -> bool {
        self.body.as_ref().is_some_and(|body| body.bytes() > limit as u64)
    }

    pub(super) fn into_request(self, take: &Rc<Take>) -> Result<Sanitised, Untold> {
        let Self { mut request, body } = self;
        if let Some(body) = body {
            *request.request.body_mut() = RequestBody::Whole(body.kept().ok_or(Untold::Unread)?);
        }
        Ok(Sanitised { rehearsed: Some(Rc::clone(take)), ..request })
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    let start = media_type.and_then(|value| value.get(.."multipart/".len()));
    start.is_some_and(|start| start.eq_ignore_ascii_case(b"multipart/"))
}
