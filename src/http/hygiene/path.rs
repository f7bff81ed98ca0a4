//! Canonical paths (RFC 3986 §6.2.2): the path that decides is the path that is sent.
//!
//! Needless percent-encoding is decoded, hexadecimal digits are capitals, slashes in a row are one. What has no canonical
//! form that every backend agrees on is refused: dot segments, plain or encoded or with parameters (`..;a`), backslashes,
//! control characters. What a backend *may* decode further (`%2F`, `%2567`, `;x`) is kept, and also read generously: if
//! that reading would be looked into and the canonical one would not, the request is refused. Dot segments that only come
//! out then (`/x/..%2Fadmin`) are refused as well: where they lead depends on what was decoded before, and how often, and on
//! whether a `?` that came out (`/x%3F/..%2Fadmin`) ends the path.

use http::{Uri, uri::PathAndQuery};

use super::Unfit;

/// How often a backend may decode: a proxy before it, its server, its framework.
const DECODINGS: usize = 3;

/// A path that has one reading.
#[derive(Debug)]
pub(in crate::http) struct Settled<'a> {
    original: &'a str,
    /// The target to send in place of the client's; `None` when that is fit as it is.
    pub(super) rewritten: Option<Uri>,
    /// The most generous reading, lower-case, where it differs from the canonical one.
    pub(in crate::http) generous: Option<String>,
}

impl Settled<'_> {
    pub(in crate::http) fn path(&self) -> &str {
        self.rewritten.as_ref().map_or(self.original, Uri::path)
    }
}

/// Makes the target's path canonical.
pub(in crate::http) fn settle(target: &Uri) -> Result<Settled<'_>, Unfit> {
    let original = target.path();
    // `OPTIONS *`
    let origin_form = target.authority().is_none();
    if original == "*" {
        // In HTTP/2 it stands beside an authority.
        let rewritten = (!origin_form).then(|| Uri::from_static("*"));
        return Ok(Settled { original, rewritten, generous: None });
    }
    if origin_form && is_plain(original) {
        return Ok(Settled { original, rewritten: None, generous: None });
    }
    let canonical = canonicalise(original)?;
    let generous = read_generously(&canonical)?;
    let generous = (generous != canonical).then_some(generous);
    let text = match target.query() {
        Some(query) => format!("{canonical}?{query}"),
        None => canonical,
    };
    let rewritten = PathAndQuery::try_from(text).map(Uri::from).map_err(|_| Unfit::Path)?;
    Ok(Settled { original, rewritten: Some(rewritten), generous })
}

/// Nothing in it to decode, to merge or to refuse: nearly every path there is.
fn is_plain(path: &str) -> bool {
    let bytes = path.as_bytes();
    let ordinary = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/-_~!$&'()*+,=:@.".contains(byte));
    ordinary && bytes.first() == Some(&b'/') && !path.contains("//") && !path.contains("/.")
}

fn canonicalise(path: &str) -> Result<String, Unfit> {
    let mut canonical = String::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        let (byte, encoded) = match byte {
            b'%' => (decoded_byte(&mut rest).ok_or(Unfit::Path)?, true),
            plain => (plain, false),
        };
        match byte {
            0..=0x1f | 0x7f | b'\\' => return Err(Unfit::Path),
            b'/' if !encoded && canonical.ends_with('/') => {}
            _ if !encoded && byte.is_ascii() => canonical.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => canonical.push(char::from(byte)),
            _ => canonical.push_str(&format!("%{byte:02X}")),
        }
    }
    if !canonical.starts_with('/') || has_dot_segment(&canonical) {
        return Err(Unfit::Path);
    }
    Ok(canonical)
}

/// Whether a segment is `.` or `..`, with parameters or without, and whatever a reader takes for a slash or for the end.
fn has_dot_segment(path: &str) -> bool {
    path.split(['/', '\\']).any(|segment| matches!(segment.split([';', '?', '#']).next(), Some("." | "..")))
}

fn decoded_byte(rest: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let (high, low) = (char::from(rest.next()?).to_digit(16)?, char::from(rest.next()?).to_digit(16)?);
    u8::try_from(high * 16 + low).ok()
}

/// Everything decoded that anybody could decode, parameters off, one case. No dot segment may come out on the way.
fn read_generously(canonical: &str) -> Result<String, Unfit> {
    let mut text = canonical.to_owned();
    for _ in 0..DECODINGS {
        text = percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned();
        if has_dot_segment(&text) {
            return Err(Unfit::Path);
        }
    }
    // Whoever takes the decoded text for a target again finds a query string in it.
    let text = text.split(['?', '#']).next().unwrap_or_default().replace('\\', "/").to_lowercase();
    let segments = text.split('/').map(|segment| segment.split(';').next().unwrap_or_default());
    let segments: Vec<&str> = segments.filter(|segment| !segment.is_empty()).collect();
    let tail = if text.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    Ok(format!("/{}{tail}", segments.join("/")))
}

#[cfg(test)]
mod tests {
    use http::Uri;

    use super::{Unfit, settle};

    fn sent(target: &str) -> Result<String, Unfit> {
        let target: Uri = target.parse().unwrap();
        settle(&target).map(|settled| settled.rewritten.as_ref().unwrap_or(&target).to_string())
    }

    #[test]
    fn plain_paths_are_sent_as_they_came() {
        for target in ["/", "/graphql/auth/", "/a/b.c/d~e?x=%2e%2e/&y", "/file.tar.gz", "/a:b@c,d=e"] {
            assert_eq!(sent(target).unwrap(), target);
        }
    }

    #[test]
    fn other_spellings_become_the_canonical_one() {
        for (target, canonical) in [
            ("/%67raphql/", "/graphql/"),
            ("//graphql//", "/graphql/"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/a%2fb", "/a%2Fb"),
            ("/a%20b?q=%20", "/a%20b?q=%20"),
            ("/graphql;x=1", "/graphql;x=1"),
            ("http://api.example.com/graphql/?a=b", "/graphql/?a=b"),
        ] {
            assert_eq!(sent(target).unwrap(), canonical, "{target}");
        }
    }

    #[test]
    fn what_has_no_canonical_form_is_refused() {
        for target in [
            "/x/../graphql/",
            "/x/..",
            "/./graphql/",
            "/x/%2e%2e/graphql/",
            "/x/.%2E/graphql/",
            "/..;a/graphql",
            "/x/%2e%2e;a/graphql",
            "/x%5cgraphql",
            "/x%00",
            "/x%0a",
            "/x%7f",
            "/x%",
            "/x%zz",
            "/x%2",
            "/a/..%2Fgraphql",
            "/a%2F..%2Fgraphql",
            "/a%2F%2E%2E",
            "/a/.%2Fgraphql",
            "/a/%252e%252e/graphql",
            "/a/%25252e%25252e/graphql",
            "/a/..%255Cgraphql",
            "/a/..%253Bx/graphql",
            "/a/..%3Fx",
            "/x%3F/..%2Fadmin/users",
            "/x%253F/..%252Fadmin/users",
            "/x%23/..%2Fadmin/users",
            "/public/..%2Fapi/secret%252F..%252F..%252Fpublic/x",
        ] {
            assert_eq!(sent(target), Err(Unfit::Path), "{target}");
        }
    }

    #[test]
    fn the_generous_reading_sees_through_what_a_backend_may_decode() {
        for (target, generous) in [
            ("/graphql%2Fauth", "/graphql/auth"),
            ("/%2567raphql/", "/graphql/"),
            ("/%252567raphql/", "/graphql/"),
            ("/graphql;x/", "/graphql/"),
            ("/a..%2F...%2Fgraphql", "/a../.../graphql"),
            ("/a%255Cgraphql", "/a/graphql"),
            ("/Gra%20phql;", "/gra phql"),
            ("/graphql%3Fx", "/graphql"),
            ("/graphql/%2523x", "/graphql/"),
        ] {
            let target: Uri = target.parse().unwrap();
            assert_eq!(settle(&target).unwrap().generous.as_deref(), Some(generous), "{target}");
        }
    }
}
