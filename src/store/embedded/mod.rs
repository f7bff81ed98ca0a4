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

use std::{fmt, num::NonZeroU32, path::Path, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use sqlx::{Connection as _, Sqlite, SqliteConnection, Transaction};
use tokio::time::{error::Elapsed, timeout};

use self::{
    connection::{Seat, Turn},
    record::{Record, Use},
};
use super::{
    Adopt, Adopted, Feed, NewSession, Rotate, Rotation, SessionKey, SessionStore, StoreError, StoreErrorKind, Touch,
    feed::Silence,
};
use crate::model::{Clock, Meter, Session, SessionId, Timestamp, UserId};

mod challenge;
mod connection;
mod failure;
mod file;
mod record;
mod spent;
mod throttle;
mod vault;

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
    meter: Arc<Meter>,
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
        let (writer, reader) = (Seat::new(path.into(), writer), Seat::new(path.into(), reader));
        Ok(Self { writer, reader, clock, meter: Arc::default() })
    }

    /// How long what it is asked takes.
    #[must_use]
    pub fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    /// Does `work` in one transaction, at the instant at which its turn has come: there this step takes its place in the
    /// order. One that is cut off is undone, unless its commit was already on the way.
    async fn write<T: Send>(
        &self,
        work: impl for<'c> FnOnce(&'c mut SqliteConnection, Timestamp) -> Work<'c, T> + Send,
    ) -> Result<T, StoreError> {
        self.meter
            .time(limited(async {
                let mut turn = self.writer.turn().await?;
                let now = self.clock.now();
                let mut step = begin(&mut turn).await?;
                let outcome = work(&mut step, now).await.map_err(failure::translate)?;
                step.commit().await.map_err(failure::translate)?;
                turn.done();
                Ok(outcome)
            }))
            .await
    }

    /// Does `work` that changes nothing, and so need not wait for the disk.
    async fn read<T: Send>(
        &self,
        work: impl for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send,
    ) -> Result<T, StoreError> {
        self.meter
            .time(limited(async {
                let mut turn = self.reader.turn().await?;
                let outcome = work(&mut turn.connection).await.map_err(failure::translate)?;
                turn.done();
                Ok(outcome)
            }))
            .await
    }
}

/// What a step does with the connection.
type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, sqlx::Error>> + Send + 'c>>;

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
    let (key, limit) = (new.key(), new.limit);
    record::sweep(step, now, SWEEP).await?;
    match record::load(step, key).await? {
        // The same refresh token: the same call again, after an outcome that its caller did not learn.
        Some(there) => Ok((there.current == new.refresh).then(Vec::new)),
        None => insert(step, key, &Record::begin(new, now), limit, now).await.map(Some),
    }
}

/// Adds the session of a credential that is not spent, and spends it.
async fn take_over(step: &mut SqliteConnection, adopt: Adopt, now: Timestamp) -> Result<Adopted, sqlx::Error> {
    let (key, limit, until) = (adopt.new.key(), adopt.new.limit, now.after(adopt.remember));
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

/// Writes down a use of a session. The session afterwards; `None` where there is none to use by that token.
async fn use_by(step: &mut SqliteConnection, touch: &Touch, now: Timestamp) -> Result<Option<Session>, sqlx::Error> {
    let record = record::load(step, touch.key).await?;
    let touched = record.and_then(|record| record.touched(touch, now));
    if let Some(record) = &touched {
        record::save(step, touch.key, record).await?;
    }
    Ok(touched.map(|record| record.session))
}

/// Gives a step its time.
async fn limited<T>(step: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    timeout(CALL_LIMIT, step)
        .await
        .unwrap_or_else(|cut_off: Elapsed| Err(StoreError::new(StoreErrorKind::Unavailable, cut_off)))
}

#[async_trait]
impl SessionStore for EmbeddedStore {
    async fn create(&self, new: NewSession) -> Result<Vec<SessionId>, StoreError> {
        let created = self.write(|step, now| Box::pin(add(step, new, now))).await?;
        created.ok_or_else(|| StoreError::new(StoreErrorKind::Conflict, "the session id is taken"))
    }

    async fn rotate(&self, rotate: Rotate) -> Result<Rotation, StoreError> {
        self.write(|step, now| Box::pin(async move { exchange(step, &rotate, now).await })).await
    }

    async fn touch(&self, touch: Touch) -> Result<Option<Session>, StoreError> {
        self.write(|step, now| Box::pin(async move { use_by(step, &touch, now).await })).await
    }

    async fn find(&self, key: SessionKey) -> Result<Option<Session>, StoreError> {
        let record = self.read(|connection| Box::pin(record::load(connection, key))).await?;
        let now = self.clock.now();
        Ok(record.filter(|record| !record.has_run_out(now)).map(|record| record.session))
    }

    async fn end(&self, key: SessionKey) -> Result<bool, StoreError> {
        self.write(|step, now| Box::pin(record::delete(step, key, now))).await
    }

    async fn list(&self, user: &UserId) -> Result<Vec<Session>, StoreError> {
        let user = user.clone();
        let records =
            self.read(|connection| Box::pin(async move { record::load_all(connection, &user).await })).await?;
        let now = self.clock.now();
        Ok(records.into_iter().filter(|record| !record.has_run_out(now)).map(|record| record.session).collect())
    }

    async fn end_all(&self, user: &UserId) -> Result<Vec<SessionId>, StoreError> {
        let user = user.clone();
        self.write(|step, _| Box::pin(async move { record::delete_all(step, &user).await })).await
    }

    async fn step_up(&self, key: SessionKey) -> Result<bool, StoreError> {
        self.write(|step, now| Box::pin(record::step_up(step, key, now))).await
    }

    fn feed(&self) -> Box<dyn Feed> {
        Box::new(Silence::default())
    }

    async fn adopt(&self, adopt: Adopt) -> Result<Adopted, StoreError> {
        self.write(|step, now| Box::pin(take_over(step, adopt, now))).await
    }

    async fn spend(&self, credential: SessionKey, remember: Duration) -> Result<(), StoreError> {
        self.write(|step, now| Box::pin(spent::note(step, credential, now.after(remember), now))).await
    }

    async fn is_spent(&self, credential: SessionKey) -> Result<bool, StoreError> {
        self.read(|connection| Box::pin(spent::is_noted(connection, credential, self.clock.now()))).await
    }
}

impl fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedStore").finish_non_exhaustive()
    }
}
