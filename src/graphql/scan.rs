//! Tells whether a request could run a field that is owned or under a rule, under any reading.
//!
//! The rule: a request is *clean* when its raw bytes can't spell such a name, however the backend decodes them. Clean
//! requests are forwarded byte for byte and never parsed; all others are decoded strictly or refused. Where a rule means
//! every field, nothing is clean that could be a request.
//!
//! Names match without a left boundary: in raw JSON, `"mutation{\nlogin` has an `n` before `login`. On the right the
//! next byte must not continue the name, so `lastLogin` and `loginCount` are clean and `prelogin` is merely parsed.
//!
//! Caveat: the scan sees one body and one query string. That there is no content coding, no other charset and only one
//! `Content-Type` is for the transport to make sure of.

use std::{collections::BTreeSet, ops::Range};

use memchr::{memchr, memchr_iter, memmem};

use self::words::Words;
use super::{Encoding, rules::FieldRules, schema::Schema};

mod words;

/// Root fields that every backend has. What they show of a backend must match what the gateway owns.
const INTROSPECTION: [&str; 2] = ["__schema", "__type"];

/// The part of `extensions` that names a document by its hash.
const PERSISTED_QUERY: &str = "persistedQuery";

/// Keys of an envelope that some server reads as "run the stored document of this name".
pub(super) const DOCUMENT_IDS: [&str; 9] =
    ["id", "documentId", "document_id", "docId", "doc_id", "queryId", "query_id", "queryHash", "operationId"];

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Finds owned names in raw bytes. Built once.
#[derive(Debug)]
pub struct Scanner {
    /// Names that may not occur.
    names: Words,
    byte_order_mark: memmem::Finder<'static>,
    /// Any field may be under a rule.
    is_wary: bool,
}

/// What the one pass over a text found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    /// The quoted text of a document id, somewhere.
    DocumentId,
    OwnedName,
}

impl Scanner {
    /// For the root fields of this schema.
    #[must_use]
    pub fn new(schema: &Schema) -> Self {
        Self::of(schema.owned_names(), false)
    }

    /// For those, and the fields that are under these rules.
    #[must_use]
    pub fn with_rules(schema: &Schema, rules: &FieldRules) -> Self {
        Self::of(schema.owned_names().chain(rules.names()), rules.mean_every_field())
    }

    fn of<'n>(names: impl Iterator<Item = &'n str>, is_wary: bool) -> Self {
        let names: BTreeSet<&str> = names.chain(INTROSPECTION).chain([PERSISTED_QUERY]).collect();
        Self { names: Words::new(names.into_iter()), byte_order_mark: memmem::Finder::new(BYTE_ORDER_MARK), is_wary }
    }

    /// Whether no reading of this request runs such a field. The query string comes without `?`.
    #[must_use]
    pub fn is_clean(&self, encoding: Option<Encoding>, query_string: &[u8], body: &[u8]) -> bool {
        // A page for people asks nothing.
        if self.is_wary && !(body.is_empty() && query_string.is_empty()) {
            return false;
        }
        let body_is_clean = match encoding {
            // Bytes that nobody has said how to read.
            None => body.is_empty(),
            Some(Encoding::Json) => self.is_clean_json(body),
            Some(Encoding::Graphql) => self.is_clean_text(body),
            Some(Encoding::Form) => self.is_clean_form(body),
        };
        body_is_clean && self.is_clean_form(query_string)
    }

    fn is_clean_json(&self, text: &[u8]) -> bool {
        let is_clean = match self.find(text) {
            Found::Nothing => true,
            // `id` is a common variable; only as a key of the envelope could it name a document.
            Found::DocumentId => !has_outer_key(text, is_document_id),
            Found::OwnedName => false,
        };
        is_clean && self.is_plain_text(text)
    }

    fn is_clean_text(&self, text: &[u8]) -> bool {
        self.find(text) != Found::OwnedName && self.is_plain_text(text)
    }

    fn is_clean_form(&self, text: &[u8]) -> bool {
        text.is_empty() || (is_plain_form(text) && self.is_clean_text(text))
    }

    /// The one pass over all bytes of a text.
    fn find(&self, text: &[u8]) -> Found {
        let mut found = Found::Nothing;
        for Range { start, end } in words::runs(text) {
            let run = &text[start..end];
            if self.names.end(run) {
                return Found::OwnedName;
            }
            let is_quoted = text.get(end) == Some(&b'"') && text[..start].ends_with(b"\"");
            if is_quoted && is_document_id(run) {
                found = Found::DocumentId;
            }
        }
        found
    }

    /// UTF-8 that no decoder reads as something else.
    fn is_plain_text(&self, text: &[u8]) -> bool {
        has_plain_escapes(text)
            && memchr(0, text).is_none()
            && self.byte_order_mark.find(text).is_none()
            && std::str::from_utf8(text).is_ok()
    }
}

fn is_document_id(key: &[u8]) -> bool {
    DOCUMENT_IDS.iter().any(|id| id.as_bytes() == key)
}

/// Escapes that JSON and GraphQL read alike and that spell no letter (`\u006cogin` does).
fn has_plain_escapes(text: &[u8]) -> bool {
    let mut after_pair = 0;
    memchr_iter(b'\\', text).all(|at| {
        if at < after_pair {
            return true;
        }
        after_pair = at + 2;
        matches!(text.get(at + 1), Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't'))
    })
}

/// A form or query string without percent-encoding and without a key that could name a stored document.
fn is_plain_form(text: &[u8]) -> bool {
    memchr(b'%', text).is_none()
        && text
            // Older decoders separate pairs by `;`, too.
            .split(|byte| matches!(byte, b'&' | b';'))
            .map(|pair| pair.split(|byte| *byte == b'=').next().unwrap_or(pair).trim_ascii())
            .all(|key| DOCUMENT_IDS.iter().all(|id| id.as_bytes() != key))
}

/// Whether one of the envelope's own keys is meant; also for each envelope in a list, and for text that is cut short.
fn has_outer_key(body: &[u8], is_meant: impl Fn(&[u8]) -> bool) -> bool {
    let is_list = body.trim_ascii_start().first() == Some(&b'[');
    let (outermost, mut depth, mut at) = (1 + usize::from(is_list), 0_usize, 0);
    while let Some(&byte) = body.get(at) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let Some(end) = string_end(body, at) else { return true };
                if depth <= outermost && is_meant(&body[at + 1..end]) {
                    return true;
                }
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    false
}

/// Where the closing quote of the string that begins at `start` is.
fn string_end(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests;
