//! Second factors in the backend's own tables: what was enrolled there counts here, and the other way round.
//!
//! An authenticator that waits for its first code is one that is not active, of type `totp`, and was never used, as Rail
//! Django itself has it; one that was switched off after a use is none. What belongs together is written in one transaction
//! that holds the user's row, so that two setups, or two first codes, come one after the other.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use async_trait::async_trait;

use super::{
    DjangoDirectory, Tables,
    database::{Connection, Transaction},
    error::Failure,
    factor_queries::CodeQueries,
    instant, rows,
};
use crate::{
    directory::{DirectoryError, Factors},
    model::{
        Activate, Activation, DeviceId, Factor, HashedCode, KeptCode, NewFactor, NewTrust, PendingFactor, Timestamp,
        TrustedDevice, UserId,
    },
};

/// Characters that the columns of names hold.
const NAME: usize = 100;

/// One call: a connection, what is known of the tables, and the user's key as a column has it.
struct Call {
    connection: Connection,
    tables: Arc<Tables>,
    key: String,
}

impl DjangoDirectory {
    /// `None` for a user whom no row can be of.
    async fn call_for(&self, user: &UserId) -> Result<Option<Call>, Failure> {
        let (connection, tables) = self.open().await?;
        let key = tables.schema.key.to_column(user, self.database.dialect());
        Ok(key.map(|key| Call { connection, tables, key }))
    }
}

impl DjangoDirectory {
    /// Every user who has a factor that is active; of a backend without a place for factors nobody.
    ///
    /// # Errors
    /// When the database can't tell.
    pub async fn enrolled(&self) -> Result<Vec<UserId>, DirectoryError> {
        self.read(|| async {
            let (mut connection, tables) = self.open().await?;
            let Some(queries) = &tables.queries.factors else { return Ok(Vec::new()) };
            let rows = connection.rows(&queries.enrolled, &[]).await?;
            rows.into_iter().map(|row| rows::read_key(row, tables.schema.key)).collect()
        })
        .await
    }
}

/// Begins a transaction that holds the user's row: of several for one user, one goes on at a time. `None` for a user who is
/// gone.
async fn hold<'c>(
    connection: &'c mut Connection,
    tables: &Tables,
    key: &str,
) -> Result<Option<Transaction<'c>>, Failure> {
    let mut step = connection.begin().await?;
    let held = step.rows(&tables.queries.hold, &[key]).await?;
    Ok((!held.is_empty()).then_some(step))
}

fn column(at: Timestamp) -> Result<String, Failure> {
    instant::to_column(at).ok_or(Failure::Instant)
}

/// What a column of names takes: PostgreSQL's texts hold no NUL.
fn cut(name: &str) -> String {
    name.chars().filter(|&character| character != '\0').take(NAME).collect()
}

/// The text to bind for this id. One with a NUL, which no column has, becomes the empty one, which no column has either.
fn text_of(id: &DeviceId) -> &str {
    if id.as_str().contains('\0') { "" } else { id.as_str() }
}

async fn give(
    step: &mut Transaction<'_>,
    queries: &CodeQueries,
    (key, device): (&str, &str),
    codes: &[HashedCode],
    now: &str,
) -> Result<(), Failure> {
    step.execute(&queries.drop_of, &[key, device]).await?;
    for code in codes {
        step.execute(&queries.insert, &[key, device, code.as_str(), now]).await?;
    }
    Ok(())
}

#[async_trait]
impl Factors for DjangoDirectory {
    async fn can_enrol(&self) -> Result<bool, DirectoryError> {
        self.read(|| async {
            let (_, tables) = self.open().await?;
            Ok(tables.queries.factors.as_ref().is_some_and(|queries| queries.codes.is_some()))
        })
        .await
    }

    async fn active(&self, user: &UserId) -> Result<Vec<Factor>, DirectoryError> {
        self.read(|| async {
            let Some(mut call) = self.call_for(user).await? else { return Ok(Vec::new()) };
            let Some(queries) = &call.tables.queries.factors else { return Ok(Vec::new()) };
            let rows = call.connection.rows(&queries.active, &[&call.key]).await?;
            rows.into_iter().map(rows::read_factor).collect()
        })
        .await
    }

    async fn pending(&self, user: &UserId) -> Result<Option<PendingFactor>, DirectoryError> {
        self.read(|| async {
            let Some(mut call) = self.call_for(user).await? else { return Ok(None) };
            let Some(queries) = &call.tables.queries.factors else { return Ok(None) };
            let rows = call.connection.rows(&queries.pending, &[&call.key]).await?;
            rows.into_iter().next().map(rows::read_pending).transpose()
        })
        .await
    }

    async fn set_up(&self, user: &UserId, factor: NewFactor) -> Result<DeviceId, DirectoryError> {
        self.within(async {
            let mut call = self.call_for(user).await?.ok_or(Failure::NoUser)?;
            let Call { connection, tables, key } = &mut call;
            let queries = tables.queries.factors.as_ref().ok_or(Failure::NoTable)?;
            let codes = queries.codes.as_ref().ok_or(Failure::NoTable)?;
            let (created, name, secret) = (column(factor.created)?, cut(&factor.name), factor.secret.expose());
            let mut step = hold(connection, tables, key).await?.ok_or(Failure::NoUser)?;
            step.execute(&codes.drop_of_pending, &[key]).await?;
            step.execute(&queries.drop_pending, &[key]).await?;
            step.execute(&queries.insert, &[key, &name, secret, &created]).await?;
            let id = rows::read_id(step.rows(&queries.added, &[key, secret]).await?)?;
            step.commit().await?;
            Ok(id)
        })
        .await
    }

    async fn activate(&self, user: &UserId, activate: Activate) -> Result<Activation, DirectoryError> {
        self.within(async {
            let Some(mut call) = self.call_for(user).await? else { return Ok(Activation::NotPending) };
            let Call { connection, tables, key } = &mut call;
            let Some(queries) = &tables.queries.factors else { return Ok(Activation::NotPending) };
            let (device, at) = (text_of(&activate.device), column(activate.step)?);
            let Some(mut step) = hold(connection, tables, key).await? else { return Ok(Activation::NotPending) };
            if activate.only_first && !step.rows(&queries.active, &[key]).await?.is_empty() {
                return Ok(Activation::Exists);
            }
            let is_primary = step.rows(&queries.primary, &[key]).await?.is_empty();
            let primary = if is_primary { "1" } else { "0" };
            if step.execute(&queries.activate, &[key, device, &at, primary]).await? == 0 {
                return Ok(Activation::NotPending);
            }
            if let Some(codes) = &activate.codes {
                give(&mut step, queries.codes.as_ref().ok_or(Failure::NoTable)?, (key, device), codes, &at).await?;
            }
            if let Some(codes) = &queries.codes {
                step.execute(&codes.drop_of_others, &[key, device]).await?;
            }
            step.commit().await?;
            Ok(Activation::Active)
        })
        .await
    }

    async fn accept_step(&self, user: &UserId, device: &DeviceId, at: Timestamp) -> Result<bool, DirectoryError> {
        self.within(async {
            let at = column(at)?;
            let Some(mut call) = self.call_for(user).await? else { return Ok(false) };
            let Some(queries) = &call.tables.queries.factors else { return Ok(false) };
            let noted = call.connection.execute(&queries.accept_step, &[&call.key, text_of(device), &at]).await?;
            Ok(noted == 1)
        })
        .await
    }

    async fn codes(&self, user: &UserId) -> Result<Vec<KeptCode>, DirectoryError> {
        self.read(|| async {
            let Some(mut call) = self.call_for(user).await? else { return Ok(Vec::new()) };
            let Some(query) = codes_of(&call.tables).map(|codes| &codes.unused) else { return Ok(Vec::new()) };
            let rows = call.connection.rows(query, &[&call.key]).await?;
            rows.into_iter().map(rows::read_code).collect()
        })
        .await
    }

    async fn use_code(&self, user: &UserId, code: &DeviceId) -> Result<bool, DirectoryError> {
        self.within(async {
            let Some(mut call) = self.call_for(user).await? else { return Ok(false) };
            let Some(query) = codes_of(&call.tables).map(|codes| &codes.spend) else { return Ok(false) };
            Ok(call.connection.execute(query, &[&call.key, text_of(code)]).await? == 1)
        })
        .await
    }

    async fn hash_codes(&self, user: &UserId, codes: Vec<(KeptCode, HashedCode)>) -> Result<(), DirectoryError> {
        self.within(async {
            let Some(mut call) = self.call_for(user).await? else { return Ok(()) };
            let Some(query) = codes_of(&call.tables).map(|codes| &codes.replace) else { return Ok(()) };
            for (code, hash) in &codes {
                let parameters = [&call.key, code.id.as_str(), code.kept.expose(), hash.as_str()];
                call.connection.execute(query, &parameters).await?;
            }
            Ok(())
        })
        .await
    }

    async fn give_codes(
        &self,
        user: &UserId,
        device: &DeviceId,
        codes: Vec<HashedCode>,
        given: Timestamp,
    ) -> Result<bool, DirectoryError> {
        self.within(async {
            let Some(mut call) = self.call_for(user).await? else { return Ok(false) };
            let Call { connection, tables, key } = &mut call;
            let Some(queries) = &tables.queries.factors else { return Ok(false) };
            let all = queries.codes.as_ref().ok_or(Failure::NoTable)?;
            let (device, now) = (text_of(device), column(given)?);
            let Some(mut step) = hold(connection, tables, key).await? else { return Ok(false) };
            let state = step.rows(&queries.state, &[key, device]).await?;
            let Some(is_active) = state.into_iter().next().map(rows::read_flag).transpose()? else { return Ok(false) };
            give(&mut step, all, (key, device), &codes, &now).await?;
            if is_active {
                step.execute(&all.drop_of_others, &[key, device]).await?;
            }
            step.commit().await?;
            Ok(true)
        })
        .await
    }

    async fn remove_all(&self, user: &UserId) -> Result<(), DirectoryError> {
        self.within(async {
            let Some(mut call) = self.call_for(user).await? else { return Ok(()) };
            let Call { connection, tables, key } = &mut call;
            let factors = tables.queries.factors.as_ref();
            let Some(mut step) = hold(connection, tables, key).await? else { return Ok(()) };
            let queries = [
                factors.and_then(|factors| factors.codes.as_ref()).map(|codes| &codes.drop_all),
                factors.map(|factors| &factors.drop_all),
                tables.queries.trusted.as_ref().map(|trusted| &trusted.drop_all),
            ];
            for query in queries.into_iter().flatten() {
                step.execute(query, &[key]).await?;
            }
            step.commit().await
        })
        .await
    }

    async fn trusted(&self, user: &UserId, now: Timestamp) -> Result<Vec<TrustedDevice>, DirectoryError> {
        self.read(|| async {
            let now = column(now)?;
            let Some(mut call) = self.call_for(user).await? else { return Ok(Vec::new()) };
            let Some(queries) = &call.tables.queries.trusted else { return Ok(Vec::new()) };
            let rows = call.connection.rows(&queries.ours, &[&call.key, &now]).await?;
            rows.into_iter().map(rows::read_trusted).collect()
        })
        .await
    }

    async fn trust(&self, user: &UserId, new: NewTrust, limit: u32) -> Result<Option<DeviceId>, DirectoryError> {
        self.within(async {
            let Some(mut call) = self.call_for(user).await? else { return Ok(None) };
            let Call { connection, tables, key } = &mut call;
            let Some(queries) = &tables.queries.trusted else { return Ok(None) };
            let (created, expires) = (column(new.created)?, column(new.expires)?);
            let name = cut(new.client.device_name.as_deref().unwrap_or_default());
            // The column takes no NULL.
            let address = new.client.ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_string();
            let (seal, agent) = (new.seal.expose(), new.client.user_agent.unwrap_or_default());
            let Some(others) = limit.checked_sub(1) else { return Ok(None) };
            let Some(mut step) = hold(connection, tables, key).await? else { return Ok(None) };
            step.execute(&queries.drop_run_out, &[key, &created]).await?;
            let ours = step.rows(&queries.ours, &[key, &created]).await?;
            for old in ours.into_iter().skip(usize::try_from(others).unwrap_or(usize::MAX)) {
                step.execute(&queries.drop_one, &[key, rows::read_trusted(old)?.id.as_str()]).await?;
            }
            let row = [key.as_str(), seal, &name, &address, &agent, &expires, &created];
            step.execute(&queries.insert, &row).await?;
            let id = rows::read_id(step.rows(&queries.added, &[key, seal]).await?)?;
            step.commit().await?;
            Ok(Some(id))
        })
        .await
    }

    async fn distrust(&self, user: &UserId, device: &DeviceId) -> Result<bool, DirectoryError> {
        self.within(async {
            let Some(mut call) = self.call_for(user).await? else { return Ok(false) };
            let Some(queries) = &call.tables.queries.trusted else { return Ok(false) };
            Ok(call.connection.execute(&queries.drop_one, &[&call.key, text_of(device)]).await? == 1)
        })
        .await
    }
}

fn codes_of(tables: &Tables) -> Option<&CodeQueries> {
    tables.queries.factors.as_ref()?.codes.as_ref()
}
