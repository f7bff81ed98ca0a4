//! One event as one JSON object.

use std::net::IpAddr;

use serde::Serialize;

use crate::{
    model::{AuditEvent, SessionId, Timestamp, TraceContext},
    telemetry::{access::Stamp, fields::escape_unusual},
};

/// Of the form; see [`audit`](super).
const VERSION: u32 = 1;
/// Most characters of what a client says that it is, as sessions remember it.
const LONGEST_AGENT: usize = 256;
/// The same of other texts: ids of users, and of requests that a proxy names.
const LONGEST: usize = 128;

/// In the order of its keys.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    version: u32,
    time: String,
    instance: &'a str,
    sequence: u64,
    operation: &'static str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
}

impl<'a> Line<'a> {
    pub(super) fn new(time: Timestamp, instance: &'a str, sequence: u64, event: &AuditEvent<'a>) -> Self {
        Self {
            version: VERSION,
            time: Stamp::default().text(time).to_owned(),
            instance,
            sequence,
            operation: event.operation,
            outcome: event.outcome,
            code: event.code,
            reason: event.reason,
            user: event.user.map(|user| beginning(user.as_str(), LONGEST)),
            unknown_user: event.unknown_user.map(|mac| beginning(mac, LONGEST)),
            session: event.session.as_ref().map(SessionId::to_string),
            address: event.address,
            user_agent: event.user_agent.map(|agent| beginning(agent, LONGEST_AGENT)),
            request_id: event.request.as_str(),
            trace_id: event.trace.map(hex),
        }
    }

    /// Without an end of the line, and without anything in it that could pass for one or steer a terminal.
    pub(super) fn to_json(&self) -> String {
        // Texts, numbers and nothing else: there is no error.
        escape_unusual(&serde_json::to_string(self).unwrap_or_default())
    }
}

fn hex(trace: TraceContext) -> String {
    String::from_utf8_lossy(&trace.trace_hex()).into_owned()
}

/// At most so many characters of a text.
fn beginning(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::Line;
    use crate::model::{AuditEvent, RequestId, SessionId, Timestamp, TraceContext, UserId};

    static ID: RequestId = RequestId::from_bytes([0x0a; 16]);

    const BARE: AuditEvent<'static> = AuditEvent {
        operation: "refresh",
        outcome: "ok",
        code: None,
        reason: None,
        user: None,
        unknown_user: None,
        session: None,
        address: None,
        user_agent: None,
        request: &ID,
        trace: None,
        took: Duration::ZERO,
        steps: &[],
    };

    fn written(event: &AuditEvent<'_>) -> String {
        Line::new(Timestamp::from_micros(1_772_366_400_000_042), "00000000000000ab", 7, event).to_json()
    }

    #[test]
    fn what_is_known_is_there_and_nothing_else() {
        let user = UserId::new("7");
        let event = AuditEvent {
            outcome: "refused",
            code: Some("RATE_LIMITED"),
            reason: Some("too many"),
            user: Some(&user),
            session: Some(SessionId::from_bytes([7; 16])),
            address: Some([192, 0, 2, 1].into()),
            user_agent: Some("curl"),
            trace: TraceContext::begun([0x0b; 16], [0x0c; 8], true),
            ..BARE
        };
        assert_eq!(
            written(&event),
            r#"{"version":1,"time":"2026-03-01T12:00:00.000042Z","instance":"00000000000000ab","sequence":7,"operation":"refresh","outcome":"refused","code":"RATE_LIMITED","reason":"too many","user":"7","session":"BwcHBwcHBwcHBwcHBwcHBw","address":"192.0.2.1","user_agent":"curl","request_id":"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a","trace_id":"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"}"#
        );
        assert_eq!(
            serde_json::from_str::<Value>(&written(&BARE)).unwrap(),
            json!({
                "version": 1, "time": "2026-03-01T12:00:00.000042Z", "instance": "00000000000000ab", "sequence": 7,
                "operation": "refresh", "outcome": "ok", "request_id": "0a".repeat(16),
            })
        );
    }

    #[test]
    fn a_hostile_text_stays_in_its_line_and_is_cut() {
        for hostile in ["\u{9b}", "\"", "\n", "\\", "\u{2028}", "\u{1f600}"] {
            let (long, user) = (hostile.repeat(5_000), UserId::new(hostile.repeat(5_000)));
            let event = AuditEvent { user: Some(&user), unknown_user: Some(&long), user_agent: Some(&long), ..BARE };
            let line = written(&event);
            assert!(line.len() < 4095, "{hostile:?}: {}", line.len());
            assert!(!line.contains(|c: char| c.is_control() || c == '\u{2028}'), "{line:?}");
            let read: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(read["user_agent"], json!(hostile.repeat(256)));
            assert_eq!((&read["user"], &read["unknown_user"]), (&json!(hostile.repeat(128)), &read["user"]));
        }
    }
}
