//! One line of the access log, written into a buffer. Nothing is allocated for a line that holds nothing unusual.

use std::time::Duration;

use super::{
    super::fields,
    Facts, Stamp,
    path::{self, Piece},
};
use crate::telemetry::Format;

/// Most bytes of a user's id that are written.
const LONGEST_ID: usize = 128;
/// Writes the line of these facts, its end included.
pub(super) fn write(out: &mut Vec<u8>, format: Format, stamp: &mut Stamp, facts: &Facts<'_>) {
    let mut line = Line { out, format };
    line.begin(stamp.text(facts.time), facts.event.as_str());
    line.word("outcome", facts.outcome.as_str());
    if let Some(status) = facts.status {
        line.number("status", u64::from(status));
    }
    if let Some(method) = facts.method {
        line.word("method", method);
    }
    if let Some(path) = facts.path {
        line.path("path", path);
    }
    line.word("protocol", facts.protocol);
    line.word("client", facts.client);
    if let Some(duration) = facts.duration {
        line.millis("duration_ms", duration);
    }
    if let Some(upstream) = facts.upstream {
        line.millis("upstream_ms", upstream);
    }
    line.number("bytes_in", facts.received);
    line.number("bytes_out", facts.sent);
    line.caller(facts);
    line.words("operations", facts.operations);
    if let Some(code) = facts.code {
        line.word("code", code);
    }
    if let Some(id) = facts.request {
        line.word("request_id", id.as_str());
    }
    if let Some(trace) = facts.trace {
        line.word("trace_id", std::str::from_utf8(&trace.trace_hex()).unwrap_or_default());
        line.word("span_id", std::str::from_utf8(&trace.span_hex()).unwrap_or_default());
    }
    line.end();
}

struct Line<'b> {
    out: &'b mut Vec<u8>,
    format: Format,
}

impl Line<'_> {
    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn begin(&mut self, time: &str, event: &str) {
        let [before, between, after] = match self.format {
            Format::Text => ["", "  INFO access: ", ""],
            Format::Json => [r#"{"timestamp":""#, r#"","level":"INFO","target":"access","message":""#, "\""],
        };
        for part in [before, time, between, event, after] {
            self.put(part);
        }
    }

    fn end(&mut self) {
        self.put(match self.format {
            Format::Text => "\n",
            Format::Json => "}\n",
        });
    }

    fn key(&mut self, key: &'static str) {
        let [before, after] = match self.format {
            Format::Text => [" ", "="],
            Format::Json => [",\"", "\":"],
        };
        for part in [before, key, after] {
            self.put(part);
        }
    }

    /// A value in which there is nothing to escape: a name of the gateway's own, a method (RFC 9110 §5.6.2), an address.
    fn word(&mut self, key: &'static str, word: &str) {
        self.words(key, &[word]);
    }

    /// Several of them, by comma; nothing where there are none.
    fn words(&mut self, key: &'static str, words: &[&str]) {
        if words.is_empty() {
            return;
        }
        self.key(key);
        let quote = match self.format {
            Format::Text => "",
            Format::Json => "\"",
        };
        self.put(quote);
        for (place, word) in words.iter().enumerate() {
            if place > 0 {
                self.put(",");
            }
            self.put(word);
        }
        self.put(quote);
    }

    fn number(&mut self, key: &'static str, number: u64) {
        self.key(key);
        self.put(itoa::Buffer::new().format(number));
    }

    /// Milliseconds with three decimals.
    fn millis(&mut self, key: &'static str, span: Duration) {
        let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        self.number(key, micros / 1_000);
        let rest = micros % 1_000;
        self.out.push(b'.');
        self.out.extend([rest / 100, rest / 10 % 10, rest % 10].map(digit));
    }

    fn caller(&mut self, facts: &Facts<'_>) {
        self.word("auth", facts.auth);
        if let Some(user) = facts.user {
            self.key("user");
            self.put("\"");
            self.escaped(beginning(user, LONGEST_ID));
            self.put("\"");
        }
        if let Some(session) = facts.session {
            self.word("session", std::str::from_utf8(&session.to_base64()).unwrap_or_default());
        }
    }

    /// A path, quoted, without what may be a credential in it.
    fn path(&mut self, key: &'static str, path: &str) {
        self.key(key);
        self.put("\"");
        path::pieces(path, |piece| match piece {
            Piece::Own(text) => self.put(text),
            Piece::Of(text) => self.escaped(text),
        });
        self.put("\"");
    }

    fn escaped(&mut self, text: &str) {
        let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
        if text.as_bytes().iter().all(is_plain) {
            return self.put(text);
        }
        self.put(&match self.format {
            Format::Text => text.escape_default().to_string(),
            Format::Json => fields::json_text(text),
        });
    }
}

fn digit(digit: u64) -> u8 {
    b'0' + u8::try_from(digit).unwrap_or_default()
}

/// At most so many bytes of a text.
pub(super) fn beginning(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        model::{RequestId, SessionId, Timestamp, TraceContext},
        telemetry::access::{Event, Outcome},
    };

    static ID: RequestId = RequestId::from_bytes([0x0a; 16]);

    fn facts() -> Facts<'static> {
        Facts {
            time: Timestamp::from_micros(1_772_366_400_000_042),
            event: Event::Request,
            outcome: Outcome::Ok,
            status: Some(200),
            method: Some("POST"),
            path: Some("/graphql/auth/"),
            protocol: "HTTP/1.1",
            client: "192.0.2.1",
            duration: Some(Duration::from_micros(1_234_005)),
            upstream: Some(Duration::from_micros(999)),
            received: 0,
            sent: 1_000_000,
            auth: "bearer",
            user: Some("7"),
            session: Some(SessionId::from_bytes([7; 16])),
            operations: &["login", "logout"],
            code: Some("FORBIDDEN"),
            request: Some(&ID),
            trace: TraceContext::begun([0x0b; 16], [0x0c; 8], true),
        }
    }

    fn written(format: Format, facts: &Facts<'_>) -> String {
        let mut out = Vec::new();
        write(&mut out, format, &mut Stamp::default(), facts);
        String::from_utf8(out).unwrap()
    }

    fn path_of(format: Format, path: &str) -> String {
        let line = written(format, &Facts { path: Some(path), ..facts() });
        assert!(line.len() < 4096 && line.ends_with('\n'), "{line}");
        let line = line.trim_end_matches('\n');
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{2028}'), "{line:?}");
        match format {
            Format::Json => serde_json::from_str::<Value>(line).unwrap()["path"].as_str().unwrap().to_owned(),
            Format::Text => line.split_once(" path=\"").unwrap().1.split_once("\" protocol=").unwrap().0.to_owned(),
        }
    }

    #[test]
    fn text_is_as_that_of_other_events() {
        assert_eq!(
            written(Format::Text, &facts()),
            "2026-03-01T12:00:00.000042Z  INFO access: request outcome=ok status=200 method=POST \
             path=\"/graphql/auth/\" protocol=HTTP/1.1 client=192.0.2.1 duration_ms=1234.005 upstream_ms=0.999 bytes_in=0 \
             bytes_out=1000000 auth=bearer user=\"7\" session=BwcHBwcHBwcHBwcHBwcHBw operations=login,logout \
             code=FORBIDDEN request_id=0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a trace_id=0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b \
             span_id=0c0c0c0c0c0c0c0c\n"
        );
    }

    #[test]
    fn json_has_the_same_keys_and_numbers_for_what_is_counted() {
        let line: Value = serde_json::from_str(&written(Format::Json, &facts())).unwrap();
        let expected = json!({
            "timestamp": "2026-03-01T12:00:00.000042Z", "level": "INFO", "target": "access", "message": "request",
            "outcome": "ok", "status": 200, "method": "POST", "path": "/graphql/auth/", "protocol": "HTTP/1.1",
            "client": "192.0.2.1", "duration_ms": serde_json::from_str::<Value>("1234.005").unwrap(),
            "upstream_ms": serde_json::from_str::<Value>("0.999").unwrap(), "bytes_in": 0, "bytes_out": 1_000_000,
            "auth": "bearer", "user": "7", "session": "BwcHBwcHBwcHBwcHBwcHBw", "operations": "login,logout",
            "code": "FORBIDDEN", "request_id": "0a".repeat(16), "trace_id": "0b".repeat(16), "span_id": "0c".repeat(8),
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn what_is_not_known_is_not_there() {
        let facts = Facts {
            status: None,
            method: None,
            path: None,
            duration: None,
            upstream: None,
            user: None,
            session: None,
            operations: &[],
            code: None,
            request: None,
            trace: None,
            ..facts()
        };
        let line = written(Format::Text, &facts);
        for key in ["status=", "method=", "path=", "_ms=", "user=", "session=", "operations=", "code=", "_id="] {
            assert!(!line.contains(key), "{key}: {line}");
        }
    }

    #[test]
    fn a_value_neither_ends_its_line_nor_steers_a_terminal() {
        let hostile = "/x\u{1b}[31m\n\"\\ user=\"1\"\u{9b}\u{2028}é";
        assert_eq!(path_of(Format::Json, hostile), hostile);
        let shown = path_of(Format::Text, hostile);
        assert!(!shown.replace("\\\"", "").contains('"'), "{shown}");
        let user = Facts { user: Some("1\" auth=\"x\n"), ..facts() };
        for format in [Format::Text, Format::Json] {
            let line = written(format, &user);
            assert_eq!((line.matches('\n').count(), line.contains("1\\\" auth=")), (1, true), "{line}");
        }
    }

    #[test]
    fn what_may_be_a_credential_is_shown_by_its_length() {
        for (path, shown) in [
            ("/reset/MQ/c9h5k3-0123456789abcdef0123456789abcdef/", "/reset/MQ/{39}/"),
            ("/x/0123456789abcdef0123456789abcdef", "/x/{32}"),
            ("/x/0123456789abcdef0123456789abcde", "/x/0123456789abcdef0123456789abcde"),
            ("/users/123e4567-e89b-12d3-a456-426614174000", "/users/123e4567-e89b-12d3-a456-426614174000"),
            ("/users/123e4567-e89b-12d3-a456-4266141740000", "/users/{37}"),
            ("/how-to-write-very-long-names-of-things/", "/how-to-write-very-long-names-of-things/"),
            ("/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "/{49}"),
        ] {
            for format in [Format::Text, Format::Json] {
                assert_eq!(path_of(format, path), shown);
            }
        }
    }

    #[test]
    fn a_long_path_is_cut_and_shows_no_beginning_of_a_credential() {
        assert_eq!(path_of(Format::Json, &"/ab".repeat(500)), format!("{}/a...", "/ab".repeat(170)));
        let behind = format!("{}/{}", "/ab".repeat(169), "Secret7".repeat(9));
        assert_eq!(path_of(Format::Json, &behind), format!("{}/{{63}}...", "/ab".repeat(169)));
        for hostile in ["\u{9b}", "\"", "é", "\n"] {
            path_of(Format::Json, &hostile.repeat(5_000));
            path_of(Format::Text, &hostile.repeat(5_000));
            path_of(Format::Text, &format!("/{hostile}/").repeat(5_000));
        }
    }
}
