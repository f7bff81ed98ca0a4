//! What a stage of the stack is.
//!
//! A stage takes a request of one type and either answers it or passes on one of another type. [`Staged`] puts it before
//! what comes next and makes a tower service of the two; the stage itself says only what it does.

use std::{
    convert::Infallible,
    rc::Rc,
    task::{Context, Poll},
};

use tower::Service;

use super::{reply::Reply, respond::Response};

/// What comes behind a stage. It is ready always: limits are kept where there is something to wait for.
pub(super) trait Next<R>:
    Service<R, Response = Response, Error = Infallible, Future = Reply> + Clone + 'static
{
}

impl<R, S> Next<R> for S where S: Service<R, Response = Response, Error = Infallible, Future = Reply> + Clone + 'static {}

/// A step on the way of a request.
pub(super) trait Stage {
    /// What it needs.
    type Takes;
    /// What it makes of that for those behind it.
    type Gives;

    /// Answers, or passes on to `next`; a stage that has to wait clones both.
    fn handle(self: &Rc<Self>, request: Self::Takes, next: &mut impl Next<Self::Gives>) -> Reply;
}

/// A stage and what comes next.
#[derive(Debug)]
pub(super) struct Staged<T, N> {
    stage: Rc<T>,
    next: N,
}

impl<T, N> Staged<T, N> {
    pub(super) fn new(stage: T, next: N) -> Self {
        Self { stage: Rc::new(stage), next }
    }
}

impl<T, N: Clone> Clone for Staged<T, N> {
    fn clone(&self) -> Self {
        Self { stage: Rc::clone(&self.stage), next: self.next.clone() }
    }
}

impl<T, N> Service<T::Takes> for Staged<T, N>
where
    T: Stage,
    N: Next<T::Gives>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Reply;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.next.poll_ready(cx)
    }

    fn call(&mut self, request: T::Takes) -> Reply {
        self.stage.handle(request, &mut self.next)
    }
}
