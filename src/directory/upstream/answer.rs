//! The backend's answers, from bytes to what they say. Each way in which one can be nonsense has a name.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    client::{About, Answer},
    error::Failure,
};
use crate::model::{PlainToken, Timestamp};

/// Of what the backend says, so much is repeated in a log, in characters.
const REPEATED: usize = 200;

/// So many letters and digits in a row tell something of a secret.
const TELLING: usize = 4;

/// Codes by which backends say that they have counted too much.
const THROTTLED: [&str; 4] = ["RATE_LIMITED", "TOO_MANY_REQUESTS", "THROTTLED", "RATE_LIMIT_EXCEEDED"];

/// What stands in place of the one root field.
pub(super) enum Root {
    Object(Map<String, Value>),
    /// With these errors, if any.
    Null(Vec<Problem>),
}

/// An error of a GraphQL answer.
#[derive(Debug, Deserialize)]
pub(super) struct Problem {
    #[serde(default)]
    message: String,
    #[serde(default)]
    extensions: Option<Map<String, Value>>,
    #[serde(default)]
    path: Option<Value>,
}

#[derive(Deserialize)]
struct Body {
    data: Option<Map<String, Value>>,
    errors: Option<Vec<Problem>>,
}

/// Reads the answer to a question that held these secrets.
pub(super) fn root(answer: &Answer, about: About, secrets: &[&str]) -> Result<Root, Failure> {
    match answer.status {
        StatusCode::TOO_MANY_REQUESTS => return Err(Failure::Throttled),
        // Who asks is not who the token says, for a backend that answers in HTTP's own words.
        StatusCode::UNAUTHORIZED => return Ok(Root::Null(Vec::new())),
        // The same, where somebody had been known; to one who was not, it may be what a page for the locked out has.
        StatusCode::FORBIDDEN if matches!(about, About::Session) => return Ok(Root::Null(Vec::new())),
        status if status.is_redirection() => return Err(Failure::Redirect(status)),
        status if status.is_server_error() => return Err(Failure::Status(status)),
        _ => {}
    }
    let value: Value = serde_json::from_slice(&answer.body)
        .map_err(|_| Failure::NotJson { status: answer.status, content_type: answer.content_type.clone() })?;
    let body: Body = serde_json::from_value(value).map_err(|_| Failure::NotGraphql)?;
    let errors = body.errors.unwrap_or_default();
    match (body.data, errors.is_empty()) {
        (None, true) => Err(Failure::NotGraphql),
        (None, false) if errors.iter().any(Problem::is_throttled) => Err(Failure::Throttled),
        // Something was executed, and may not be null.
        (None, false) if errors.iter().any(|error| error.path.is_some()) => Ok(Root::Null(errors)),
        (None, false) => Err(Failure::Invalid(words(&errors, secrets))),
        (Some(mut data), _) => match data.remove("railgate") {
            Some(Value::Object(object)) => Ok(Root::Object(object)),
            Some(Value::Null) => Ok(Root::Null(errors)),
            Some(_) | None => Err(Failure::Lacks("data")),
        },
    }
}

impl Problem {
    fn code(&self) -> Option<&str> {
        self.extensions.as_ref()?.get("code")?.as_str()
    }

    pub(super) fn is_throttled(&self) -> bool {
        self.code().is_some_and(|code| THROTTLED.contains(&code))
    }

    /// The backend doesn't know who asks, by a code or in one of these words, which are in lower case.
    pub(super) fn is_about_the_caller(&self, words: &[String]) -> bool {
        let message = self.message.to_lowercase();
        matches!(self.code(), Some("UNAUTHENTICATED" | "AUTHENTICATION_REQUIRED"))
            || words.iter().any(|words| message.contains(words))
    }
}

/// What errors say, as far as it can be in a log: cut, on one line, and not where it repeats a secret.
pub(super) fn words(errors: &[Problem], secrets: &[&str]) -> String {
    let message = errors.first().map_or("without a reason", |error| error.message.as_str());
    if secrets.iter().any(|secret| repeats(message, secret)) {
        return "in words that repeat a secret".to_owned();
    }
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(REPEATED).collect()
}

/// Whether a message has a secret in it: as it is, escaped as JSON or Python do it, or a good part of it, however the rest is
/// written.
fn repeats(message: &str, secret: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace(['\\', '"', '\''], "");
    let escaped = |c: char| if c.is_ascii() { c.to_string() } else { units(c) };
    let (message, secret) = (plain(message), plain(secret));
    let escaped: String = secret.chars().map(escaped).collect();
    let is_there = |part: &str| !part.is_empty() && message.contains(part);
    let mut parts = secret.split(|c: char| !c.is_ascii_alphanumeric());
    is_there(&secret) || is_there(&escaped) || parts.any(|part| part.len() >= TELLING && is_there(part))
}

/// `u00e9` for `é`: what is left of an escape without its backslash.
fn units(c: char) -> String {
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("u{unit:04x}")).collect()
}

/// A payload of `login`, of its second half or of a refresh.
#[derive(Debug, Default)]
pub(super) struct Payload {
    /// `None` where it is not asked for.
    pub(super) ok: Option<bool>,
    pub(super) errors: Vec<String>,
    pub(super) token: Option<PlainToken>,
    pub(super) refresh: Option<PlainToken>,
    pub(super) expires: Option<Timestamp>,
    pub(super) factor_due: bool,
    pub(super) setup_due: bool,
    pub(super) challenge: Option<PlainToken>,
    pub(super) user: Option<Map<String, Value>>,
}

impl Payload {
    pub(super) fn read(mut object: Map<String, Value>) -> Result<Self, Failure> {
        let ok = match object.remove("ok") {
            None => None,
            Some(Value::Bool(ok)) => Some(ok),
            Some(_) => return Err(Failure::Lacks("ok")),
        };
        Ok(Self {
            ok,
            errors: errors(object.remove("errors")),
            token: token(&mut object, "token")?,
            refresh: token(&mut object, "refreshToken")?,
            expires: object.remove("expiresAt").as_ref().and_then(instant),
            factor_due: object.remove("mfaRequired") == Some(Value::Bool(true)),
            setup_due: object.remove("mfaSetupRequired") == Some(Value::Bool(true)),
            challenge: token(&mut object, "challenge")?,
            user: match object.remove("user") {
                None | Some(Value::Null) => None,
                Some(Value::Object(user)) => Some(user),
                Some(_) => return Err(Failure::Lacks("user")),
            },
        })
    }
}

/// Texts, or objects with a `message`.
fn errors(given: Option<Value>) -> Vec<String> {
    let Some(Value::Array(errors)) = given else { return Vec::new() };
    let text = |error: Value| match error {
        Value::String(text) => Some(text),
        Value::Object(error) => Some(error.get("message")?.as_str()?.to_owned()),
        _ => None,
    };
    errors.into_iter().filter_map(text).collect()
}

fn token(object: &mut Map<String, Value>, key: &'static str) -> Result<Option<PlainToken>, Failure> {
    match object.remove(key) {
        None | Some(Value::Null) => Ok(None),
        // Anything else could not be shown again in a header.
        Some(Value::String(text)) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(Some(PlainToken::new(text)))
        }
        Some(_) => Err(Failure::Lacks(key)),
    }
}

/// ISO 8601, or seconds since 1970.
pub(super) fn instant(value: &Value) -> Option<Timestamp> {
    use time::{OffsetDateTime, format_description::well_known::Iso8601};
    match value {
        Value::String(text) => OffsetDateTime::parse(text, &Iso8601::DEFAULT).ok().map(Timestamp::from),
        Value::Number(number) => number.as_i64().map(Timestamp::from_secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, content_type: "application/json".to_owned(), body: body.to_owned().into() }
    }

    fn problems(body: &str) -> Vec<Problem> {
        match root(&answer(200, body), About::Session, &[]) {
            Ok(Root::Null(problems)) => problems,
            Ok(Root::Object(object)) => panic!("{object:?}"),
            Err(failure) => panic!("{failure}"),
        }
    }

    #[test]
    fn who_has_counted_too_much_may_say_so_in_several_ways() {
        let code = |code: &str| format!(r#"{{"errors":[{{"message":"m","extensions":{{"code":"{code}"}}}}]}}"#);
        for told in [answer(429, "slow down"), answer(200, &code("RATE_LIMITED")), answer(400, &code("THROTTLED"))] {
            assert!(matches!(root(&told, About::Credentials, &[]), Err(Failure::Throttled)));
        }
        assert!(matches!(root(&answer(400, &code("OTHER")), About::Credentials, &[]), Err(Failure::Invalid(_))));
    }

    #[test]
    fn who_asks_may_be_nobody_in_several_ways() {
        for (status, about) in [(401, About::Session), (401, About::Credentials), (403, About::Session)] {
            let told = root(&answer(status, "<html>"), about, &[]);
            assert!(matches!(told, Ok(Root::Null(problems)) if problems.is_empty()), "{status} {about:?}");
        }
        assert!(matches!(root(&answer(403, "<html>"), About::Credentials, &[]), Err(Failure::NotJson { .. })));
        assert!(problems(r#"{"data":{"railgate":null}}"#).is_empty());
        let words = ["authentication required".to_owned(), "user is disabled".to_owned()];
        let about = |body: &str| problems(body).iter().all(|problem| problem.is_about_the_caller(&words));
        let error = |error: &str| format!(r#"{{"errors":[{error}],"data":{{"railgate":null}}}}"#);
        assert!(about(&error(r#"{"message":"Authentication required."}"#)));
        assert!(about(&error(r#"{"message":"x","extensions":{"code":"UNAUTHENTICATED"}}"#)));
        assert!(about(&error(r#"{"message":"User is disabled"}"#)));
        assert!(!about(&error(r#"{"message":"no database"}"#)), "an outage ends nobody's session");
    }

    #[test]
    fn what_is_repeated_in_a_log_is_short_and_holds_no_secret() {
        let errors = |message: &str| vec![Problem { message: message.to_owned(), extensions: None, path: None }];
        assert_eq!(words(&errors("a\nb"), &["secret"]), "a b");
        assert_eq!(words(&errors(&"x".repeat(999)), &[""]).len(), REPEATED);
        assert_eq!(words(&errors("got 'secret'"), &["", "secret"]), "in words that repeat a secret");
        assert_eq!(words(&[], &[]), "without a reason");
        for (message, secret) in [
            (r#"got "pa\"ss'wo""#, "pa\"ss'wo"),
            (r"got 'pa\'ss\\wo'", r"pa'ss\wo"),
            (r"got \u00e9\u00df", "éß"),
            ("got &#x27;secret&quot;", "'secret\""),
            ("no user ADA.", "ada"),
        ] {
            assert_eq!(words(&errors(message), &[secret]), "in words that repeat a secret", "{message}");
        }
        assert_eq!(words(&errors("Cannot query field"), &["qu fi"]), "Cannot query field");
    }

    #[test]
    fn errors_are_texts_or_objects_and_tokens_are_what_a_header_can_hold() {
        assert_eq!(errors(Some(json!(["a", { "message": "b" }, 7, { "field": "c" }]))), ["a", "b"]);
        for token in ["", "a b", "a\nb", "é"] {
            let object = json!({ "token": token }).as_object().cloned().unwrap();
            assert!(matches!(Payload::read(object), Err(Failure::Lacks("token"))), "{token}");
        }
        assert_eq!(instant(&json!(1_500)), Some(Timestamp::from_secs(1_500)));
        assert_eq!(instant(&json!("1970-01-01T00:00:01Z")), Some(Timestamp::from_secs(1)));
        assert_eq!(instant(&json!("soon")), None);
    }
}
