//! The backend, as this room knows it: whatever takes an [`Errand`] and gives back what was [`Said`].
//!
//! An errand is a request of the gateway's own making, on behalf of one client's request. Which transport carries it,
//! and as whom it is believed, is the transport's affair.

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, value::RawValue};
use tower::{Service, ServiceExt as _};

use super::{Request, envelope};
use crate::model::PlainToken;

/// A request of the gateway's own making.
#[derive(Debug)]
pub struct Errand {
    /// What is asked.
    pub request: Request,
    /// As whom.
    pub whom: Whom,
}

impl Errand {
    /// Has it carried.
    pub(super) async fn send<B: Backend>(self, backend: &mut B) -> Result<Said, B::Error> {
        backend.ready().await?.call(self).await
    }
}

/// As whom an errand goes to the backend.
#[derive(Clone, Debug)]
pub enum Whom {
    /// As whoever sent the request that it is run for: with a login beside it in the document, still as that caller.
    Arrived,
    /// As the user whom this access token was just granted to.
    Granted(PlainToken),
    /// As nobody, whoever sent the request: what comes of it is no session of the caller's.
    Nobody,
}

/// What carries errands. Its error is an answer of its own for the client, when there is none of the backend's that is
/// GraphQL's.
pub trait Backend: Service<Errand, Response = Said> {}

impl<S: Service<Errand, Response = Said>> Backend for S {}

/// A GraphQL answer (October 2021 §7.1), values under root keys to the letter.
#[derive(Debug)]
pub struct Said {
    pub(super) data: Data,
    pub(super) errors: Vec<Map<String, Value>>,
    pub(super) extensions: Map<String, Value>,
}

/// `data` of an answer.
#[derive(Debug, Default)]
pub(super) enum Data {
    /// There is none: nothing was executed.
    #[default]
    Absent,
    /// Something that may not be null came to nothing.
    Null,
    Fields(IndexMap<String, Box<RawValue>>),
}

impl Said {
    /// Reads the body of an answer, or of a batch of one; `None` when it is not GraphQL's.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Body {
            #[serde(default)]
            data: Data,
            errors: Option<Vec<Map<String, Value>>>,
            extensions: Option<Map<String, Value>>,
        }
        let Body { data, errors, extensions } = if envelope::is_batch(body) {
            let [only] = serde_json::from_slice(body).ok()?;
            only
        } else {
            serde_json::from_slice(body).ok()?
        };
        let errors = errors.unwrap_or_default();
        let is_empty = !matches!(data, Data::Fields(_)) && errors.is_empty();
        (!is_empty).then(|| Self { data, errors, extensions: extensions.unwrap_or_default() })
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Option::<IndexMap<String, Box<RawValue>>>::deserialize(deserializer)?;
        Ok(fields.map_or(Self::Null, Self::Fields))
    }
}

#[cfg(test)]
mod tests {
    use super::Said;

    #[test]
    fn one_answer_is_read_alone_or_in_a_batch_of_one() {
        for one in [r#"{"data":{"a":1}}"#, r#" [{"data":{"a":1}}]"#, r#"{"errors":[{"message":"no"}]}"#] {
            assert!(Said::read(one.as_bytes()).is_some(), "{one}");
        }
        let others = ["", "[]", "{}", r#"{"data":null}"#, r#"{"data":{"a":1}}x"#];
        for other in others.into_iter().chain([r#"[{"data":{"a":1}},{"data":{"a":2}}]"#]) {
            assert!(Said::read(other.as_bytes()).is_none(), "whose answer is it? {other}");
        }
    }
}
