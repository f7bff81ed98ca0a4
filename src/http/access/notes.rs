//! What is found out about a request on its way.
//!
//! The notes of the request that is worked on lie where every stage can reach them, on a thread that works on one at a time:
//! they are put there when its future is polled, and taken back before the next one is. Outside of a request, as in the
//! tasks of connections to the backend, nobody takes any.

use std::{
    cell::RefCell,
    mem,
    net::IpAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use http::{HeaderValue, Method, Request, StatusCode, Version, uri::PathAndQuery};

use super::Access;
use crate::{
    http::{
        body::Progress,
        counts::{self, Route},
        credentials::Who,
        hygiene::{Connection, Purpose, Sanitised, Scheme},
        request_id,
    },
    model::{Principal, RequestId, SessionId, TraceContext, UserId},
    telemetry::{
        Current,
        access::{Event, Facts, Outcome},
    },
};

mod span;

/// Names of operations that are kept for one request; one that runs more of them repeats itself.
const OPERATIONS: usize = 8;

thread_local! {
    static CURRENT: RefCell<Option<Box<Notes>>> = const { RefCell::new(None) };
}

/// What is known by now.
#[derive(Clone, Debug)]
pub(super) struct Notes {
    access: Rc<Access>,
    /// When the request's head was there.
    begun: Instant,
    event: Event,
    ids: Rc<Current>,
    /// The span of somebody else's that this request belongs to.
    parent: Option<TraceContext>,
    scheme: Scheme,
    method: Method,
    target: Option<PathAndQuery>,
    version: Version,
    client: HeaderValue,
    progress: Option<Progress>,
    auth: &'static str,
    caller: Option<(UserId, Option<SessionId>)>,
    upstream: Option<Duration>,
    operations: [&'static str; OPERATIONS],
    operation_count: usize,
    code: Option<&'static str>,
    route: Route,
}

/// How a request ended.
pub(super) struct End {
    pub(super) outcome: Outcome,
    pub(super) status: Option<u16>,
    /// Bytes of its body, where the request's own notes don't tell.
    pub(super) received: Option<u64>,
    pub(super) sent: u64,
}

impl Notes {
    /// `is_proxy`: what the request is called is for who sent it to say.
    pub(super) fn of<B>(access: &Rc<Access>, request: &Request<B>, connection: &Connection, is_proxy: bool) -> Self {
        let given = is_proxy.then(|| request_id::given(request.headers())).flatten();
        Self {
            access: Rc::clone(access),
            begun: Instant::now(),
            event: Event::Request,
            ids: Rc::new(access.ids.next(given)),
            parent: None,
            scheme: connection.scheme,
            method: request.method().clone(),
            target: request.uri().path_and_query().cloned(),
            version: request.version(),
            client: connection.forwarded_for.clone(),
            progress: None,
            auth: "none",
            caller: None,
            upstream: None,
            operations: [""; OPERATIONS],
            operation_count: 0,
            code: None,
            route: Route::Unread,
        }
    }

    /// Those of the socket that the request becomes, from now on.
    pub(super) fn of_socket(self) -> Self {
        Self { event: Event::Socket, begun: Instant::now(), upstream: None, ..self }
    }

    /// What the request is called.
    pub(super) fn id(&self) -> &RequestId {
        &self.ids.request
    }

    pub(super) fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }

    /// What became of what ended before it was done.
    pub(super) fn unfinished(&self, otherwise: Outcome) -> Outcome {
        if self.access.is_stopping() { Outcome::CutOff } else { otherwise }
    }

    /// Counts the request, writes the line, and tells of the span.
    pub(super) fn write(&self, end: &End) {
        let (now, took) = (self.access.clock.now(), self.begun.elapsed());
        // That of a socket has ended before.
        if let Some(status) = end.status {
            counts::ended(self.route, status, end.outcome, took);
        }
        self.tell_collector(end, now, took);
        let Some(log) = &self.access.log else { return };
        let came = || self.progress.as_ref().map_or(0, Progress::bytes);
        log.write(&Facts {
            time: now,
            event: self.event,
            outcome: end.outcome,
            status: end.status,
            method: Some(self.method.as_str()),
            path: self.target.as_ref().map(PathAndQuery::path),
            protocol: protocol(self.version),
            client: self.client.to_str().unwrap_or_default(),
            duration: Some(took),
            upstream: self.upstream,
            received: end.received.unwrap_or_else(came),
            sent: end.sent,
            auth: self.auth,
            user: self.caller.as_ref().map(|(user, _)| user.as_str()),
            session: self.caller.as_ref().and_then(|(_, session)| *session),
            operations: self.operations.get(..self.operation_count).unwrap_or_default(),
            code: self.code,
            request: Some(&self.ids.request),
            trace: self.ids.trace,
        });
    }
}

const fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}

/// Works on what these notes are about; `None`, and none are taken.
pub(super) fn along<T>(notes: &mut Option<Box<Notes>>, work: impl FnOnce() -> T) -> T {
    /// Changes places, now and at the end, also when the work panics.
    struct Place<'n>(&'n mut Option<Box<Notes>>);

    impl Place<'_> {
        fn change(&mut self) {
            CURRENT.with_borrow_mut(|current| {
                mem::swap(current, self.0);
                Current::set(current.as_ref().map(|notes| Rc::clone(&notes.ids)));
            });
        }
    }

    impl Drop for Place<'_> {
        fn drop(&mut self) {
            self.change();
        }
    }

    let mut place = Place(notes);
    place.change();
    work()
}

/// The notes of the request that is worked on, once more.
pub(super) fn copy() -> Option<Box<Notes>> {
    CURRENT.with_borrow(Clone::clone)
}

fn note(change: impl FnOnce(&mut Notes)) {
    CURRENT.with_borrow_mut(|current| {
        if let Some(notes) = current {
            change(notes);
        }
    });
}

/// Notes what a request is, now that there is one reading of it.
pub(in crate::http) fn settled(request: &Sanitised) {
    note(|notes| {
        if request.purpose == Purpose::Verdict {
            notes.event = Event::Verdict;
            notes.method = request.request.method().clone();
        }
        notes.target = request.request.uri().path_and_query().cloned();
        notes.client = request.connection.forwarded_for.clone();
        notes.scheme = request.connection.scheme;
        notes.progress = request.request.body().client_progress().cloned();
        notes.route = request.route();
    });
}

/// Notes that the request belongs to a trace that somebody else has begun.
pub(in crate::http) fn within(parent: TraceContext) {
    note(|notes| {
        let trace = notes.ids.trace.map(|own| own.within(parent));
        notes.ids = Rc::new(Current { request: notes.ids.request.clone(), trace });
        notes.parent = Some(parent);
        Current::set(Some(Rc::clone(&notes.ids)));
    });
}

/// Where the request that is worked on stands in a trace, for whoever is asked on its behalf.
pub(in crate::http) fn trace() -> Option<TraceContext> {
    CURRENT.with_borrow(|current| current.as_ref().and_then(|notes| notes.ids.trace))
}

/// What `with` makes of the place of the request that is worked on, where a collector hears of traces.
pub(super) fn traced<T>(with: impl FnOnce(&Rc<Access>, TraceContext) -> T) -> Option<T> {
    CURRENT.with_borrow(|current| {
        let notes = current.as_ref().filter(|notes| notes.access.spans.is_some())?;
        Some(with(&notes.access, notes.ids.trace?))
    })
}

/// Notes that a credential was shown and is none.
pub(in crate::http) fn credential(state: &'static str) {
    note(|notes| notes.auth = state);
}

/// Notes who calls.
pub(in crate::http) fn caller(who: &Who) {
    let known = |caller: &Principal| Some((caller.user.clone(), caller.session));
    match who {
        // What was shown, if anything, is noted where it was looked at.
        Who::Anonymous => {}
        Who::Known(principal) => note(|notes| {
            notes.auth = principal.method.as_str();
            notes.caller = known(principal);
        }),
        Who::Expired(principal) => note(|notes| {
            notes.auth = "expired";
            notes.caller = known(principal);
        }),
        Who::Unconfirmed(principal) => note(|notes| {
            notes.auth = "unconfirmed";
            notes.caller = principal.as_ref().and_then(known);
        }),
    }
}

/// Notes why the gateway refuses, or what failed.
pub(in crate::http) fn code(code: &'static str) {
    note(|notes| notes.code = Some(code));
}

/// Notes how long the backend took to begin an answer, or not to.
pub(super) fn asked_backend(span: Duration) {
    counts::asked_backend(span);
    note(|notes| notes.upstream = Some(notes.upstream.unwrap_or_default() + span));
}

/// Notes which auth operations a request asks for, each once.
pub(in crate::http) fn operations(names: impl Iterator<Item = &'static str>) {
    note(|notes| {
        for name in names {
            let known = notes.operations.get(..notes.operation_count).unwrap_or_default();
            if known.contains(&name) {
                continue;
            }
            if let Some(place) = notes.operations.get_mut(notes.operation_count) {
                *place = name;
                notes.operation_count += 1;
            }
        }
    });
}

/// Writes that a client was answered with this status, since what it sent is no request.
pub(in crate::http) fn rejected(access: &Access, client: IpAddr, status: StatusCode, code: &'static str) {
    counts::malformed();
    let Some(log) = &access.log else { return };
    log.write(&Facts {
        time: access.clock.now(),
        event: Event::Rejected,
        outcome: Outcome::Malformed,
        status: Some(status.as_u16()),
        method: None,
        path: None,
        protocol: protocol(Version::HTTP_11),
        client: &client.to_string(),
        duration: None,
        upstream: None,
        received: 0,
        sent: 0,
        auth: "none",
        user: None,
        session: None,
        operations: &[],
        code: Some(code),
        request: None,
        trace: None,
    });
}
