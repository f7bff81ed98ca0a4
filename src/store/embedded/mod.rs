//! Sessions in a file of this machine: one SQLite database, for one gateway process.
//!
//! What a call acknowledged is on the disk (WAL with `synchronous = FULL`): it survives `kill -9` and a power cut.
//! Each step that writes is one `BEGIN IMMEDIATE` transaction on the one writing connection; reads have a connection
//! of their own and do not wait for the disk.
//!
//! ```no_run
//! # use std::{path::Path, sync::Arc};
//! # use railgate::{model::SystemClock, store::{StoreError, embedded::EmbeddedStore}};
//! # async fn open() -> Result<(), StoreError> {
//! let store = EmbeddedStore::open(Path::new("/var/lib/railgate/sessions.db"), Arc::new(SystemClock)).await?;
//! # Ok(()) }
//! ```
//!
//! Deployment: keep the file on a local disk. WAL does not work over NFS, and two machines can't share it; for more
//! than one replica use [`redis`](super::redis). It may be backed up while it runs, by `sqlite3 FILE '.backup COPY'`;
//! a plain copy would miss the `-wal` file beside it.

use std::{fmt, num::NonZeroU32, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use sqlx::{Connection as _, Sqlite, SqliteConnection, Transaction};
use tokio::time::{error::Elapsed, timeout};

use self::{
    connection::{Seat, Turn},
    record::{Record, Use},
};
use super::{
    Adopt, Adopted, Feed, NewSession, Rotate, Rotation, SessionKey, SessionStore, StoreError, StoreErrorKind, Touch,
    UserTag, feed::Silence,
};
use crate::model::{Clock, Session, SessionId, Timestamp, UserId};

mod challenge;
mod connection;
mod failure;
mod file;
mod record;
mod spent;

/// One call's time, waiting for its turn included. Beyond it the disk is stuck, and a clear error helps more.
const CALL_LIMIT: Duration = Duration::from_secs(5);

/// How many sessions that have run out a new one clears away. More than one, so that they can't pile up; few, so that
/// no login pays for a long sweep.
const SWEEP: i64 = 32;

/// The store in a file.
pub struct EmbeddedStore {
    writer: Seat,
    reader: Seat,
    clock: Arc<dyn Clock>,
}

impl EmbeddedStore {
    /// Opens the file, or makes it: mode 0600, its folder 0700. `clock` decides when sessions run out.
    ///
    /// # Errors
    /// [`StoreErrorKind::Corrupt`] for a file of a newer release or of another program, which is left as it is;
    /// [`StoreErrorKind::Unavailable`] when it can't be opened.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        file::create(path).map_err(|cause| StoreError::new(StoreErrorKind::Unavailable, cause))?;
        let mut writer = file::connect(path).await?;
        file::prepare(&mut writer).await?;
        let reader = file::connect(path).await?;
        Ok(Self { writer: Seat::new(path.into(), writer), reader: Seat::new(path.into(), reader), clock })
    }

    async fn create_step(&self, new: NewSession) -> Result<Vec<SessionId>, StoreError> {
        let mut turn = self.writer.turn().await?;
        let now = self.clock.now();
        let mut step = begin(&mut turn).await?;
        let created = add(&mut step, new, now).await.map_err(failure::translate)?;
        step.commit().await.map_err(failure::translate)?;
        turn.done();
        created.ok_or_else(|| StoreError::new(StoreErrorKind::Conflict, "the session id is taken"))
    }

    async fn rotate_step(&self, rotate: Rotate) -> Result<Rotation, StoreError> {
        let mut turn = self.writer.turn().await?;
        // Read when its turn has come: the time at which this step takes its place in the order.
        let now = self.clock.now();
        let mut step = begin(&mut turn).await?;
        let rotation = exchange(&mut step, &rotate, now).await.map_err(failure::translate)?;
        step.commit().await.map_err(failure::translate)?;
        turn.done();
        Ok(rotation)
    }

    async fn touch_step(&self, touch: Touch) -> Result<Option<Session>, StoreError> {
        let mut turn = self.writer.turn().await?;
        let now = self.clock.now();
        let mut step = begin(&mut turn).await?;
        let record = record::load(&mut step, touch.key).await.map_err(failure::translate)?;
        let touched = record.and_then(|record| record.touched(&touch, now));
        if let Some(record) = &touched {
            record::save(&mut step, touch.key, record).await.map_err(failure::translate)?;
        }
        step.commit().await.map_err(failure::translate)?;
        turn.done();
        Ok(touched.map(|record| record.session))
    }

    async fn find_step(&self, key: SessionKey) -> Result<Option<Session>, StoreError> {
        let mut turn = self.reader.turn().await?;
        let record = record::load(&mut turn.connection, key).await.map_err(failure::translate)?;
        turn.done();
        let now = self.clock.now();
        Ok(record.filter(|record| !record.has_run_out(now)).map(|record| record.session))
    }

    async fn end_step(&self, key: SessionKey) -> Result<bool, StoreError> {
        let mut turn = self.writer.turn().await?;
        let now = self.clock.now();
        let mut step = begin(&mut turn).await?;
        let there = record::delete(&mut step, key, now).await.map_err(failure::translate)?;
        step.commit().await.map_err(failure::translate)?;
        turn.done();
        Ok(there)
    }

    async fn list_step(&self, user: &UserId) -> Result<Vec<Session>, StoreError> {
        let mut turn = self.reader.turn().await?;
        let records = record::load_all(&mut turn.connection, user).await.map_err(failure::translate)?;
        turn.done();
        let now = self.clock.now();
        Ok(records.into_iter().filter(|record| !record.has_run_out(now)).map(|record| record.session).collect())
    }

    async fn end_all_step(&self, user: &UserId) -> Result<Vec<SessionId>, StoreError> {
        let mut turn = self.writer.turn().await?;
        let mut step = begin(&mut turn).await?;
        let ended = record::delete_all(&mut step, user).await.map_err(failure::translate)?;
        step.commit().await.map_err(failure::translate)?;
        turn.done();
        Ok(ended)
    }

    async fn adopt_step(&self, adopt: Adopt) -> Result<Adopted, StoreError> {
        let mut turn = self.writer.turn().await?;
        let now = self.clock.now();
        let mut step = begin(&mut turn).await?;
        let adopted = take_over(&mut step, adopt, now).await.map_err(failure::translate)?;
        step.commit().await.map_err(failure::translate)?;
        turn.done();
        Ok(adopted)
    }

    async fn spend_step(&self, credential: SessionKey, remember: Duration) -> Result<(), StoreError> {
        let mut turn = self.writer.turn().await?;
        let now = self.clock.now();
        let mut step = begin(&mut turn).await?;
        spent::note(&mut step, credential, now.after(remember), now).await.map_err(failure::translate)?;
        step.commit().await.map_err(failure::translate)?;
        turn.done();
        Ok(())
    }

    async fn is_spent_step(&self, credential: SessionKey) -> Result<bool, StoreError> {
        let mut turn = self.reader.turn().await?;
        let is_spent = spent::is_noted(&mut turn.connection, credential, self.clock.now()).await;
        let is_spent = is_spent.map_err(failure::translate)?;
        turn.done();
        Ok(is_spent)
    }
}

/// Immediate: a deferred transaction that reads first can find at its write that another was faster, and must fail.
async fn begin<'a>(turn: &'a mut Turn<'_>) -> Result<Transaction<'a, Sqlite>, StoreError> {
    turn.connection.begin_with("BEGIN IMMEDIATE").await.map_err(failure::translate)
}

/// Adds a session and clears away old ones. Those that were ended to make room for it; `None` when its id is taken.
async fn add(
    step: &mut SqliteConnection,
    new: NewSession,
    now: Timestamp,
) -> Result<Option<Vec<SessionId>>, sqlx::Error> {
    let (key, limit) = (key_of(&new), new.limit);
    record::sweep(step, now, SWEEP).await?;
    match record::load(step, key).await? {
        // The same refresh token: the same call again, after an outcome that its caller did not learn.
        Some(there) => Ok((there.current == new.refresh).then(Vec::new)),
        None => insert(step, key, &Record::begin(new, now), limit, now).await.map(Some),
    }
}

/// Adds the session of a credential that is not spent, and spends it.
async fn take_over(step: &mut SqliteConnection, adopt: Adopt, now: Timestamp) -> Result<Adopted, sqlx::Error> {
    let (key, limit, until) = (key_of(&adopt.new), adopt.new.limit, now.after(adopt.remember));
    let is_spent = spent::is_noted(step, key, now).await?;
    spent::note(step, key, until, now).await?;
    record::sweep(step, now, SWEEP).await?;
    match record::load(step, key).await? {
        // The same call again.
        Some(there) if there.current == adopt.new.refresh => Ok(Adopted::Opened(Vec::new())),
        None if !is_spent => insert(step, key, &Record::adopt(adopt, now), limit, now).await.map(Adopted::Opened),
        Some(_) | None => Ok(Adopted::Spent),
    }
}

/// Writes the record of a session that begins. Those that were ended to make room for it.
async fn insert(
    step: &mut SqliteConnection,
    key: SessionKey,
    record: &Record,
    limit: NonZeroU32,
    now: Timestamp,
) -> Result<Vec<SessionId>, sqlx::Error> {
    let ended = record::make_room(step, &record.session.user, limit, now).await?;
    record::save(step, key, record).await?;
    Ok(ended)
}

fn key_of(new: &NewSession) -> SessionKey {
    SessionKey { tag: UserTag::of(&new.session.user), id: new.session.id }
}

async fn exchange(step: &mut SqliteConnection, rotate: &Rotate, now: Timestamp) -> Result<Rotation, sqlx::Error> {
    let Some(record) = record::load(step, rotate.key).await? else { return Ok(Rotation::Unknown) };
    Ok(match record.judge(rotate, now) {
        Use::Expired => {
            record::delete(step, rotate.key, now).await?;
            Rotation::Expired
        }
        Use::First(after) => {
            record::save(step, rotate.key, &after).await?;
            Rotation::Rotated(after.session)
        }
        Use::Again => Rotation::Rotated(record.session),
        Use::Repeat { sealed_successor } => Rotation::Repeated { session: record.session, sealed_successor },
        Use::Replay => {
            record::delete(step, rotate.key, now).await?;
            Rotation::Replayed(record.session)
        }
        Use::Stranger => Rotation::Unknown,
    })
}

/// Gives a step its time. One that is cut off is undone, unless its commit was already on the way.
async fn limited<T>(step: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    timeout(CALL_LIMIT, step)
        .await
        .unwrap_or_else(|cut_off: Elapsed| Err(StoreError::new(StoreErrorKind::Unavailable, cut_off)))
}

#[async_trait]
impl SessionStore for EmbeddedStore {
    async fn create(&self, new: NewSession) -> Result<Vec<SessionId>, StoreError> {
        limited(self.create_step(new)).await
    }

    async fn rotate(&self, step: Rotate) -> Result<Rotation, StoreError> {
        limited(self.rotate_step(step)).await
    }

    async fn touch(&self, step: Touch) -> Result<Option<Session>, StoreError> {
        limited(self.touch_step(step)).await
    }

    async fn find(&self, key: SessionKey) -> Result<Option<Session>, StoreError> {
        limited(self.find_step(key)).await
    }

    async fn end(&self, key: SessionKey) -> Result<bool, StoreError> {
        limited(self.end_step(key)).await
    }

    async fn list(&self, user: &UserId) -> Result<Vec<Session>, StoreError> {
        limited(self.list_step(user)).await
    }

    async fn end_all(&self, user: &UserId) -> Result<Vec<SessionId>, StoreError> {
        limited(self.end_all_step(user)).await
    }

    fn feed(&self) -> Box<dyn Feed> {
        Box::new(Silence::default())
    }

    async fn adopt(&self, adopt: Adopt) -> Result<Adopted, StoreError> {
        limited(self.adopt_step(adopt)).await
    }

    async fn spend(&self, credential: SessionKey, remember: Duration) -> Result<(), StoreError> {
        limited(self.spend_step(credential, remember)).await
    }

    async fn is_spent(&self, credential: SessionKey) -> Result<bool, StoreError> {
        limited(self.is_spent_step(credential)).await
    }
}

impl fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedStore").finish_non_exhaustive()
    }
}
