//! The request in whose course a log line is written.
//!
//! It hangs on the task that works at it, so what is done for it elsewhere (a hash on a thread of its own, a connection that
//! goes on) is written without.

use crate::model::RequestId;

/// The field that names it.
pub(super) const FIELD: &str = "request_id";

tokio::task_local! {
    static CURRENT: RequestId;
}

/// Does something in the course of this request.
pub fn during<T>(id: &RequestId, work: impl FnOnce() -> T) -> T {
    CURRENT.sync_scope(id.clone(), work)
}

/// The same for what takes its time.
pub async fn throughout<T>(id: RequestId, work: impl Future<Output = T>) -> T {
    CURRENT.scope(id, work).await
}

/// Tells of the request that this is done for, if there is one.
pub(super) fn with_current(tell: impl FnOnce(&RequestId)) {
    let _ = CURRENT.try_with(tell);
}
