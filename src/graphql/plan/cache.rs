//! Decisions kept by document, so that a client that logs in by the same text again and again has it read once.
//!
//! The rule: what is kept is found by the digest of everything that the decision rests on, and holds names and flags,
//! never the text. Documents whose literals could be secrets are not kept at all ([`literals`](super::literals)), nor
//! are refusals: their messages repeat names, and where a quotation mark is missing, a password reads as one.
//!
//! The cache belongs to a [`Planner`](super::Planner), and so to one schema and one configuration, whose changes it
//! doesn't outlive. All cores share it. It is bounded in bytes; a rush of documents that are seen once does not drive
//! out those that are seen again (CLOCK-Pro).
//!
//! Caveat: how fast an answer comes tells whether a document was seen before, as with every cache. What it holds is no
//! secret.

use std::fmt;

use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter, sync};
use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};

use super::{super::envelope::Request, Carries, Lasting, weight};

/// Parts with a lock each. A hit takes one for reading only, so a few are enough; the fewer, the larger an entry may be.
const SHARDS: usize = 4;

/// What an entry takes beside its plan: its slot, the key in it, its place in the index, and its share of the slots that
/// are not in use and of those that remember who was here.
const ENTRY: usize = 256;

/// An entry of usual size. Only an estimate of how many there will be rests on it.
const USUAL: usize = 1024;

/// What a decision rests on, as SHA-256. Nobody can make two documents of one digest, so there is nothing to compare.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; SHA256_OUTPUT_LEN]);

impl Key {
    pub(super) fn new(request: &Request, carries: Carries) -> Self {
        let name = request.operation_name.as_deref();
        let mut digest = Context::new(&SHA256);
        let queries_only = carries == Carries::Queries;
        digest.update(&[u8::from(queries_only), u8::from(name.is_some())]);
        // The length keeps a name from running into the document.
        let name = name.unwrap_or_default();
        digest.update(&u64::try_from(name.len()).unwrap_or(u64::MAX).to_le_bytes());
        digest.update(name.as_bytes());
        digest.update(request.document.as_bytes());
        let mut key = [0; SHA256_OUTPUT_LEN];
        key.copy_from_slice(digest.finish().as_ref());
        Self(key)
    }
}

/// Decisions by document.
pub(super) struct Cache(sync::Cache<Key, Kept, Bytes>);

#[derive(Clone)]
struct Kept {
    decision: Lasting,
    bytes: u64,
}

/// Weighs an entry by the memory that it takes.
#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Kept> for Bytes {
    fn weight(&self, _: &Key, kept: &Kept) -> u64 {
        kept.bytes
    }
}

impl Cache {
    /// A cache of at most so many bytes; `None` for none.
    pub(super) fn new(bytes: usize) -> Option<Self> {
        let options = OptionsBuilder::new()
            .shards(SHARDS)
            .weight_capacity(u64::try_from(bytes / SHARDS * SHARDS).ok().filter(|bytes| *bytes > 0)?)
            .estimated_items_capacity(bytes / USUAL)
            .build()
            .ok()?;
        Some(Self(sync::Cache::with_options(
            options,
            Bytes,
            DefaultHashBuilder::default(),
            sync::DefaultLifecycle::default(),
        )))
    }

    pub(super) fn get(&self, key: &Key) -> Option<Lasting> {
        self.0.get(key).map(|kept| kept.decision)
    }

    /// Keeps a decision, if there is room for one so large.
    pub(super) fn insert(&self, key: Key, decision: &Lasting) {
        let bytes = u64::try_from(ENTRY + weight::of(decision)).unwrap_or(u64::MAX);
        self.0.insert(key, Kept { decision: decision.clone(), bytes });
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("entries", &self.0.len()).field("bytes", &self.0.weight()).finish()
    }
}

#[cfg(test)]
mod tests;
