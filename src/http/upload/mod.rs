//! Files beside a GraphQL request: the GraphQL multipart request specification (jaydenseric, v2).
//!
//! The form is `operations`, then `map`, then the files, in this order. The first two are held in memory, bounded, and
//! decided like any other request; the files are streamed, part by part, and never held. What goes to the backend is a
//! form of ours: another boundary, one plain `Content-Disposition` a part, nothing before or between the parts, empty
//! lines behind them. So two parsers can't disagree about it.
//!
//! Refused, because parsers read them differently: `Content-Transfer-Encoding`, parameters with `*`, repeated or other
//! parameters, names that come twice, parts that `map` doesn't name or that are missing, other orders.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http_body::Body as _;
use http_body_util::{BodyDataStream, Limited};
use hyper::body::Incoming;
use multer::{Constraints, Field, Multipart, SizeLimit};

use super::body::{BodyError, RequestBody};
use crate::graphql;

mod disposition;
mod relay;

use disposition::Disposition;
pub(super) use relay::relay;

const OPERATIONS: &str = "operations";
const MAP: &str = "map";
/// Files of one request.
const MOST_FILES: usize = 1_000;

/// A form whose first two parts have been read.
#[derive(Debug)]
pub(super) struct Form {
    /// The request's JSON.
    pub(super) operations: Bytes,
    map: Map,
    rest: Multipart<'static>,
    /// Length of the client's form, if it said so.
    length: Option<u64>,
}

/// Which part goes where, written anew, and the names of the parts.
#[derive(Debug)]
struct Map {
    text: String,
    names: BTreeSet<String>,
}

/// Why a form is not read further.
#[derive(Debug, thiserror::Error)]
pub(super) enum FormError {
    /// It doesn't follow the specification, or could be read in two ways; says what is wrong.
    #[error("{0}")]
    Malformed(&'static str),
    /// `operations`, `map` or the whole is over its limit.
    #[error("the form is over a limit")]
    TooLarge,
    /// The client stopped sending, or what it sent is no multipart.
    #[error("the form broke off")]
    Broken,
}

impl From<multer::Error> for FormError {
    fn from(error: multer::Error) -> Self {
        match error {
            multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => Self::TooLarge,
            multer::Error::StreamReadFailed(cause) if cause.is::<http_body_util::LengthLimitError>() => Self::TooLarge,
            multer::Error::StreamReadFailed(_) => Self::Broken,
            _ => Self::Malformed("The form is not well-formed multipart/form-data."),
        }
    }
}

impl From<FormError> for BodyError {
    fn from(error: FormError) -> Self {
        match error {
            FormError::TooLarge => Self::TooLarge,
            FormError::Malformed(what) => Self::Malformed(what),
            FormError::Broken => Self::Gone,
        }
    }
}

impl Form {
    /// Reads the form up to the first file. `held` bounds `operations` and `map`, each.
    pub(super) async fn begin(body: RequestBody, boundary: &str, held: usize) -> Result<Self, FormError> {
        let RequestBody::Stream { incoming, left, progress } = body else {
            return Err(FormError::Malformed("The form is empty."));
        };
        let length = incoming.size_hint().exact();
        let limits = SizeLimit::new().for_field(OPERATIONS, held as u64).for_field(MAP, held as u64);
        let stream =
            BodyDataStream::new(Limited::<Incoming>::new(incoming, usize::try_from(left).unwrap_or(usize::MAX)));
        let came = progress.of_form();
        let stream = stream.inspect_ok(move |piece| {
            came.fetch_add(piece.len() as u64, Ordering::Relaxed);
        });
        let mut rest = Multipart::with_constraints(stream, boundary, Constraints::new().size_limit(limits));
        let operations = plain_part(&mut rest, OPERATIONS).await?;
        let of_batch = graphql::is_batch(&operations);
        let map = Map::read(&plain_part(&mut rest, MAP).await?, of_batch)?;
        Ok(Self { operations, map, rest, length })
    }

    /// Whether files come with it.
    pub(super) fn has_files(&self) -> bool {
        !self.map.names.is_empty()
    }
}

/// The next part, which must be this one and no file.
async fn plain_part(form: &mut Multipart<'static>, name: &str) -> Result<Bytes, FormError> {
    let wrong =
        FormError::Malformed("A form begins with the fields 'operations' and 'map', in this order; files follow.");
    let Some(field) = form.next_field().await? else { return Err(wrong) };
    let disposition = Disposition::of(&field)?;
    if disposition.name != name || disposition.file_name.is_some() {
        return Err(wrong);
    }
    Ok(field.bytes().await?)
}

impl Map {
    /// `of_batch`: places begin with the number of a request in a list.
    fn read(json: &[u8], of_batch: bool) -> Result<Self, FormError> {
        const WRONG: FormError = FormError::Malformed(
            "'map' is not an object that names for each file the places in 'operations' where it belongs.",
        );
        let parsed: serde_json::Value = serde_json::from_slice(json).map_err(|_| WRONG)?;
        let serde_json::Value::Object(entries) = &parsed else { return Err(WRONG) };
        let in_request = |place: &str| {
            let is_number =
                |text: &str| (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            let behind_number =
                || place.split_once('.').filter(|(number, _)| is_number(number)).map(|(_, place)| place);
            let place = if of_batch { behind_number() } else { Some(place) };
            place.is_some_and(|place| place.starts_with("variables."))
        };
        let is_place = |place: &serde_json::Value| place.as_str().is_some_and(in_request);
        let is_list = |places: &serde_json::Value| places.as_array().is_some_and(|places| places.iter().all(is_place));
        if !entries.values().all(is_list) || entries.len() > MOST_FILES {
            return Err(WRONG);
        }
        // A name goes into a header of the part that it names.
        let is_name = |name: &String| {
            let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
            (1..=100).contains(&name.len()) && name.bytes().all(plain) && name != OPERATIONS && name != MAP
        };
        if !entries.keys().all(is_name) {
            return Err(FormError::Malformed("'map' names a file by something other than plain characters."));
        }
        let text = parsed.to_string();
        // Duplicate keys would name places that another parser doesn't see.
        let names: BTreeSet<String> = entries.keys().cloned().collect();
        if top_level_keys(json) != names.len() {
            return Err(WRONG);
        }
        Ok(Self { text, names })
    }
}

/// How many members the object has, repeated ones included.
fn top_level_keys(json: &[u8]) -> usize {
    struct Count(usize);

    impl<'de> serde::Deserialize<'de> for Count {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Members;

            impl<'de> serde::de::Visitor<'de> for Members {
                type Value = Count;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Count, A::Error> {
                    let mut count = 0;
                    while map.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {
                        count += 1;
                    }
                    Ok(Count(count))
                }
            }

            deserializer.deserialize_map(Members)
        }
    }

    serde_json::from_slice(json).map_or(0, |Count(count)| count)
}

/// The name of the boundary in `multipart/form-data; boundary=…`, if that is all there is and it is spelt plainly
/// (RFC 2046 §5.1.1).
pub(super) fn boundary(parameter: &str) -> Option<&str> {
    let (name, value) = parameter.split_once('=')?;
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"'+_-.".contains(&byte);
    let fits = name.eq_ignore_ascii_case("boundary") && (1..=70).contains(&value.len());
    (fits && value.bytes().all(is_plain)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::{FormError, Map, boundary};

    #[test]
    fn a_map_names_files_and_places() {
        let map =
            Map::read(br#"{"0": ["variables.file"], "1": ["variables.files.0", "variables.again"]}"#, false).unwrap();
        assert_eq!(map.names.iter().map(String::as_str).collect::<Vec<_>>(), ["0", "1"]);
        assert_eq!(map.text, r#"{"0":["variables.file"],"1":["variables.files.0","variables.again"]}"#);
        assert!(Map::read(b"{}", false).unwrap().names.is_empty());
        assert!(Map::read(br#"{"0": ["0.variables.file", "12.variables.file"]}"#, true).is_ok());
        for wrong in ["variables.file", ".variables.file", "+1.variables.file", "0.query", "0", "0.0.variables.file"] {
            assert!(Map::read(format!(r#"{{"0":["{wrong}"]}}"#).as_bytes(), true).is_err(), "{wrong}");
        }
        for wrong in [
            "",
            "[]",
            "null",
            r#"{"0":"variables.file"}"#,
            r#"{"0":[1]}"#,
            r#"{"0":["query"]}"#,
            r#"{"0":["0.variables.file"]}"#,
            r#"{"0":["variables.a"],"0":["variables.b"]}"#,
            r#"{"operations":["variables.a"]}"#,
            r#"{"":["variables.a"]}"#,
            r#"{"a\"b":["variables.a"]}"#,
            r#"{"a\r\nb":["variables.a"]}"#,
            r#"{"é":["variables.a"]}"#,
        ] {
            assert!(matches!(Map::read(wrong.as_bytes(), false), Err(FormError::Malformed(_))), "{wrong}");
        }
    }

    #[test]
    fn one_plain_boundary() {
        assert_eq!(boundary("boundary=----WebKitFormBoundary7MA4YWxk"), Some("----WebKitFormBoundary7MA4YWxk"));
        assert_eq!(boundary("Boundary=\"a.b\""), Some("a.b"));
        for wrong in [
            "",
            "boundary=",
            "boundary",
            "charset=utf-8",
            "boundary=a b",
            "boundary=a;boundary=b",
            "boundary*=utf-8''a",
            "boundary*0=a",
            "boundary=\"a",
            "boundary=a, boundary=b",
            &format!("boundary={}", "a".repeat(71)),
        ] {
            assert_eq!(boundary(wrong), None, "{wrong}");
        }
    }
}
