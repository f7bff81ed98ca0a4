//! What each request is called: `X-Request-Id`, which the backend gets, the client gets back, and log lines carry.
//!
//! A proxy of `[server] trusted_proxies` may have named it already; what is said twice, is too long or is more than a plain
//! name counts as not said. Whatever anybody else calls it is dropped: an operator who looks for one id must not find two
//! requests.

use std::{
    cell::RefCell,
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{reply::Reply, respond::Response};
use crate::{
    model::{Entropy, RequestId},
    telemetry::request::during,
};

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Ids that are drawn at once: asking the system for randomness costs more than using it.
const AT_ONCE: usize = 32;

/// The ids of a core's requests.
#[derive(Debug)]
pub(super) struct RequestIds {
    entropy: Arc<dyn Entropy>,
    drawn: RefCell<Vec<[u8; 16]>>,
}

impl RequestIds {
    pub(super) const fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, drawn: RefCell::new(Vec::new()) }
    }

    /// What a request with these headers is called, whose word counts for that or doesn't.
    pub(super) fn of(&self, headers: &HeaderMap, is_believed: impl FnOnce() -> bool) -> RequestId {
        given(headers).filter(|_| is_believed()).unwrap_or_else(|| self.new_id())
    }

    fn new_id(&self) -> RequestId {
        let mut drawn = self.drawn.borrow_mut();
        if drawn.is_empty() {
            // Without randomness there are no tokens either: nothing is opened under the id that would be the same for all.
            let bytes = self.entropy.bytes::<{ 16 * AT_ONCE }>().unwrap_or([0; 16 * AT_ONCE]);
            drawn.extend_from_slice(bytes.as_chunks().0);
        }
        RequestId::from_bytes(drawn.pop().unwrap_or_default())
    }
}

fn given(headers: &HeaderMap) -> Option<RequestId> {
    let mut lines = headers.get_all(REQUEST_ID).iter();
    let only = lines.next().filter(|_| lines.next().is_none())?;
    RequestId::parse(only.as_bytes())
}

/// Writes it into headers.
pub(super) fn tell(headers: &mut HeaderMap, id: &RequestId) {
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(REQUEST_ID, value);
    }
}

/// The answer to a request that is called so.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) id: RequestId,
    pub(super) reply: Reply,
}

impl Future for Named {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { id, reply } = &mut *self;
        let Ok(mut response) = ready!(during(id, || Pin::new(reply).poll(cx)));
        tell(response.headers_mut(), id);
        Poll::Ready(Ok(response))
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, sync::Arc};

    use http::{HeaderMap, HeaderValue};

    use super::{AT_ONCE, REQUEST_ID, RequestIds};
    use crate::model::SystemEntropy;

    fn called(ids: &RequestIds, lines: &[&str], is_believed: bool) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(REQUEST_ID, HeaderValue::from_str(line).unwrap());
        }
        ids.of(&headers, || is_believed).to_string()
    }

    #[test]
    fn no_two_requests_are_called_the_same() {
        let ids = RequestIds::new(Arc::new(SystemEntropy));
        let made: HashSet<String> = (0..AT_ONCE * 3).map(|_| called(&ids, &[], true)).collect();
        assert_eq!(made.len(), AT_ONCE * 3);
        assert!(made.iter().all(|id| id.len() == 32), "{made:?}");
    }

    #[test]
    fn one_plain_name_is_taken_from_who_is_believed() {
        let ids = RequestIds::new(Arc::new(SystemEntropy));
        assert_eq!(called(&ids, &["r-1"], true), "r-1");
        for (lines, is_believed) in
            [(["r-1"].as_slice(), false), (&["r-1", "r-1"], true), (&["r 1"], true), (&[""], true)]
        {
            assert_eq!(called(&ids, lines, is_believed).len(), 32, "{lines:?}");
        }
    }
}
