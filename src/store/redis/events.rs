//! A stream in Redis that events are appended to, for others to read.
//!
//! It keeps about so many of the newest (`MAXLEN ~`, which lets Redis drop whole nodes of the stream): a reader that wants all
//! has to keep up. The stream has no time to live. Each entry has one field, `event`. Appending twice, after a lost reply,
//! leaves two entries of the same event.

use std::{fmt, time::Duration};

use super::{
    link::{Link, Tls},
    step::Step,
};
use crate::{model::Secret, store::StoreError};

/// Appends to one stream, on a connection of its own.
pub struct EventStream {
    link: Link,
    key: String,
    most: u64,
}

impl EventStream {
    /// The stream `key` at this URL, of about `most` events. Connects at the first of them; one takes `timeout` at most.
    ///
    /// # Errors
    /// When the URL can't be read, or `tls` is not given where it asks for TLS, or is where it doesn't.
    pub fn new(url: &Secret, tls: Option<Tls>, key: &str, most: u64, timeout: Duration) -> Result<Self, StoreError> {
        let link = Link::new(url, tls, timeout)?;
        Ok(Self { link, key: key.to_owned(), most })
    }

    /// Appends an event.
    ///
    /// # Errors
    /// When Redis can't be reached in time, or doesn't take it. It may be there all the same.
    pub async fn append(&self, event: &str) -> Result<(), StoreError> {
        let mut step = Step::command("XADD");
        step.key(self.key.clone()).arg("MAXLEN").arg("~").arg(self.most).arg("*").arg("event").arg(event);
        self.link.run::<String>(&step).await.map(|_id| ())
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("key", &self.key).finish_non_exhaustive()
    }
}
