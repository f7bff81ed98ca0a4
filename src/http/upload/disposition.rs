//! The headers of a part, read strictly: `Content-Disposition: form-data; name="…"; filename="…"` and a `Content-Type`
//! (RFC 7578 §4.2).

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{Field, FormError};

const TRANSFER_ENCODING: HeaderName = HeaderName::from_static("content-transfer-encoding");
const WRONG: FormError = FormError::Malformed(
    "A part of the form needs exactly one Content-Disposition of the form 'form-data; name=\"…\"', with 'filename' for files.",
);

/// What a part says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Disposition {
    pub(super) name: String,
    pub(super) file_name: Option<String>,
}

impl Disposition {
    pub(super) fn of(field: &Field<'_>) -> Result<Self, FormError> {
        Self::read(field.headers())
    }

    fn read(headers: &HeaderMap) -> Result<Self, FormError> {
        if headers.contains_key(TRANSFER_ENCODING) {
            return Err(FormError::Malformed("A part of the form has a Content-Transfer-Encoding: send it as it is."));
        }
        let mut lines = headers.get_all(header::CONTENT_DISPOSITION).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else { return Err(WRONG) };
        let line = std::str::from_utf8(line.as_bytes()).map_err(|_| WRONG)?;
        let rest =
            line.get(..9).filter(|kind| kind.eq_ignore_ascii_case("form-data")).and(line.get(9..)).ok_or(WRONG)?;
        let (mut name, mut file_name) = (None, None);
        for parameter in Parameters(rest) {
            let (key, value) = parameter?;
            let place = match key.to_ascii_lowercase().as_str() {
                "name" => &mut name,
                "filename" => &mut file_name,
                _ => return Err(WRONG),
            };
            if place.replace(value).is_some() {
                return Err(WRONG);
            }
        }
        Ok(Self { name: name.ok_or(WRONG)?, file_name })
    }
}

/// `; key="value"`, one after the other. Values are quoted, as every browser and client library writes them.
struct Parameters<'a>(&'a str);

impl Iterator for Parameters<'_> {
    type Item = Result<(String, String), FormError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.trim();
        if rest.is_empty() {
            return None;
        }
        let parsed = parameter(rest);
        self.0 = parsed.as_ref().map_or("", |(_, rest)| rest);
        Some(parsed.map(|(pair, _)| pair).ok_or(WRONG))
    }
}

fn parameter(text: &str) -> Option<((String, String), &str)> {
    let (key, rest) = text.strip_prefix(';')?.trim_start().split_once('=')?;
    let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphabetic());
    let quoted = rest.strip_prefix('"').filter(|_| is_key)?;
    let (value, rest) = quoted.split_once('"')?;
    // A backslash escapes for one parser and is itself for another.
    let is_plain = !value.contains('\\') && !value.chars().any(char::is_control);
    is_plain.then(|| ((key.to_owned(), value.to_owned()), rest))
}

/// The part's media type if it is spelt plainly, else the one that says nothing.
pub(super) fn media_type(field: &Field<'_>) -> HeaderValue {
    let mut lines = field.headers().get_all(header::CONTENT_TYPE).iter();
    let plain = |line: &&HeaderValue| {
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"/.+-_".contains(byte);
        !line.is_empty() && line.as_bytes().iter().all(allowed) && line.as_bytes().contains(&b'/')
    };
    match (lines.next().filter(plain), lines.next()) {
        (Some(line), None) => line.clone(),
        (None | Some(_), _) => HeaderValue::from_static("application/octet-stream"),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::Disposition;

    fn read(lines: &[(&str, &str)]) -> Option<(String, Option<String>)> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Disposition::read(&headers).ok().map(|part| (part.name, part.file_name))
    }

    #[test]
    fn what_clients_write_is_read() {
        let part = |line: &str| read(&[("content-disposition", line)]);
        assert_eq!(part("form-data; name=\"map\""), Some(("map".to_owned(), None)));
        let file = Some(("0".to_owned(), Some("a; b=é.txt".to_owned())));
        assert_eq!(part("Form-Data; name=\"0\"; filename=\"a; b=é.txt\""), file);
        assert_eq!(part("form-data;filename=\"a; b=é.txt\";name=\"0\""), file);
    }

    #[test]
    fn what_two_parsers_read_differently_is_refused() {
        for line in [
            "",
            "attachment; name=\"0\"",
            "form-data",
            "form-data; filename=\"a\"",
            "form-data; name=\"0\"; name=\"1\"",
            "form-data; name=\"0\"; filename=\"a\"; filename*=utf-8''b",
            "form-data; name*=utf-8''operations",
            "form-data; name*0=\"oper\"; name*1=\"ations\"",
            "form-data; name=0",
            "form-data; name=\"0\\\"; filename=\"a\"",
            "form-data; name=\"0\"; size=\"3\"",
            "form-data; name=\"0",
            "form-data name=\"0\"",
            "form-data; name=\"0\" x",
        ] {
            assert_eq!(read(&[("content-disposition", line)]), None, "{line}");
        }
        let fine = ("content-disposition", "form-data; name=\"0\"");
        assert!(read(&[fine]).is_some());
        assert_eq!(read(&[fine, fine]), None);
        assert_eq!(read(&[fine, ("content-transfer-encoding", "base64")]), None);
        assert_eq!(read(&[]), None);
    }
}
