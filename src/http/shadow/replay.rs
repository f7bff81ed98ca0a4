//! Where a copy would go to the backend: the answer that it has given.

use std::{
    convert::Infallible,
    rc::Rc,
    task::{Context, Poll},
};

use http::header::COOKIE;
use tower::Service;

use super::take::Found;
use crate::http::{
    cookies::Jar,
    credentials::{Authorization, Identified, Who},
    hygiene::Speaks,
    reply::Reply,
    respond::Response,
};

/// In the place of the backend. It takes note of what would go there as nobody's.
#[derive(Clone, Debug)]
pub(in crate::http) struct Replay {
    pub(in crate::http) jar: Rc<Jar>,
}

impl Service<Identified> for Replay {
    type Response = Response;
    type Error = Infallible;
    type Future = Reply;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Identified) -> Reply {
        // Each request that gets here has one.
        let Some(take) = &call.request.rehearsed else { return Response::default().into() };
        if let (Who::Anonymous, Some(credential)) = (&call.who, self.kept_back(&call)) {
            take.note(Found::Anonymous(credential));
        }
        take.answer().into()
    }
}

impl Replay {
    /// What the client has shown that the backend would not get from the gateway.
    fn kept_back(&self, call: &Identified) -> Option<&'static str> {
        let (headers, is_graphql) = (call.request.request.headers(), call.request.speaks == Speaks::Graphql);
        match call.authorization {
            Authorization::Bearer => return Some("bearer"),
            Authorization::Foreign if is_graphql => return Some("authorization"),
            Authorization::Foreign | Authorization::Absent => {}
        }
        let mut left = headers.clone();
        self.jar.withhold(&mut left, is_graphql);
        (left.get(COOKIE) != headers.get(COOKIE)).then_some("cookie")
    }
}
