//! Where a request stands in a trace: whose word for that is taken (W3C Trace Context, Level 1).
//!
//! A client that may name a trace can have its requests counted to somebody else's, or have everything recorded. So it has to
//! be one that the configuration trusts; the request of any other begins a trace. `tracestate` goes on with a `traceparent`
//! that counts, as it is, and nowhere else.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::headers::only;
use crate::{
    config::TraceSource,
    http::access,
    model::{TraceContext, is_tracestate},
};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Takes what the headers say of a trace, or takes it out of them.
pub(super) fn settle(source: TraceSource, is_trusted: bool, headers: &mut HeaderMap) {
    if source == TraceSource::Off {
        return;
    }
    let counts = source == TraceSource::Anyone || is_trusted;
    let Some(parent) = counts.then(|| parent(headers)).flatten() else {
        headers.remove(TRACEPARENT);
        headers.remove(TRACESTATE);
        return;
    };
    access::within(parent);
    if !is_tracestate(headers.get_all(TRACESTATE).iter().map(HeaderValue::as_bytes)) {
        headers.remove(TRACESTATE);
    }
}

/// Several lines are none.
fn parent(headers: &HeaderMap) -> Option<TraceContext> {
    TraceContext::parse(only(headers, TRACEPARENT)?.as_bytes())
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::{TRACEPARENT, TRACESTATE, TraceSource, settle};

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    /// How many lines of each of the two are left.
    fn left(source: TraceSource, is_trusted: bool, parents: &[&str], states: &[&str]) -> (usize, usize) {
        let mut headers = HeaderMap::new();
        for (name, values) in [(TRACEPARENT, parents), (TRACESTATE, states)] {
            for value in values {
                headers.append(&name, value.parse().unwrap());
            }
        }
        settle(source, is_trusted, &mut headers);
        (headers.get_all(TRACEPARENT).iter().count(), headers.get_all(TRACESTATE).iter().count())
    }

    #[test]
    fn a_state_goes_on_with_a_parent_that_counts() {
        let proxies = TraceSource::TrustedProxies;
        assert_eq!(left(proxies, true, &[PARENT], &["a=1", "b=2"]), (1, 2));
        assert_eq!(left(proxies, false, &[PARENT], &["a=1"]), (0, 0));
        assert_eq!(left(TraceSource::Anyone, false, &[PARENT], &["a=1"]), (1, 1));
        assert_eq!(left(TraceSource::Anyone, false, &[PARENT], &["a=1", "no state"]), (1, 0));
        for parents in [&[PARENT, PARENT][..], &["00-0-0-00"], &[]] {
            assert_eq!(left(proxies, true, parents, &["a=1"]), (0, 0), "{parents:?}");
        }
        assert_eq!(left(TraceSource::Off, false, &["anything", PARENT], &["no state"]), (2, 1));
    }
}
