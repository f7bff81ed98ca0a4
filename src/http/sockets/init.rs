//! What a client says of itself in `connection_init`, and what the backend is told instead.
//!
//! A token counts under these names, at the top of the payload or under `headers`, whatever their case and punctuation:
//! `Authorization` with `Bearer …`; `token`, `authToken`, `accessToken`, `jwt` and `X-Auth-Token` with or without that word. One
//! token may stand in several places; two tokens are one too many. The backend finds its own bearer where the client's token
//! stood, or as `Authorization`, and never the client's: whatever has one of these names is taken out, as are other
//! credentials (cookies, `sessionid`, `refreshToken`, `idToken`) and headers that are the gateway's to set. Deeper in there a
//! token counts for nothing, and all of these are taken out, too. Where `headers` are none that can be looked into, there is no
//! knowing what they say. Everything else goes on as it came.

use serde_json::{Map, Value};

use crate::{http::hygiene::headers::is_managed, model::PlainToken};

const TOKENS: [&str; 5] = ["token", "authtoken", "accesstoken", "jwt", "xauthtoken"];
/// Credentials, none of which says here who calls.
const OTHERS: [&str; 5] = ["refreshtoken", "idtoken", "sessionid", "cookie", "cookies"];
const HEADERS: &str = "headers";
const DEFAULT: &str = "Authorization";

/// The payload of a `connection_init` without what is a credential, and the token that it held. Its `Debug` shows nothing of
/// it: others may be in there by names that nobody knows.
pub(super) struct Init {
    payload: Map<String, Value>,
    pub(super) token: Option<PlainToken>,
    place: Option<Place>,
}

/// Where a token stood, and how.
#[derive(Debug)]
struct Place {
    below_headers: bool,
    key: String,
    /// Behind the word `Bearer`.
    is_bearer: bool,
}

impl std::fmt::Debug for Init {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Init([redacted])")
    }
}

/// Why a payload is no good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// There are several tokens.
    SeveralCredentials,
    /// Its `headers` are no object.
    Headers,
}

impl Init {
    pub(super) fn read(mut payload: Map<String, Value>) -> Result<Self, Unfit> {
        let mut found = Vec::new();
        take(&mut payload, false, &mut found);
        for (_, value) in payload.iter_mut().filter(|(key, _)| key.eq_ignore_ascii_case(HEADERS)) {
            match value {
                Value::Object(headers) => take(headers, true, &mut found),
                Value::Null => {}
                _ => return Err(Unfit::Headers),
            }
        }
        payload.values_mut().for_each(strip);
        let mut found = found.into_iter();
        let Some((place, token)) = found.next() else { return Ok(Self { payload, token: None, place: None }) };
        if found.any(|(_, other)| other != token) {
            return Err(Unfit::SeveralCredentials);
        }
        Ok(Self { payload, token: Some(PlainToken::new(&token)), place: Some(place) })
    }

    /// The payload for the backend; `bearer` is the token that it believes.
    pub(super) fn for_backend(self, bearer: Option<&str>) -> Map<String, Value> {
        let Self { mut payload, place, .. } = self;
        let Some(bearer) = bearer else { return payload };
        let default = Place { below_headers: false, key: DEFAULT.to_owned(), is_bearer: true };
        let Place { below_headers, key, is_bearer } = place.unwrap_or(default);
        let value = Value::String(if is_bearer { format!("Bearer {bearer}") } else { bearer.to_owned() });
        let headers = payload.iter_mut().find(|(key, _)| below_headers && key.eq_ignore_ascii_case(HEADERS));
        match headers {
            Some((_, Value::Object(headers))) => headers.insert(key, value),
            Some(_) | None => payload.insert(key, value),
        };
        payload
    }
}

/// Takes out what is a credential, or passes for the gateway's word.
fn take(map: &mut Map<String, Value>, below_headers: bool, found: &mut Vec<(Place, String)>) {
    map.retain(|key, value| {
        let kind = Kind::of(key);
        if let Kind::Token { may_be_bare } = kind
            && let Some((token, is_bearer)) = value.as_str().and_then(|text| token_in(text, may_be_bare))
        {
            found.push((Place { below_headers, key: key.clone(), is_bearer }, token.to_owned()));
        }
        // Headers of headers are none.
        let is_nested = below_headers && folded(key) == HEADERS;
        kind == Kind::Other && !is_nested
    });
}

/// Takes the same out of what is not looked at, however deep in there. JSON as it was read is no deeper than can be gone down.
fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| Kind::of(key) == Kind::Other);
            map.values_mut().for_each(strip);
        }
        Value::Array(list) => list.iter_mut().for_each(strip),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What a key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Who calls; with the word `Bearer`, or also without.
    Token { may_be_bare: bool },
    /// A credential that says here nothing of who calls, or a header that is the gateway's to set.
    Withheld,
    /// Anything else.
    Other,
}

impl Kind {
    fn of(key: &str) -> Self {
        let folded = folded(key);
        match folded.as_str() {
            "authorization" => Self::Token { may_be_bare: false },
            name if TOKENS.contains(&name) => Self::Token { may_be_bare: true },
            name if OTHERS.contains(&name) || is_managed(&key.to_ascii_lowercase()) => Self::Withheld,
            _ => Self::Other,
        }
    }
}

fn folded(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// The token, and whether the word `Bearer` stood before it.
fn token_in(text: &str, may_be_bare: bool) -> Option<(&str, bool)> {
    let text = text.trim();
    match text.split_once(char::is_whitespace) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Some((token.trim(), true)),
        Some(_) => None,
        None => (may_be_bare && !text.is_empty()).then_some((text, false)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Init, Unfit};

    fn read(payload: Value) -> Result<Init, Unfit> {
        let Value::Object(payload) = payload else { panic!("{payload}") };
        Init::read(payload)
    }

    /// The token that is found, and what the backend gets in its place.
    fn seen(payload: Value) -> (Option<String>, Value) {
        let init = read(payload).unwrap();
        let token = init.token.as_ref().map(|token| token.expose().to_owned());
        (token, Value::Object(init.for_backend(Some("ours"))))
    }

    #[test]
    fn a_token_is_found_where_clients_put_it_and_ours_takes_its_place() {
        for (payload, backends) in [
            (json!({ "Authorization": "Bearer x" }), json!({ "Authorization": "Bearer ours" })),
            (json!({ "authorization": "bearer  x " }), json!({ "authorization": "Bearer ours" })),
            (json!({ "a": 1, "authToken": "x" }), json!({ "a": 1, "authToken": "ours" })),
            (json!({ "token": "Bearer x" }), json!({ "token": "Bearer ours" })),
            (json!({ "jwt": "x", "access_token": "x" }), json!({ "jwt": "ours" })),
            (json!({ "X-Auth-Token": "x" }), json!({ "X-Auth-Token": "ours" })),
            (
                json!({ "headers": { "Authorization": "Bearer x", "Accept": "a" } }),
                json!({ "headers": { "Accept": "a", "Authorization": "Bearer ours" } }),
            ),
        ] {
            assert_eq!(seen(payload.clone()), (Some("x".to_owned()), backends), "{payload}");
        }
    }

    #[test]
    fn without_a_token_ours_is_the_authorization() {
        for payload in [
            json!({}),
            json!({ "Authorization": "Basic x" }),
            json!({ "Authorization": "x" }),
            json!({ "token": null }),
            json!({ "jwt": 5, "AUTH-TOKEN": "" }),
        ] {
            assert_eq!(seen(payload.clone()), (None, json!({ "Authorization": "Bearer ours" })), "{payload}");
        }
    }

    #[test]
    fn nothing_passes_for_the_gateways_word() {
        let spoofs = json!({ "X-Auth-User-Id": "1", "x_auth_roles": "admin", "Cookie": "sessionid=x", "tenant": "a" });
        let payload = json!({ "X-Forwarded-For": "6.6.6.6", "cookie": "x", "Headers": spoofs, "tenant": "b" });
        let init = read(payload).unwrap();
        let rest = json!({ "Headers": { "tenant": "a" }, "tenant": "b" });
        assert_eq!(Value::Object(init.for_backend(None)), rest);
    }

    #[test]
    fn two_tokens_are_one_too_many() {
        for payload in [
            json!({ "Authorization": "Bearer x", "token": "y" }),
            json!({ "token": "x", "headers": { "authorization": "Bearer y" } }),
        ] {
            assert_eq!(read(payload.clone()).unwrap_err(), Unfit::SeveralCredentials, "{payload}");
        }
    }

    #[test]
    fn other_credentials_stay_here() {
        let others = json!({
            "refreshToken": "x", "REFRESH_TOKEN": "x", "id-token": "x", "SessionId": "x", "Cookies": { "a": "x" }, "a": 1,
        });
        let mut payload = others.clone();
        payload["Headers"] = others;
        payload["Headers"]["headers"] = json!({ "Authorization": "Bearer x" });
        let rest = json!({ "a": 1, "Headers": { "a": 1 } });
        assert_eq!(Value::Object(read(payload).unwrap().for_backend(None)), rest);
    }

    #[test]
    fn what_is_deeper_counts_for_nothing_and_stays_here() {
        let deep = json!({
            "auth": { "token": "x", "a": 1, "more": [{ "X-Auth-User-Id": "1", "Access_Token": "x", "b": [2] }, "token"] },
            "headers": { "extra": { "Authorization": "Bearer x", "cookie": "x", "c": { "refresh-token": "x" } } },
        });
        let rest = json!({
            "auth": { "a": 1, "more": [{ "b": [2] }, "token"] },
            "headers": { "extra": { "c": {} } },
            "Authorization": "Bearer ours",
        });
        assert_eq!(seen(deep), (None, rest));
    }

    #[test]
    fn headers_are_an_object_or_nothing() {
        for headers in [json!([["Authorization", "Bearer x"]]), json!("Authorization: Bearer x"), json!(1)] {
            assert_eq!(read(json!({ "headers": headers })).unwrap_err(), Unfit::Headers, "{headers}");
        }
        let init = read(json!({ "headers": null })).unwrap();
        assert_eq!(Value::Object(init.for_backend(None)), json!({ "headers": null }));
    }

    #[test]
    fn a_log_shows_nothing_of_it() {
        let shown = format!("{:?}", read(json!({ "token": "secret", "auth": { "token": "secret" } })).unwrap());
        assert_eq!(shown, "Init([redacted])");
    }
}
