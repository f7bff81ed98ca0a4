//! Users as a directory describes them.

use super::{Secret, Timestamp, UserId};

/// A user, with everything that `AuthenticatedUserType` shows of one.
#[derive(Clone, Debug)]
pub struct User {
    /// Primary key.
    pub id: UserId,
    /// The name that the user logs in with.
    pub username: String,
    /// E-mail address; may be empty.
    pub email: String,
    /// First name; may be empty.
    pub first_name: String,
    /// Last name; may be empty.
    pub last_name: String,
    /// May enter the backend's admin site.
    pub is_staff: bool,
    /// Has every permission.
    pub is_superuser: bool,
    /// An inactive user can't log in, refresh or be recognised.
    pub is_active: bool,
    /// When the account was made.
    pub date_joined: Timestamp,
    /// The last login that the directory knows of.
    pub last_login: Option<Timestamp>,
    /// `app_label.codename`, sorted, without repetition: the user's own and the groups'; all for a superuser.
    pub permissions: Vec<String>,
    /// The groups, and `superadmin` for a superuser, else `admin` for staff.
    pub roles: Vec<Role>,
}

impl User {
    /// First and last name with one blank between, stripped (Django's `get_full_name`).
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name).trim().to_owned()
    }
}

/// A named set of permissions.
#[derive(Clone, Debug)]
pub struct Role {
    /// `group:<id>` for a group of the directory.
    pub id: String,
    /// The group's name.
    pub name: String,
    /// What the role allows, in the directory's order.
    pub permissions: Vec<Permission>,
}

impl Role {
    /// The role that comes with a flag, as Rail Django shows it: without a list of what it allows.
    #[must_use]
    pub fn of_flags(is_superuser: bool, is_staff: bool) -> Option<Self> {
        let (id, name) = match (is_superuser, is_staff) {
            (true, _) => ("system:superadmin", "superadmin"),
            (false, true) => ("system:admin", "admin"),
            (false, false) => return None,
        };
        Some(Self { id: id.to_owned(), name: name.to_owned(), permissions: Vec::new() })
    }
}

/// One permission.
#[derive(Clone, Debug)]
pub struct Permission {
    /// Primary key.
    pub id: String,
    /// Its text for people: `Can change user`.
    pub name: String,
    /// Its name for programs, without the application: `change_user`.
    pub codename: String,
}

/// A password as Django stores it: `algorithm$parameters$salt$hash`; `!…` and empty never match.
#[derive(Clone, Debug, Default)]
pub struct EncodedPassword(Secret);

impl EncodedPassword {
    /// Wraps the column's text.
    pub fn new(encoded: impl Into<String>) -> Self {
        Self(Secret::new(encoded))
    }

    /// The column's text.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// What has to stay as it is for a session to go on.
#[derive(Clone, Debug)]
pub struct AccountState {
    /// The user may come in.
    pub is_active: bool,
    /// The password column.
    pub password: EncodedPassword,
}

/// Whose name it is that somebody logs in by, before the password has been checked.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Whose.
    pub id: UserId,
    /// What the login hangs on.
    pub state: AccountState,
}

/// What a login needs to know of a user: who it is and how the password is checked.
#[derive(Clone, Debug)]
pub struct Account {
    /// Who logs in.
    pub user: User,
    /// What the password is compared with.
    pub password: EncodedPassword,
}
