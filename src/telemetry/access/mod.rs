//! The access log: one line for every request, when its answer has ended.
//!
//! ```text
//! 2026-03-01T12:00:00.000000Z  INFO access: request outcome=ok status=200 method=POST path="/graphql/" protocol=HTTP/1.1
//!   client=192.0.2.1 duration_ms=1.234 upstream_ms=0.999 bytes_in=120 bytes_out=512 auth=bearer user="7"
//!   session=BwcHBwcHBwcHBwcHBwcHBw request_id=5f0c…
//! ```
//!
//! | field | what it is |
//! |---|---|
//! | message | `request`; `verdict`, what another proxy asked about; `socket`, the end of one; `rejected`, what was no request |
//! | `outcome` | `ok`, the answer was handed over; `upgraded`; `client_gone`, `backend_gone`, before the end of the answer; `cut_off`, when the gateway stopped; `malformed` |
//! | `status` | of the answer; 499 if the client did not wait for one |
//! | `method`, `path` | the canonical path, never a query string; what may be a credential in it is shown by its length, `{39}` |
//! | `client` | the address that counts, as for the throttle |
//! | `duration_ms` | from the head of the request to the end of the answer |
//! | `upstream_ms` | of that, until the backend had begun its answers |
//! | `bytes_in`, `bytes_out` | of the bodies; of a socket, all of it |
//! | `auth`, `user`, `session` | who called: `none`, `bearer`, `cookie`, `rail-jwt`, `django-session`; `invalid`, `expired`, `unconfirmed` |
//! | `operations` | auth operations that were asked for, by the names of the audit log |
//! | `code` | why the gateway refused, or what failed |
//! | `request_id` | as in the answer's `X-Request-Id` and the audit log |
//! | `trace_id`, `span_id` | where the request stands in a trace: the span is the gateway's own, which the backend sees as its parent |
//!
//! Every request pays for its line, so it costs little: it is put into a buffer of its core's, without an allocation, and a
//! thread writes what has come together ([`lines`](super::lines)): 16 KiB, or what there is after 100 ms. Where the writing
//! falls behind (a full disk, a pipe that nobody reads) requests don't wait for it: lines are dropped and counted.

use std::time::Duration;

use time::OffsetDateTime;

use crate::model::{RequestId, SessionId, Timestamp, TraceContext};

mod buffer;
mod line;
mod path;

pub use buffer::{CoreLog, Log};
pub use path::shown as shown_path;

/// What is known of one request. Texts that a client can choose are `path` and `user`; they are escaped.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The end of the answer.
    pub time: Timestamp,
    /// What the line is about.
    pub event: Event,
    /// What became of it.
    pub outcome: Outcome,
    /// The status of the answer.
    pub status: Option<u16>,
    /// A method of HTTP, or whatever else is a token.
    pub method: Option<&'a str>,
    /// The path.
    pub path: Option<&'a str>,
    /// `HTTP/1.1`.
    pub protocol: &'a str,
    /// The client's address.
    pub client: &'a str,
    /// From the head of the request to the end of the answer.
    pub duration: Option<Duration>,
    /// The time until the backend had begun its answers, if it was asked.
    pub upstream: Option<Duration>,
    /// Bytes of the request's body.
    pub received: u64,
    /// Bytes of the answer's body.
    pub sent: u64,
    /// What the credential came to.
    pub auth: &'a str,
    /// Who called.
    pub user: Option<&'a str>,
    /// In which session.
    pub session: Option<SessionId>,
    /// Which auth operations were asked for.
    pub operations: &'a [&'static str],
    /// Why it was refused, or failed.
    pub code: Option<&'static str>,
    /// The request's id.
    pub request: Option<&'a RequestId>,
    /// Its place in a trace.
    pub trace: Option<TraceContext>,
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request.
    Request,
    /// Another proxy's question.
    Verdict,
    /// The end of a socket.
    Socket,
    /// What could not be read as a request.
    Rejected,
}

impl Event {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Verdict => "verdict",
            Self::Socket => "socket",
            Self::Rejected => "rejected",
        }
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of the answer was handed over.
    Ok,
    /// The answer is a socket.
    Upgraded,
    /// The client went away.
    ClientGone,
    /// The backend broke off its answer.
    BackendGone,
    /// The gateway stopped.
    CutOff,
    /// It was no request of HTTP.
    Malformed,
}

impl Outcome {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Upgraded => "upgraded",
            Self::ClientGone => "client_gone",
            Self::BackendGone => "backend_gone",
            Self::CutOff => "cut_off",
            Self::Malformed => "malformed",
        }
    }
}

/// The text of an instant, of which the date and the second are kept for the next lines.
#[derive(Debug)]
pub(in crate::telemetry) struct Stamp {
    second: Option<i64>,
    text: [u8; 27],
}

impl Default for Stamp {
    fn default() -> Self {
        Self { second: None, text: *b"0000-00-00T00:00:00.000000Z" }
    }
}

impl Stamp {
    /// RFC 3339, with microseconds, as other events have it.
    pub(in crate::telemetry) fn text(&mut self, time: Timestamp) -> &str {
        if self.second != Some(time.as_secs()) {
            self.second = Some(time.as_secs());
            let instant = OffsetDateTime::from_unix_timestamp(time.as_secs()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
            let year = u32::try_from(instant.year()).unwrap_or_default();
            self.put(0, 4, year);
            let parts = [u8::from(instant.month()), instant.day(), instant.hour(), instant.minute(), instant.second()];
            for (place, part) in parts.into_iter().enumerate() {
                self.put(5 + 3 * place, 2, part.into());
            }
        }
        let micros = u32::try_from(time.as_micros().rem_euclid(1_000_000)).unwrap_or_default();
        self.put(20, 6, micros);
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    fn put(&mut self, at: usize, digits: usize, mut number: u32) {
        for place in self.text[at..at + digits].iter_mut().rev() {
            *place = b'0' + u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Stamp;
    use crate::model::Timestamp;

    #[test]
    fn an_instant_is_told_whatever_was_told_before() {
        let mut stamp = Stamp::default();
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (999_999, "1970-01-01T00:00:00.999999Z"),
            (1_795_340_542_000_120, "2026-11-22T09:42:22.000120Z"),
            (1_795_340_541_999_999, "2026-11-22T09:42:21.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
        ] {
            assert_eq!(stamp.text(Timestamp::from_micros(micros)), text);
        }
    }
}
