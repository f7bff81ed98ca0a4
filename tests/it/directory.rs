//! The Django directory, held against databases that Django made: what it says of users, and what Django reads back.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use railgate::{
    directory::{
        Directory as _, DirectoryError, DirectoryErrorKind,
        django::{DjangoDirectory, DjangoSettings},
    },
    model::{Account, Secret, Timestamp, User, UserId},
};

use crate::support::{
    django::{Backend, Server},
    postgres::Postgres,
};

mod backup_codes;
mod enrolment;
mod factors;
mod gateways;
mod mariadb;
mod passwords;
mod restart;
mod tables;
mod tls;
mod trusted_devices;

/// Tells the same story on each kind of database.
async fn on_each(story: impl AsyncFn(Backend)) {
    story(Backend::sqlite()).await;
    story(Backend::postgres()).await;
    story(Backend::mariadb()).await;
}

fn settings(url: &str) -> DjangoSettings {
    DjangoSettings {
        url: Secret::new(url),
        user_table: None,
        username_column: "username".to_owned(),
        max_connections: 2,
        timeout: Duration::from_secs(20),
    }
}

fn directory(backend: &Backend) -> DjangoDirectory {
    DjangoDirectory::new(settings(backend.url())).unwrap()
}

async fn account(directory: &DjangoDirectory, username: &str) -> Account {
    let found = directory.candidate(username).await.unwrap().unwrap_or_else(|| panic!("no account {username}"));
    directory.account_of(&found.id).await.unwrap().unwrap()
}

fn role_names(user: &User) -> Vec<&str> {
    user.roles.iter().map(|role| role.name.as_str()).collect()
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, DirectoryError>) -> (DirectoryErrorKind, String) {
    let error = answer.unwrap_err();
    (error.kind, error.source.to_string())
}

#[tokio::test]
async fn john_has_what_his_group_has() {
    on_each(async |backend| {
        let john = account(&directory(&backend), "john").await;
        let user = &john.user;
        assert_eq!((user.id.as_str(), user.email.as_str()), ("1", "john@example.com"));
        assert_eq!(user.full_name(), "John Doe");
        assert_eq!((user.is_staff, user.is_superuser, user.is_active), (false, false, true));
        assert_eq!(user.last_login, None);
        assert_eq!(user.permissions, ["users.change_user", "users.view_user"]);
        assert!(john.password.expose().starts_with("pbkdf2_sha256$1000000$"));

        let [editors] = &user.roles[..] else { panic!("{:?}", user.roles) };
        assert_eq!((editors.id.as_str(), editors.name.as_str()), ("group:1", "editors"));
        let permissions: Vec<_> = editors.permissions.iter().map(|p| (p.codename.as_str(), p.name.as_str())).collect();
        assert_eq!(permissions, [("change_user", "Can change user"), ("view_user", "Can view user")]);

        let joined = backend.python("print(User.objects.get(pk=1).date_joined.isoformat())");
        assert_eq!(user.date_joined.to_string(), joined);
    })
    .await;
}

#[tokio::test]
async fn a_superuser_has_all_permissions_that_django_knows() {
    on_each(async |backend| {
        let admin = account(&directory(&backend), "admin").await.user;
        let all = backend.python("print(*sorted(User.objects.get(username='admin').get_all_permissions()), sep='\\n')");
        assert_eq!(admin.permissions, all.lines().collect::<Vec<_>>());
        assert!(admin.permissions.len() > 20);
        assert_eq!(role_names(&admin), ["superadmin"]);
        assert_eq!(admin.roles[0].id, "system:superadmin");
        assert!(admin.roles[0].permissions.is_empty());
    })
    .await;
}

#[tokio::test]
async fn own_permissions_and_several_groups_come_together_as_in_django() {
    on_each(async |backend| {
        let django = backend.python(
            "from django.contrib.auth.models import Group, Permission\n\
             john = User.objects.get(username='john')\n\
             john.is_staff = True\n\
             john.save()\n\
             desk = Group.objects.create(name='a desk without rights')\n\
             press = Group.objects.create(name='press')\n\
             press.permissions.add(*Permission.objects.filter(codename__in=['view_user', 'add_article', 'add_logentry']))\n\
             john.groups.add(press, desk)\n\
             john.user_permissions.add(*Permission.objects.filter(codename__in=['view_user', 'delete_article']))\n\
             print(*sorted(User.objects.get(pk=1).get_all_permissions()), sep='\\n')\n\
             print('--')\n\
             print(*(p.codename for p in press.permissions.all()), sep='\\n')",
        );
        let (permissions, of_press) = django.split_once("\n--\n").unwrap();
        let john = account(&directory(&backend), "john").await.user;
        assert_eq!(john.permissions, permissions.lines().collect::<Vec<_>>());
        assert_eq!(role_names(&john), ["editors", "a desk without rights", "press", "admin"]);
        let press: Vec<_> = john.roles[2].permissions.iter().map(|permission| permission.codename.as_str()).collect();
        assert_eq!(press, of_press.lines().collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn inactive_unknown_and_impossible_users_are_told_apart() {
    on_each(async |backend| {
        let directory = directory(&backend);
        let disabled = account(&directory, "disabled").await.user;
        assert!(!disabled.is_active && disabled.permissions.is_empty());

        let amina = account(&directory, "amina").await.user;
        assert_eq!((amina.first_name.as_str(), amina.last_name.as_str()), ("Amina", "Élodie"));

        for name in ["", "nobody", "jo%", "john\0", "' OR 1=1 --", "\" OR 1=1 --", &"j".repeat(10_000)] {
            assert!(directory.candidate(name).await.unwrap().is_none(), "{name:?}");
        }
        assert_eq!(directory.account_of(&UserId::new("4")).await.unwrap().unwrap().user.username, "amina");
        for id in ["0", "999999", "-1", "four", "", "6f9619ff-8b86-4011-b42d-00c04fc964ff"] {
            assert!(directory.account_of(&UserId::new(id)).await.unwrap().is_none(), "{id:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_unknown_name_costs_what_any_other_does() {
    let backend = Backend::postgres();
    backend.python(
        "from django.db import connection\n\
         with connection.cursor() as cursor:\n    \
             cursor.execute(\"ALTER SYSTEM SET log_statement = 'all'\")\n    \
             cursor.execute('SELECT pg_reload_conf()')",
    );
    let directory = directory(&backend);
    let Server::Postgres(server) = &backend.server else { unreachable!() };
    let statements = |log: String| log.matches("execute sqlx").count();
    directory.candidate("amina").await.unwrap();
    let mut costs = Vec::new();
    for name in ["john", "admin", "nobody"] {
        let before = statements(server.log());
        directory.candidate(name).await.unwrap();
        costs.push(statements(server.log()) - before);
    }
    assert_eq!(costs, [1, 1, 1], "{}", server.log());
}

#[tokio::test]
async fn a_login_that_is_noted_is_read_back_by_django() {
    on_each(async |backend| {
        let directory = directory(&backend);
        let john = UserId::new("1");
        for micros in [1_795_340_542_000_120, 1_795_340_542_000_000] {
            let at = Timestamp::from_micros(micros);
            directory.record_login(&john, at).await.unwrap();
            assert_eq!(directory.account_of(&john).await.unwrap().unwrap().user.last_login, Some(at));
            let seen = backend.python("print(User.objects.get(pk=1).last_login.isoformat())");
            assert_eq!(seen, at.to_string());
        }
        let untouched = backend.python("print(User.objects.exclude(pk=1).filter(last_login__isnull=False).count())");
        assert_eq!(untouched, "0");
        directory.record_login(&UserId::new("999"), Timestamp::from_secs(0)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_down_is_unavailable_until_it_is_back() {
    for mut backend in [Backend::postgres(), Backend::mariadb()] {
        let timeout = Duration::from_secs(2);
        let directory = DjangoDirectory::new(DjangoSettings { timeout, ..settings(backend.url()) }).unwrap();
        backend.server.stop();

        // Nothing is known of the tables yet, and a failure to find out isn't remembered.
        for _ in 0..2 {
            let start = Instant::now();
            let (kind, message) = refusal(directory.candidate("john").await);
            assert_eq!(kind, DirectoryErrorKind::Unavailable, "{message}");
            assert!(start.elapsed() < timeout + Duration::from_secs(1), "{:?}", start.elapsed());
            assert!(!message.contains("unchecked"), "{message}");
        }
        backend.server.resume();
        assert_eq!(account(&directory, "john").await.user.id.as_str(), "1");

        // And again with connections in the pool that the restart has closed.
        backend.server.stop();
        assert_eq!(refusal(directory.candidate("john").await).0, DirectoryErrorKind::Unavailable);
        backend.server.resume();
        assert_eq!(account(&directory, "john").await.user.id.as_str(), "1");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_costs_one_timeout() {
    for scheme in ["postgres", "mysql"] {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{scheme}://railgate@{}/db", silent.local_addr().unwrap());
        let timeout = Duration::from_millis(200);
        let directory = DjangoDirectory::new(DjangoSettings { timeout, ..settings(&url) }).unwrap();
        let start = Instant::now();
        let (kind, message) = refusal(directory.record_login(&UserId::new("1"), Timestamp::from_secs(0)).await);
        assert_eq!(kind, DirectoryErrorKind::Unavailable);
        assert!(message.contains("200ms"), "{message}");
        assert!(start.elapsed() < timeout * 5, "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn an_absent_file_is_named_and_not_created() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.sqlite3");
    let url = format!("sqlite://{}?mode=rwc", path.display());
    let directory = DjangoDirectory::new(settings(&url)).unwrap();
    let (kind, message) = refusal(directory.candidate("john").await);
    assert_eq!(kind, DirectoryErrorKind::Unavailable);
    assert!(message.contains(path.to_str().unwrap()), "{message}");
    assert!(!path.exists());
}

#[tokio::test]
async fn a_database_of_something_else_is_a_matter_of_configuration() {
    let postgres = Postgres::start();
    let (kind, message) = refusal(DjangoDirectory::new(settings(&postgres.url())).unwrap().candidate("john").await);
    assert_eq!(kind, DirectoryErrorKind::Misconfigured);
    assert!(message.contains("django_content_type"), "{message}");

    let url = format!("{}ql", postgres.url());
    let (kind, message) = refusal(DjangoDirectory::new(settings(&url)).unwrap().candidate("john").await);
    assert_eq!(kind, DirectoryErrorKind::Misconfigured, "{message}");
}

/// Two models that can log in; `AUTH_USER_MODEL` says which one does, and only Django knows it.
const TWO_USER_MODELS: &str = "
from django.contrib.auth.models import AbstractUser, Group, Permission
from django.db import models

class Employee(AbstractUser):
    pass

class Customer(AbstractUser):
    groups = models.ManyToManyField(Group, related_name='+')
    user_permissions = models.ManyToManyField(Permission, related_name='+')
";

#[tokio::test]
async fn of_two_user_tables_the_configuration_chooses() {
    for server in Server::each() {
        let backend = Backend::people(server, "people.Employee", TWO_USER_MODELS);
        backend.python("User.objects.create(username='eva')");
        let (kind, message) = refusal(directory(&backend).candidate("eva").await);
        assert_eq!(kind, DirectoryErrorKind::Misconfigured);
        assert!(message.contains("people_customer, people_employee") && message.contains("user_table"), "{message}");

        let with = |table: &str| {
            let user_table = Some(table.to_owned());
            DjangoDirectory::new(DjangoSettings { user_table, ..settings(backend.url()) }).unwrap()
        };
        assert_eq!(account(&with("people_employee"), "eva").await.user.username, "eva");
        assert!(with("people_customer").candidate("eva").await.unwrap().is_none());
        let (kind, message) = refusal(with("people_nobody").candidate("eva").await);
        assert_eq!(kind, DirectoryErrorKind::Misconfigured);
        assert!(message.contains("people_nobody"), "{message}");
    }
}

#[tokio::test]
async fn djangos_stock_user_is_found() {
    for server in Server::each() {
        let backend = Backend::people(server, "auth.User", "");
        let id = backend.python("print(User.objects.create_user('eva', password='x').pk)");
        let eva = account(&directory(&backend), "eva").await;
        assert_eq!(eva.user.id.as_str(), id);
    }
}

/// A key that is a UUID, and e-mail addresses to log in with.
const UUID_USERS: &str = "
import uuid
from django.contrib.auth.models import AbstractUser
from django.db import models

class Person(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True)
    USERNAME_FIELD = 'email'
    REQUIRED_FIELDS = []
";

#[tokio::test]
async fn uuid_keys_have_one_text_and_names_may_be_addresses() {
    for server in Server::each() {
        let backend = Backend::people(server, "people.Person", UUID_USERS);
        let id = backend.python(
            "from django.contrib.auth.models import Group, Permission\n\
             press = Group.objects.create(name='press')\n\
             press.permissions.add(Permission.objects.get(codename='view_person'))\n\
             eva = User.objects.create(email='eva@example.com', username='e')\n\
             eva.groups.add(press)\n\
             eva.user_permissions.add(Permission.objects.get(codename='add_group'))\n\
             print(eva.pk)",
        );
        let username_column = "email".to_owned();
        let directory = DjangoDirectory::new(DjangoSettings { username_column, ..settings(backend.url()) }).unwrap();
        let eva = account(&directory, "eva@example.com").await.user;
        assert_eq!((eva.id.as_str(), eva.username.as_str()), (id.as_str(), "eva@example.com"));
        assert_eq!(eva.permissions, ["auth.add_group", "people.view_person"]);
        assert_eq!(role_names(&eva), ["press"]);

        let at = Timestamp::from_secs(1_795_340_542);
        directory.record_login(&UserId::new(id.to_uppercase()), at).await.unwrap();
        assert_eq!(directory.account_of(&eva.id).await.unwrap().unwrap().user.last_login, Some(at));
        assert_eq!(backend.python("print(User.objects.get().last_login.isoformat())"), at.to_string());
        assert!(directory.account_of(&UserId::new("1")).await.unwrap().is_none());
        assert!(directory.candidate("nobody@example.com").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn what_a_session_hangs_on_is_told_by_one_look() {
    on_each(async |backend| {
        let directory = directory(&backend);
        let john = UserId::new("1");
        let state = directory.state_of(&john).await.unwrap().unwrap();
        assert!(state.is_active);
        assert_eq!(state.password.expose(), account(&directory, "john").await.password.expose());
        backend.python("User.objects.filter(pk=1).update(is_active=False, password='!')");
        let state = directory.state_of(&john).await.unwrap().unwrap();
        assert_eq!((state.is_active, state.password.expose()), (false, "!"));
        for nobody in ["999999", "x", "", "1.0", "9999999999999999999999"] {
            assert!(directory.state_of(&UserId::new(nobody)).await.unwrap().is_none(), "{nobody:?}");
        }
    })
    .await;
}
