//! A path as it may be shown: cut, and without what may be a credential in it.

use itoa::Buffer;

/// Most bytes of a path that are shown. A line of the access log is shorter than what a pipe takes in one piece (POSIX
/// `PIPE_BUF`, 4,096 on Linux), whatever has to be escaped.
const LONGEST: usize = 512;
/// A part of a path so long may be a credential: a link that resets a password has one of 39 characters (Django), 32 are 128
/// bits in hexadecimal.
const TOKEN: usize = 32;
/// Length of a UUID.
const UUID: usize = 36;

/// What stands in a path.
pub(super) enum Piece<'p> {
    /// Of the gateway's own: a slash, braces around a length, or that it was cut.
    Own(&'p str),
    /// Of the path's, to be escaped.
    Of(&'p str),
}

/// Gives the pieces of a path in their order: `/reset/MQ/{39}/`, where 39 characters were.
pub(super) fn pieces(path: &str, mut give: impl FnMut(Piece<'_>)) {
    let shown = super::line::beginning(path, LONGEST);
    if path.len() < TOKEN {
        give(Piece::Of(shown));
    } else {
        without_tokens(path, shown.len(), &mut give);
    }
    if shown.len() < path.len() {
        give(Piece::Own("..."));
    }
}

/// The path as it is shown: without what may be a credential in it, and not too long. Nothing is escaped.
#[must_use]
pub fn shown(path: &str) -> String {
    let mut text = String::with_capacity(path.len().min(LONGEST));
    pieces(path, |piece| match piece {
        Piece::Own(piece) | Piece::Of(piece) => text.push_str(piece),
    });
    text
}

/// Whether a part is long is seen in the whole path, of which so many bytes are shown.
fn without_tokens(path: &str, mut left: usize, give: &mut impl FnMut(Piece<'_>)) {
    for (place, part) in path.split('/').enumerate() {
        if place > 0 {
            give(Piece::Own("/"));
            left = left.saturating_sub(1);
        }
        if may_be_token(part) {
            for piece in ["{", Buffer::new().format(part.len()), "}"] {
                give(Piece::Own(piece));
            }
        } else {
            give(Piece::Of(super::line::beginning(part, left)));
        }
        if part.len() >= left {
            return;
        }
        left -= part.len();
    }
}

/// Long, and neither words in small letters nor a UUID.
fn may_be_token(part: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || b"-_.".contains(&byte);
    part.len() >= TOKEN && !part.bytes().all(is_word) && !is_uuid(part)
}

fn is_uuid(part: &str) -> bool {
    let fits = |(place, byte): (usize, u8)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    part.len() == UUID && part.bytes().enumerate().all(fits)
}
