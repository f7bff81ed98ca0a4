//! What string literals say (GraphQL October 2021 §2.9.4).
//!
//! The parser keeps the backslash of `\"""` and the blanks of short lines in block strings; a password is compared byte
//! for byte, so the values are read here.

use super::token::{Kind, Token};

/// The value of a string token that the lexer has accepted.
pub(super) fn value(token: &Token, text: &str) -> String {
    let raw = &text[token.start..token.end];
    match token.kind {
        Kind::BlockString => block(&raw[3..raw.len() - 3]),
        _ => quoted(&raw[1..raw.len() - 1]),
    }
}

fn quoted(raw: &str) -> String {
    let (mut value, mut rest) = (String::with_capacity(raw.len()), raw.chars());
    while let Some(character) = rest.next() {
        if character != '\\' {
            value.push(character);
            continue;
        }
        match rest.next() {
            Some('b') => value.push('\u{8}'),
            Some('f') => value.push('\u{c}'),
            Some('n') => value.push('\n'),
            Some('r') => value.push('\r'),
            Some('t') => value.push('\t'),
            Some('u') => {
                let (character, length) = unicode(rest.as_str().as_bytes()).unwrap_or(('u', 0));
                value.push(character);
                // An escape is ASCII, so this is the rest after it.
                rest = rest.as_str().get(length..).unwrap_or_default().chars();
            }
            other => value.extend(other),
        }
    }
    value
}

/// The character that an escape stands for, and how many bytes it takes, all behind its `\u`: `XXXX`, a surrogate pair
/// `XXXX\uXXXX`, or, as in the specification of September 2025 and in graphql-core since 3.2, `{…}` with up to eight digits.
pub(super) fn unicode(rest: &[u8]) -> Option<(char, usize)> {
    if rest.first() == Some(&b'{') {
        let end = rest.iter().take(10).position(|byte| *byte == b'}')?;
        return Some((char::from_u32(hex(&rest[1..end])?)?, end + 1));
    }
    let first = hex(rest.get(..4)?)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, 4));
    }
    let second = rest.get(4..10)?.strip_prefix(b"\\u").and_then(hex)?;
    let pair = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
    let character = char::decode_utf16(pair).next()?.ok()?;
    Some((character, 10))
}

fn hex(digits: &[u8]) -> Option<u32> {
    let digits =
        std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, 16).ok()
}

/// `BlockStringValue()` of the specification.
fn block(raw: &str) -> String {
    let unescaped = raw.replace("\\\"\"\"", "\"\"\"").replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = unescaped.split('\n').collect();
    let indent_of = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let is_blank = |line: &&str| indent_of(line) == line.len();
    let common = lines.iter().skip(1).filter(|line| !is_blank(line)).map(|line| indent_of(line)).min().unwrap_or(0);
    let dedented: Vec<&str> = lines
        .iter()
        .enumerate()
        .map(|(number, line)| if number == 0 { line } else { line.get(common..).unwrap_or_default() })
        .collect();
    let Some(first) = lines.iter().position(|line| !is_blank(line)) else { return String::new() };
    let last = lines.iter().rposition(|line| !is_blank(line)).unwrap_or(first);
    dedented[first..=last].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each literal beside what graphql-core 3.2 makes of it.
    #[test]
    fn literals_mean_what_graphql_core_says() {
        let quoted_cases = [
            (r#"a\"\\\/\b\f\n\r\té"#, "a\"\\/\u{8}\u{c}\n\r\t\u{e9}"),
            (r"secret\u0031\u0032\u0033", "secret123"),
            (r"\\u0031", r"\u0031"),
            (r"\u{6c}\u{0001F686}x\u{0}", "l\u{1f686}x\0"),
            (r"\ud83D\ude86!", "\u{1f686}!"),
        ];
        for (raw, expected) in quoted_cases {
            assert_eq!(quoted(raw), expected, "{raw}");
        }
        let block_cases = [
            ("john", "john"),
            ("", ""),
            ("\n    a\n  \n      b\n  ", "a\n\n  b"),
            ("  a\n    b\n   c", "  a\n b\nc"),
            (r#"x \""" y \n"#, r#"x """ y \n"#),
            ("\r\n\ta\r\tb\n", "a\nb"),
            ("a\n \n", "a"),
        ];
        for (raw, expected) in block_cases {
            assert_eq!(block(raw), expected, "{raw:?}");
        }
    }
}
