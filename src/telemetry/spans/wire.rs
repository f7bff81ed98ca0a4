//! Spans as Protobuf: an `ExportTraceServiceRequest` (opentelemetry-proto 1.11, `collector/trace/v1/trace_service.proto` and
//! what it names). Few messages of few fields, so they are written by hand.
//!
//! A field is its number and wire type, then its value (Protobuf's encoding guide); what is empty or zero is left out.

use super::{Kind, Span, Value};

/// What is told of whoever sends the spans.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    pub(super) attributes: Vec<(&'static str, Value)>,
}

/// The library that the spans are of.
const SCOPE: &str = env!("CARGO_PKG_NAME");
const SCOPE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// W3C's flags are the low byte of a span's; the next bits say whether its parent's span is of another process.
const SAMPLED: u32 = 1;
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;
/// `STATUS_CODE_ERROR`.
const ERROR: u64 = 2;

/// The request that tells of these spans.
pub(super) fn request(resource: &Resource, spans: &[Span]) -> Vec<u8> {
    let mut request = Message::default();
    request.message(1, |resource_spans| {
        resource_spans.message(1, |message| attributes(message, 1, &resource.attributes));
        resource_spans.message(2, |scope_spans| {
            scope_spans.message(1, |scope| {
                scope.text(1, SCOPE);
                scope.text(2, SCOPE_VERSION);
            });
            for span in spans {
                scope_spans.message(2, |message| write(message, span));
            }
        });
    });
    request.0
}

fn write(message: &mut Message, span: &Span) {
    let begun = u64::try_from(span.begun.as_micros()).unwrap_or_default().saturating_mul(1_000);
    let took = u64::try_from(span.took.as_nanos()).unwrap_or(u64::MAX);
    message.bytes(1, &span.place.trace_bytes());
    message.bytes(2, &span.place.span_bytes());
    if let Some(parent) = &span.parent {
        message.bytes(4, &parent.place.span_bytes());
    }
    message.text(5, &span.name);
    message.number(6, kind(span.kind));
    message.fixed64(7, begun);
    message.fixed64(8, begun.saturating_add(took));
    attributes(message, 9, &span.attributes);
    if span.failed {
        message.message(15, |status| status.number(3, ERROR));
    }
    let is_remote = span.parent.is_some_and(|parent| parent.is_remote);
    message.fixed32(16, SAMPLED | HAS_IS_REMOTE | if is_remote { IS_REMOTE } else { 0 });
}

const fn kind(kind: Kind) -> u64 {
    match kind {
        Kind::Internal => 1,
        Kind::Server => 2,
        Kind::Client => 3,
    }
}

fn attributes(message: &mut Message, field: u64, attributes: &[(&'static str, Value)]) {
    for (name, value) in attributes {
        message.message(field, |pair| {
            pair.text(1, name);
            pair.message(2, |any| match value {
                Value::Text(text) => any.text(1, text),
                // As two's complement, which is what `int64` is.
                Value::Number(number) => any.number(3, number.cast_unsigned()),
            });
        });
    }
}

/// A message that is being written.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn number(&mut self, field: u64, number: u64) {
        self.varint(field << 3);
        self.varint(number);
    }

    fn fixed64(&mut self, field: u64, number: u64) {
        self.varint(field << 3 | 1);
        self.0.extend(number.to_le_bytes());
    }

    fn fixed32(&mut self, field: u64, number: u32) {
        self.varint(field << 3 | 5);
        self.0.extend(number.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, field: u64, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    fn message(&mut self, field: u64, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        self.bytes(field, &inner.0);
    }
}

#[cfg(test)]
mod tests {
    use super::Message;

    /// The examples of Protobuf's encoding guide.
    #[test]
    fn fields_are_as_the_guide_has_them() {
        let written = |write: fn(&mut Message)| {
            let mut message = Message::default();
            write(&mut message);
            message.0
        };
        assert_eq!(written(|message| message.number(1, 150)), [0x08, 0x96, 0x01]);
        assert_eq!(written(|message| message.text(2, "testing")), *b"\x12\x07testing");
        assert_eq!(written(|message| message.message(3, |inner| inner.number(1, 150))), [0x1a, 3, 0x08, 0x96, 0x01]);
        assert_eq!(written(|message| message.fixed64(7, 1)), [0x39, 1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(written(|message| message.fixed32(16, 0x301)), [0x85, 0x01, 1, 3, 0, 0]);
        let minus_two = (-2_i64).cast_unsigned();
        let mut message = Message::default();
        message.number(1, minus_two);
        assert_eq!(message.0, [0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    }
}
