//! All SQL on second factors: the tables that Rail Django keeps them in.
//!
//! Ids are compared as text, since they may be of any type; the user's key, which has an index, finds the few rows. None of
//! these statements needs `RETURNING`, which MySQL doesn't have and MariaDB not for updates, nor a subquery on the table that it
//! changes, which MySQL refuses: where more than one is needed, they run in one transaction that holds the user's row.

use super::{
    dialect::{Dialect, quoted},
    key::KeyKind,
    schema::Schema,
    statement::Statement,
};

/// An authenticator that waits for its first code.
const PENDING: &str = "NOT is_active AND device_type = 'totp' AND last_used IS NULL";

/// Those on authenticators. `$1` is always the key of the user.
#[derive(Debug)]
pub(super) struct FactorQueries {
    /// The keys of all users who have one that is active; takes no key.
    pub(super) enrolled: Statement,
    /// Id, name, type, secret, when it was set up and when it was used last, of each that is active.
    pub(super) active: Statement,
    /// Id, secret and when it was set up, of those that wait for their first code; the newest first.
    pub(super) pending: Statement,
    pub(super) drop_pending: Statement,
    /// `$2` name, `$3` secret, `$4` instant.
    pub(super) insert: Statement,
    /// `$2` secret. The id of the one that was inserted.
    pub(super) added: Statement,
    /// The ids of those that are active and primary.
    pub(super) primary: Statement,
    /// `$2` id, `$3` instant, `$4` `1` for one that is to be primary.
    pub(super) activate: Statement,
    /// `$2` id, `$3` instant: only a later one than before.
    pub(super) accept_step: Statement,
    /// `$2` id of an authenticator that is active or waits for its first code. Whether it is active.
    pub(super) state: Statement,
    pub(super) drop_all: Statement,
    /// Where the backend has backup codes.
    pub(super) codes: Option<CodeQueries>,
}

/// Those on backup codes. `$1` is always the key of the user.
#[derive(Debug)]
pub(super) struct CodeQueries {
    /// Id, id of the device, and code, of each that is unused and of an active authenticator.
    pub(super) unused: Statement,
    /// `$2` id.
    pub(super) spend: Statement,
    /// `$2` id, `$3` what stands there, `$4` what is to.
    pub(super) replace: Statement,
    /// `$2` id of the device, `$3` code, `$4` instant.
    pub(super) insert: Statement,
    /// `$2` id of the device.
    pub(super) drop_of: Statement,
    /// `$2` id of the device that keeps its own.
    pub(super) drop_of_others: Statement,
    pub(super) drop_of_pending: Statement,
    pub(super) drop_all: Statement,
}

/// Those on trusted devices. `$1` is always the key of the user.
#[derive(Debug)]
pub(super) struct TrustQueries {
    /// `$2` instant. Id, fingerprint, name, when it was trusted and how long, of each that is trusted then; the newest first.
    pub(super) ours: Statement,
    /// `$2` fingerprint, `$3` name, `$4` address, `$5` user agent, `$6` and `$7` instants: how long, and when.
    pub(super) insert: Statement,
    /// `$2` fingerprint. The id of the one that was inserted.
    pub(super) added: Statement,
    /// `$2` instant: those that are trusted no more, for whatever reason.
    pub(super) drop_run_out: Statement,
    /// `$2` id of one that the backend, too, trusts still.
    pub(super) drop_one: Statement,
    pub(super) drop_all: Statement,
}

impl FactorQueries {
    pub(super) fn new(schema: &Schema, dialect: Dialect) -> Option<Self> {
        let table = quoted(schema.factors?);
        let (key, id) = (dialect.bound_key(schema.key, "$1"), dialect.text("id"));
        let (this, step) = (dialect.same(&id, "$2"), dialect.bound_instant("$3"));
        let active = format!("user_id = {key} AND is_active");
        let pending = format!("user_id = {key} AND {PENDING}");
        let set_up = dialect.instant("created_at");
        Some(Self {
            enrolled: format!("SELECT DISTINCT {} FROM {table} WHERE is_active ORDER BY 1", dialect.text("user_id"))
                .into(),
            active: format!(
                "SELECT {id}, device_name, device_type, secret_key, {set_up}, {} FROM {table} \
                 WHERE {active} ORDER BY {table}.created_at, {table}.id",
                dialect.instant("last_used")
            )
            .into(),
            pending: format!(
                "SELECT {id}, secret_key, {set_up} FROM {table} \
                 WHERE {pending} ORDER BY {table}.created_at DESC, {table}.id DESC"
            )
            .into(),
            drop_pending: format!("DELETE FROM {table} WHERE {pending}").into(),
            insert: format!(
                "INSERT INTO {table} (user_id, device_name, device_type, secret_key, phone_number, is_active, \
                 is_primary, created_at) VALUES ({key}, $2, 'totp', $3, '', FALSE, FALSE, {})",
                dialect.bound_instant("$4")
            )
            .into(),
            added: format!(
                "SELECT {id} FROM {table} WHERE {pending} AND {} ORDER BY {table}.id DESC",
                dialect.same("secret_key", "$2")
            )
            .into(),
            primary: format!("SELECT {id} FROM {table} WHERE {active} AND is_primary").into(),
            activate: format!(
                "UPDATE {table} SET is_active = TRUE, last_used = {step}, is_primary = ($4 = '1') \
                 WHERE {pending} AND {this}"
            )
            .into(),
            accept_step: format!(
                "UPDATE {table} SET last_used = {step} WHERE {active} AND {this} \
                 AND (last_used IS NULL OR last_used < {step})"
            )
            .into(),
            state: format!(
                "SELECT {} FROM {table} \
                 WHERE user_id = {key} AND {this} AND device_type = 'totp' AND (is_active OR {PENDING})",
                dialect.text("is_active")
            )
            .into(),
            drop_all: format!("DELETE FROM {table} WHERE user_id = {key}").into(),
            codes: schema.backup_codes.map(|codes| CodeQueries::new(codes, &table, schema.key, dialect)),
        })
    }
}

impl CodeQueries {
    fn new(codes: &str, devices: &str, key: KeyKind, dialect: Dialect) -> Self {
        let (codes, key, id) = (quoted(codes), dialect.bound_key(key, "$1"), dialect.text("id"));
        let this = dialect.same(&id, "$2");
        let of = |which: &str| format!("device_id IN (SELECT id FROM {devices} WHERE user_id = {key}{which})");
        let of_active = of(" AND is_active AND device_type = 'totp'");
        Self {
            unused: format!(
                "SELECT {id}, {}, code FROM {codes} WHERE NOT is_used AND {of_active} ORDER BY {codes}.id",
                dialect.text("device_id")
            )
            .into(),
            spend: format!("UPDATE {codes} SET is_used = TRUE WHERE NOT is_used AND {this} AND {of_active}").into(),
            replace: format!(
                "UPDATE {codes} SET code = $4 WHERE NOT is_used AND {this} AND {} AND {of_active}",
                dialect.same("code", "$3")
            )
            .into(),
            insert: format!(
                "INSERT INTO {codes} (device_id, code, is_used, created_at) \
                 SELECT id, $3, FALSE, {} FROM {devices} WHERE user_id = {key} AND {this}",
                dialect.bound_instant("$4")
            )
            .into(),
            drop_of: format!("DELETE FROM {codes} WHERE {}", of(&format!(" AND {this}"))).into(),
            drop_of_others: format!("DELETE FROM {codes} WHERE {}", of(&format!(" AND NOT ({this})"))).into(),
            drop_of_pending: format!("DELETE FROM {codes} WHERE {}", of(&format!(" AND {PENDING}"))).into(),
            drop_all: format!("DELETE FROM {codes} WHERE {}", of("")).into(),
        }
    }
}

impl TrustQueries {
    pub(super) fn new(schema: &Schema, dialect: Dialect) -> Option<Self> {
        let table = quoted(schema.trusted_devices?);
        let (key, id) = (dialect.bound_key(schema.key, "$1"), dialect.text("id"));
        // What the fingerprints of devices begin with that the gateway trusts. `LIKE` wouldn't mind capitals on SQLite.
        let ours = format!("user_id = {key} AND {}", dialect.same("substr(device_fingerprint, 1, 9)", "'railgate.'"));
        Some(Self {
            ours: format!(
                "SELECT {id}, device_fingerprint, device_name, {}, {} FROM {table} \
                 WHERE {ours} AND is_active AND expires_at > {} ORDER BY {table}.created_at DESC, {table}.id DESC",
                dialect.instant("created_at"),
                dialect.instant("expires_at"),
                dialect.bound_instant("$2")
            )
            .into(),
            insert: format!(
                "INSERT INTO {table} (user_id, device_fingerprint, device_name, ip_address, user_agent, expires_at, \
                 is_active, created_at) VALUES ({key}, $2, $3, {}, $5, {}, TRUE, {})",
                dialect.bound_address("$4"),
                dialect.bound_instant("$6"),
                dialect.bound_instant("$7")
            )
            .into(),
            added: format!(
                "SELECT {id} FROM {table} WHERE {ours} AND {} ORDER BY {table}.id DESC",
                dialect.same("device_fingerprint", "$2")
            )
            .into(),
            drop_run_out: format!(
                "DELETE FROM {table} WHERE {ours} AND (NOT is_active OR expires_at <= {})",
                dialect.bound_instant("$2")
            )
            .into(),
            drop_one: format!("DELETE FROM {table} WHERE {ours} AND is_active AND {}", dialect.same(&id, "$2")).into(),
            drop_all: format!("DELETE FROM {table} WHERE user_id = {key}").into(),
        })
    }
}
