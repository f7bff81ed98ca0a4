//! `application/x-www-form-urlencoded` (WHATWG URL §5.1), but strict: what has no one meaning is refused, not repaired.

use super::EnvelopeError;

/// The decoded pairs of a form or query string, in order.
pub(super) fn pairs(text: &[u8]) -> Result<Vec<(String, String)>, EnvelopeError> {
    text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(pair).collect()
}

fn pair(pair: &[u8]) -> Result<(String, String), EnvelopeError> {
    let (key, value) = match pair.iter().position(|byte| *byte == b'=') {
        Some(at) => (&pair[..at], &pair[at + 1..]),
        None => (pair, [].as_slice()),
    };
    Ok((decoded(key)?, decoded(value)?))
}

fn decoded(text: &[u8]) -> Result<String, EnvelopeError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, behind @ ..] = rest {
        rest = behind;
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let [high, low, behind @ ..] = rest else { return Err(EnvelopeError::NotAForm) };
                rest = behind;
                digit(*high)? << 4 | digit(*low)?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).map_err(|_| EnvelopeError::NotAForm)
}

fn digit(byte: u8) -> Result<u8, EnvelopeError> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        b'A'..=b'F' => Ok(byte - b'A' + 10),
        _ => Err(EnvelopeError::NotAForm),
    }
}
