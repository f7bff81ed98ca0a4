//! From rows of text to users.

use super::{database::TextRow, error::Failure, instant, key::KeyKind};
use crate::{
    directory::StoredSession,
    model::{
        Account, AccountState, Candidate, DeviceId, EncodedPassword, Factor, FactorKind, KeptCode, PendingFactor,
        Permission, Role, Secret, Timestamp, TrustedDevice, User, UserId,
    },
};

/// A user's own row. Permissions and roles, which other tables hold, are still empty in it.
pub(super) struct UserRow {
    pub(super) user: User,
    pub(super) password: EncodedPassword,
}

impl From<UserRow> for Account {
    fn from(row: UserRow) -> Self {
        let UserRow { user, password } = row;
        Self { user, password }
    }
}

/// The columns of one row, taken one after the other.
struct Columns(std::vec::IntoIter<Option<String>>);

impl Columns {
    /// `None` for NULL, and past the end.
    fn optional(&mut self) -> Option<String> {
        self.0.next().flatten()
    }

    fn text(&mut self, column: &'static str) -> Result<String, Failure> {
        self.optional().ok_or(Failure::Column(column))
    }

    /// SQLite has 0 and 1, PostgreSQL false and true.
    fn flag(&mut self, column: &'static str) -> Result<bool, Failure> {
        match self.text(column)?.as_str() {
            "1" | "true" => Ok(true),
            "0" | "false" => Ok(false),
            _ => Err(Failure::Column(column)),
        }
    }

    fn instant(&mut self, column: &'static str) -> Result<Option<Timestamp>, Failure> {
        self.optional().map(|text| instant::parse(&text).ok_or(Failure::Column(column))).transpose()
    }
}

/// Reads a row of [`Queries::by_name`](super::queries::Queries::by_name).
pub(super) fn read_candidate(row: TextRow, key: KeyKind) -> Result<Candidate, Failure> {
    let mut columns = Columns(row.into_iter());
    let id = key.to_id(&columns.text("id")?).ok_or(Failure::Column("id"))?;
    Ok(Candidate { id, state: state(columns)? })
}

/// A row of one key.
pub(super) fn read_key(row: TextRow, key: KeyKind) -> Result<UserId, Failure> {
    key.to_id(&Columns(row.into_iter()).text("user_id")?).ok_or(Failure::Column("user_id"))
}

/// Reads a row of [`Queries::by_key`](super::queries::Queries::by_key).
///
/// Names and e-mail may be NULL in a model that redefines them, and are empty then.
pub(super) fn read_user(row: TextRow, key: KeyKind) -> Result<UserRow, Failure> {
    let mut columns = Columns(row.into_iter());
    let user = User {
        id: key.to_id(&columns.text("id")?).ok_or(Failure::Column("id"))?,
        username: columns.text("username")?,
        email: columns.optional().unwrap_or_default(),
        first_name: columns.optional().unwrap_or_default(),
        last_name: columns.optional().unwrap_or_default(),
        is_staff: columns.flag("is_staff")?,
        is_superuser: columns.flag("is_superuser")?,
        is_active: columns.flag("is_active")?,
        date_joined: columns.instant("date_joined")?.ok_or(Failure::Column("date_joined"))?,
        last_login: columns.instant("last_login")?,
        permissions: Vec::new(),
        roles: Vec::new(),
    };
    Ok(UserRow { user, password: EncodedPassword::new(columns.optional().unwrap_or_default()) })
}

/// Reads a row of [`Queries::state`](super::queries::Queries::state).
pub(super) fn read_state(row: TextRow) -> Result<AccountState, Failure> {
    state(Columns(row.into_iter()))
}

/// What is left of such a row.
fn state(mut columns: Columns) -> Result<AccountState, Failure> {
    Ok(AccountState {
        is_active: columns.flag("is_active")?,
        password: EncodedPassword::new(columns.optional().unwrap_or_default()),
    })
}

/// Reads a row of [`Queries::session`](super::queries::Queries::session).
pub(super) fn read_session(row: TextRow) -> Result<StoredSession, Failure> {
    let mut columns = Columns(row.into_iter());
    Ok(StoredSession {
        data: Secret::new(columns.text("session_data")?),
        expires: columns.instant("expire_date")?.ok_or(Failure::Column("expire_date"))?,
    })
}

/// Reads a row of [`FactorQueries::active`](super::factor_queries::FactorQueries::active).
pub(super) fn read_factor(row: TextRow) -> Result<Factor, Failure> {
    let mut columns = Columns(row.into_iter());
    let device = DeviceId::new(columns.text("id of a second factor")?);
    let name = columns.optional().unwrap_or_default();
    let (kind, secret) = (columns.text("device_type")?, columns.optional().unwrap_or_default());
    let kind = if kind == "totp" { FactorKind::Totp(Secret::new(secret)) } else { FactorKind::Other(kind) };
    let created = columns.instant("created_at")?.ok_or(Failure::Column("created_at"))?;
    Ok(Factor { device, name, kind, created, last_used: columns.instant("last_used")? })
}

/// Reads a row of [`FactorQueries::pending`](super::factor_queries::FactorQueries::pending).
pub(super) fn read_pending(row: TextRow) -> Result<PendingFactor, Failure> {
    let mut columns = Columns(row.into_iter());
    Ok(PendingFactor {
        device: DeviceId::new(columns.text("id of a second factor")?),
        secret: Secret::new(columns.optional().unwrap_or_default()),
        created: columns.instant("created_at")?.ok_or(Failure::Column("created_at"))?,
    })
}

/// Reads a row of [`CodeQueries::unused`](super::factor_queries::CodeQueries::unused).
pub(super) fn read_code(row: TextRow) -> Result<KeptCode, Failure> {
    let mut columns = Columns(row.into_iter());
    Ok(KeptCode {
        id: DeviceId::new(columns.text("id of a backup code")?),
        device: DeviceId::new(columns.text("device_id")?),
        kept: Secret::new(columns.optional().unwrap_or_default()),
    })
}

/// Reads a row of [`TrustQueries::ours`](super::factor_queries::TrustQueries::ours).
pub(super) fn read_trusted(row: TextRow) -> Result<TrustedDevice, Failure> {
    let mut columns = Columns(row.into_iter());
    Ok(TrustedDevice {
        id: DeviceId::new(columns.text("id of a trusted device")?),
        seal: Secret::new(columns.text("device_fingerprint")?),
        name: columns.optional().unwrap_or_default(),
        created: columns.instant("created_at")?.ok_or(Failure::Column("created_at"))?,
        expires: columns.instant("expires_at")?.ok_or(Failure::Column("expires_at"))?,
    })
}

/// The id of a row that was just inserted.
pub(super) fn read_id(rows: Vec<TextRow>) -> Result<DeviceId, Failure> {
    let row = rows.into_iter().next().ok_or(Failure::Column("id"))?;
    Columns(row.into_iter()).text("id").map(DeviceId::new)
}

/// A row of one flag.
pub(super) fn read_flag(row: TextRow) -> Result<bool, Failure> {
    Columns(row.into_iter()).flag("is_active")
}

/// Fills in permissions and roles.
///
/// An inactive user has no permissions, whatever the tables say (`ModelBackend._get_permissions`); the roles stay.
pub(super) fn complete(mut user: User, groups: Vec<TextRow>, permissions: Vec<TextRow>) -> Result<User, Failure> {
    let mut labels = permissions.into_iter().map(read_label).collect::<Result<Vec<_>, _>>()?;
    for row in groups {
        add_group_row(row, &mut user.roles, &mut labels)?;
    }
    if user.is_active {
        // By code point, as Python's sorted() does, and not by a database's collation.
        labels.sort_unstable();
        labels.dedup();
        user.permissions = labels;
    }
    user.roles.extend(Role::of_flags(user.is_superuser, user.is_staff));
    Ok(user)
}

fn read_label(row: TextRow) -> Result<String, Failure> {
    let mut columns = Columns(row.into_iter());
    Ok(format!("{}.{}", columns.text("app_label")?, columns.text("codename")?))
}

/// Rows come ordered by group, so a group's rows follow each other.
fn add_group_row(row: TextRow, roles: &mut Vec<Role>, labels: &mut Vec<String>) -> Result<(), Failure> {
    let mut columns = Columns(row.into_iter());
    let id = format!("group:{}", columns.text("id of a group")?);
    let name = columns.text("name of a group")?;
    if roles.last().is_none_or(|role| role.id != id) {
        roles.push(Role { id, name, permissions: Vec::new() });
    }
    let (Some(id), Some(role)) = (columns.optional(), roles.last_mut()) else {
        return Ok(()); // a group without permissions
    };
    let (name, codename) = (columns.text("name of a permission")?, columns.text("codename")?);
    labels.push(format!("{}.{codename}", columns.text("app_label")?));
    role.permissions.push(Permission { id, name, codename });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{KeyKind, TextRow, complete, read_user};
    use crate::model::{Timestamp, User};

    fn row(texts: &[&str]) -> TextRow {
        texts.iter().map(|text| (*text != "NULL").then(|| (*text).to_owned())).collect()
    }

    fn user(staff: &str, superuser: &str, active: &str) -> User {
        let texts = ["7", "eva", "NULL", "Eva", "", staff, superuser, active, "2026-11-22 00:00:00", "NULL", "!"];
        read_user(row(&texts), KeyKind::Integer).unwrap().user
    }

    #[test]
    fn rows_of_either_database_read_alike() {
        let (sqlite, postgres) = (user("1", "0", "1"), user("true", "false", "true"));
        assert_eq!(format!("{sqlite:?}"), format!("{postgres:?}"));
        assert_eq!((sqlite.email.as_str(), sqlite.last_login), ("", None));
        assert_eq!(sqlite.date_joined.to_string(), "2026-11-22T00:00:00+00:00");
        assert!(sqlite.date_joined > Timestamp::default());
    }

    #[test]
    fn a_damaged_row_names_its_column_and_not_its_value() {
        let texts = ["7", "eva", "", "", "", "perhaps", "0", "1", "2026-11-22 00:00:00", "NULL", "!"];
        let error = read_user(row(&texts), KeyKind::Integer).err().unwrap().to_string();
        assert!(error.contains("is_staff") && !error.contains("perhaps"), "{error}");
    }

    #[test]
    fn permissions_of_groups_and_the_users_own_are_one_sorted_list() {
        let groups = || {
            vec![
                row(&["1", "editors", "12", "Can change user", "change_user", "users"]),
                row(&["1", "editors", "14", "Can view user", "view_user", "users"]),
                row(&["2", "guests", "NULL", "NULL", "NULL", "NULL"]),
            ]
        };
        let own = || vec![row(&["users", "view_user"]), row(&["articles", "add_article"])];

        let active = complete(user("0", "0", "1"), groups(), own()).unwrap();
        assert_eq!(active.permissions, ["articles.add_article", "users.change_user", "users.view_user"]);
        let roles: Vec<_> = active.roles.iter().map(|role| (role.id.as_str(), role.permissions.len())).collect();
        assert_eq!(roles, [("group:1", 2), ("group:2", 0)]);

        let inactive = complete(user("0", "0", "0"), groups(), own()).unwrap();
        assert!(inactive.permissions.is_empty());
        assert_eq!(inactive.roles.len(), 2);
    }

    #[test]
    fn flags_come_with_a_role() {
        let names = |staff, superuser| {
            let user = complete(user(staff, superuser, "1"), Vec::new(), Vec::new()).unwrap();
            user.roles.into_iter().map(|role| role.name).collect::<Vec<_>>()
        };
        assert_eq!(names("1", "1"), ["superadmin"]);
        assert_eq!(names("1", "0"), ["admin"]);
        assert!(names("0", "0").is_empty());
    }
}
