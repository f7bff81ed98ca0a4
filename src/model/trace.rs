//! Where a request stands in a distributed trace (W3C Trace Context, Level 1).

use super::id::hex;

/// Length of a `traceparent` of version 00.
const LENGTH: usize = 55;
/// The one flag that Level 1 knows (§3.2.2.5.1).
const SAMPLED: u8 = 1;
/// Most members of a `tracestate` (§3.3.1.1).
const MOST_MEMBERS: usize = 32;
/// Longest key, and longest value, of one of them.
const LONGEST: usize = 256;

/// A place in a trace: what a `traceparent` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace: u128,
    span: u64,
    sampled: bool,
}

impl TraceContext {
    /// A trace that begins here. `None` for ids of zeros, which are none (§3.2.2.3).
    #[must_use]
    pub fn begun(trace: [u8; 16], span: [u8; 8], sampled: bool) -> Option<Self> {
        let (trace, span) = (u128::from_be_bytes(trace), u64::from_be_bytes(span));
        (trace != 0 && span != 0).then_some(Self { trace, span, sampled })
    }

    /// What a `traceparent` says. Of a later version, what the first one has is read (§3.2.4).
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (known, rest) = text.split_at_checked(LENGTH)?;
        let [version, trace, span, flags] = [0..2, 3..35, 36..52, 53..55].map(|place| number(known.get(place)?));
        let are_apart = [2, 35, 52].iter().all(|dash| known.get(*dash) == Some(&b'-'));
        let goes_on = match version? {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.first().is_none_or(|byte| *byte == b'-'),
        };
        let (trace, span) = (trace?, u64::try_from(span?).ok()?);
        let sampled = u8::try_from(flags?).ok()? & SAMPLED != 0;
        (are_apart && goes_on && trace != 0 && span != 0).then_some(Self { trace, span, sampled })
    }

    /// The place of this span within that one.
    #[must_use]
    pub fn within(self, parent: Self) -> Self {
        Self { span: self.span, ..parent }
    }

    /// Another span's place in this trace. `None` for an id of zeros.
    #[must_use]
    pub fn with_span(self, span: [u8; 8]) -> Option<Self> {
        let span = u64::from_be_bytes(span);
        (span != 0).then_some(Self { span, ..self })
    }

    /// Whether the trace is recorded.
    #[must_use]
    pub const fn is_sampled(self) -> bool {
        self.sampled
    }

    /// The trace's id.
    #[must_use]
    pub const fn trace_bytes(self) -> [u8; 16] {
        self.trace.to_be_bytes()
    }

    /// The span's id.
    #[must_use]
    pub const fn span_bytes(self) -> [u8; 8] {
        self.span.to_be_bytes()
    }

    /// The `traceparent` for whoever is asked on from here.
    #[must_use]
    pub fn to_header(self) -> [u8; LENGTH] {
        let mut header = *b"00-00000000000000000000000000000000-0000000000000000-00";
        header[3..35].copy_from_slice(&self.trace_hex());
        header[36..52].copy_from_slice(&self.span_hex());
        header[54] = b'0' + u8::from(self.sampled);
        header
    }

    /// The trace's id: 32 hexadecimal digits, as bytes of ASCII.
    #[must_use]
    pub const fn trace_hex(self) -> [u8; 32] {
        hex(self.trace)
    }

    /// The span's id: 16 of them.
    #[must_use]
    pub const fn span_hex(self) -> [u8; 16] {
        hex(self.span as u128)
    }
}

/// Digits and small letters, and nothing else (§3.2.2).
fn number(digits: &[u8]) -> Option<u128> {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(u128::from(byte - b'0')),
        b'a'..=b'f' => Some(u128::from(byte - b'a') + 10),
        _ => None,
    };
    digits.iter().try_fold(0, |number, byte| Some(number << 4 | digit(byte)?))
}

/// Whether these lines are a `tracestate` (§3.3.1): all of them together, since they are one list.
pub fn is_tracestate<'l>(lines: impl Iterator<Item = &'l [u8]>) -> bool {
    let mut members = 0;
    for member in lines.flat_map(|line| line.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii) {
        if member.is_empty() {
            continue;
        }
        members += 1;
        if members > MOST_MEMBERS || !is_member(member) {
            return false;
        }
    }
    true
}

fn is_member(member: &[u8]) -> bool {
    let Some(place) = member.iter().position(|byte| *byte == b'=') else { return false };
    let (key, value) = (&member[..place], &member[place + 1..]);
    let is_key = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(byte);
    let is_value = |byte: &u8| (0x20..0x7f).contains(byte) && *byte != b'=';
    (1..=LONGEST).contains(&key.len())
        && (1..=LONGEST).contains(&value.len())
        && key.iter().all(is_key)
        && key.first().is_some_and(u8::is_ascii_alphanumeric)
        && key.iter().filter(|byte| **byte == b'@').count() <= 1
        && value.iter().all(is_value)
}

#[cfg(test)]
mod tests {
    use super::{TraceContext, is_tracestate};

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn parsed(text: &str) -> Option<String> {
        let header = TraceContext::parse(text.as_bytes())?.to_header();
        Some(String::from_utf8(header.to_vec()).unwrap())
    }

    #[test]
    fn what_says_a_place_is_said_again() {
        for flags in ["00", "01"] {
            let text = format!("00-{TRACE}-{SPAN}-{flags}");
            assert_eq!(parsed(&text), Some(text));
        }
        let first = |flags: &str| Some(format!("00-{TRACE}-{SPAN}-{flags}"));
        assert_eq!(parsed(&format!("00-{TRACE}-{SPAN}-03")), first("01"), "flags that Level 1 doesn't know");
        assert_eq!(parsed(&format!("00-{TRACE}-{SPAN}-fe")), first("00"));
        assert_eq!(parsed(&format!("cc-{TRACE}-{SPAN}-01")), first("01"), "a later version");
        assert_eq!(parsed(&format!("cc-{TRACE}-{SPAN}-01-what-the-future-brings")), first("01"));
    }

    #[test]
    fn what_says_none_is_none() {
        let (zeros, capitals) = ("0".repeat(32), TRACE.to_uppercase());
        for text in [
            String::new(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-01-"),
            format!("00-{TRACE}-{SPAN}-01x"),
            format!("cc-{TRACE}-{SPAN}-01x"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("0x-{TRACE}-{SPAN}-01"),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{capitals}-{SPAN}-01"),
            format!("00_{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}_{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}_01"),
            format!(" 00-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-0g"),
            format!("00-{}é-{SPAN}-01", &TRACE[2..]),
        ] {
            assert_eq!(parsed(&text), None, "{text}");
        }
        assert_eq!(TraceContext::begun([0; 16], [1; 8], true), None);
        assert_eq!(TraceContext::begun([1; 16], [0; 8], true), None);
    }

    #[test]
    fn a_span_within_another_is_of_its_trace_and_sampled_as_it_is() {
        let parent = TraceContext::parse(format!("00-{TRACE}-{SPAN}-00").as_bytes()).unwrap();
        let own = TraceContext::begun([1; 16], [2; 8], true).unwrap().within(parent);
        assert_eq!(own.to_header(), format!("00-{TRACE}-{}-00", "02".repeat(8)).as_bytes());
        assert_eq!((own.trace_bytes(), own.span_bytes()), (parent.trace_bytes(), [2; 8]));
        let other = own.with_span([3; 8]).unwrap();
        assert_eq!((other.trace_bytes(), other.span_bytes(), other.is_sampled()), (own.trace_bytes(), [3; 8], false));
        assert_eq!(own.with_span([0; 8]), None);
        assert!(TraceContext::begun([1; 16], [2; 8], true).unwrap().is_sampled());
    }

    #[test]
    fn a_state_is_a_list_of_keys_and_values() {
        let is = |lines: &[&str]| is_tracestate(lines.iter().map(|line| line.as_bytes()));
        for good in [&["a=1"][..], &["a=1,b@c=2 3", " , d-e_*/=!"], &[""], &["0a=b"], &["a=1, ,b=2"]] {
            assert!(is(good), "{good:?}");
        }
        let long = format!("a={}", "x".repeat(257));
        for bad in ["a", "=1", "a=", "A=1", "a b=1", "a=1=2", "@a=1", "a@b@c=1", "a=\u{e9}", &long] {
            assert!(!is(&[bad]), "{bad}");
        }
        let many = vec!["a=1"; 32].join(",");
        assert!(is(&[&many]) && !is(&[&many, "b=2"]));
    }
}
