//! What the gateway may do in the tables of second factors, what it does where they are missing, and what is left of a call
//! that was cut off.

use std::time::Duration;

use railgate::{
    directory::{
        DirectoryErrorKind, Factors as _,
        django::{DjangoDirectory, DjangoSettings},
    },
    model::{Activate, Activation, ClientInfo, DeviceId, HashedCode, NewTrust, Secret},
};
use sqlx::{Connection as _, MySqlConnection, PgConnection};

use super::{
    gateways::{Gateways, USER, add, at, codes, devices, kept, new_factor, shown, ten},
    on_each, refusal, settings,
};
use crate::support::{
    django::{Backend, Server},
    postgres::grants,
};

pub(super) fn sql(backend: &Backend, statement: &str) {
    backend.python(&format!("from django.db import connection; connection.cursor().execute(\"\"\"{statement}\"\"\")"));
}

fn device() -> NewTrust {
    let seal = Secret::new("railgate.seal");
    NewTrust { seal, client: ClientInfo::default(), created: at(0), expires: at(1_000) }
}

/// A directory on the backend's database, by a role that has the rights that the README gives it and no others.
pub(super) fn with_the_rights_of_the_readme(backend: &Backend) -> DjangoDirectory {
    sql(backend, "CREATE ROLE gateway LOGIN");
    grants("gateway").iter().for_each(|grant| sql(backend, grant));
    let (_, server) = backend.url().split_once('@').unwrap();
    DjangoDirectory::new(settings(&format!("postgres://gateway@{server}"))).unwrap()
}

/// Everything that can be written.
async fn all(directory: &DjangoDirectory) {
    let first = directory.set_up(&USER, new_factor("a", "A")).await.unwrap();
    assert!(directory.give_codes(&USER, &first, ten("a"), at(0)).await.unwrap());
    assert_eq!(directory.activate(&USER, shown(&first)).await.unwrap(), Activation::Active);
    assert!(directory.accept_step(&USER, &first, at(60)).await.unwrap());
    let mut kept = directory.codes(&USER).await.unwrap();
    assert!(directory.use_code(&USER, &kept.remove(0).id).await.unwrap());
    directory.hash_codes(&USER, vec![(kept.remove(0), HashedCode::new("hash"))]).await.unwrap();
    directory.set_up(&USER, new_factor("b", "B")).await.unwrap();
    let second = directory.set_up(&USER, new_factor("c", "C")).await.unwrap();
    let activate = Activate { codes: Some(ten("c")), ..shown(&second) };
    assert_eq!(directory.activate(&USER, activate).await.unwrap(), Activation::Active);
    let dropped = directory.trust(&USER, device(), 1).await.unwrap().unwrap();
    let trusted = directory.trust(&USER, device(), 1).await.unwrap().unwrap();
    assert_ne!(dropped, trusted);
    assert!(directory.distrust(&USER, &trusted).await.unwrap());
    directory.remove_all(&USER).await.unwrap();
}

#[tokio::test]
async fn the_rights_of_the_readme_are_enough_and_a_missing_one_is_named() {
    let backend = Backend::postgres();
    let directory = with_the_rights_of_the_readme(&backend);
    // Identity columns, which Django makes since 4.1, ask for no right on a sequence.
    sql(&backend, "REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM gateway");
    all(&directory).await;
    for (right, table) in [("INSERT", "mfadevice"), ("DELETE", "mfabackupcode"), ("UPDATE", "mfadevice")] {
        sql(&backend, &format!("REVOKE {right} ON rail_django_{table} FROM gateway"));
        let activated = match directory.set_up(&USER, new_factor("a", "A")).await {
            Ok(device) => directory.activate(&USER, shown(&device)).await.map(drop),
            Err(error) => Err(error),
        };
        let (kind, message) = refusal(activated);
        assert_eq!(kind, DirectoryErrorKind::Misconfigured, "{right}: {message}");
        assert!(message.contains(table), "{right}: {message}");
        sql(&backend, &format!("GRANT {right} ON rail_django_{table} TO gateway"));
    }
}

#[tokio::test]
async fn the_same_rights_are_enough_on_mariadb() {
    let backend = Backend::mariadb();
    let Server::MariaDb(server) = &backend.server else { panic!("MariaDB") };
    server.run("CREATE USER gateway@'127.0.0.1' IDENTIFIED BY 'gateway'");
    for grant in grants("gateway@'127.0.0.1'").iter().filter(|grant| !grant.contains("SEQUENCE")) {
        // A table at a time is all that it takes.
        let ((rights, tables), user) = (grant.split_once(" ON ").unwrap(), "gateway@'127.0.0.1'");
        let tables = tables.split_once(" TO ").unwrap().0;
        tables.split(',').for_each(|table| drop(server.run(&format!("{rights} ON demo.{} TO {user}", table.trim()))));
    }
    let url = backend.url().replace("demo:demo@", "gateway:gateway@");
    all(&DjangoDirectory::new(settings(&url)).unwrap()).await;
}

/// Django before 4.1 draws its keys from sequences, as `serial` has it, and the role needs a right on them.
#[tokio::test]
async fn keys_that_come_from_a_sequence_can_be_drawn() {
    let backend = Backend::postgres();
    for table in ["mfadevice", "mfabackupcode", "trusteddevice"].map(|name| format!("rail_django_{name}")) {
        sql(&backend, &format!("ALTER TABLE {table} ALTER id DROP IDENTITY"));
        sql(&backend, &format!("CREATE SEQUENCE {table}_id_seq OWNED BY {table}.id"));
        sql(&backend, &format!("ALTER TABLE {table} ALTER id SET DEFAULT nextval('{table}_id_seq')"));
    }
    all(&with_the_rights_of_the_readme(&backend)).await;
}

#[tokio::test]
async fn without_the_tables_nothing_can_be_enrolled_and_nothing_fails() {
    let backend = Backend::people(Server::None, "auth.User", "");
    let user = railgate::model::UserId::new(backend.python("print(User.objects.create_user('eva').pk)"));
    let directory = super::directory(&backend);
    let none = DeviceId::new("1");
    assert!(!directory.can_enrol().await.unwrap());
    assert!(directory.active(&user).await.unwrap().is_empty());
    assert!(directory.pending(&user).await.unwrap().is_none());
    assert!(directory.codes(&user).await.unwrap().is_empty());
    assert!(!directory.accept_step(&user, &none, at(0)).await.unwrap());
    assert!(!directory.use_code(&user, &none).await.unwrap());
    assert!(directory.trusted(&user, at(0)).await.unwrap().is_empty());
    assert!(directory.trust(&user, device(), 20).await.unwrap().is_none());
    assert!(!directory.distrust(&user, &none).await.unwrap());
    assert_eq!(directory.activate(&user, shown(&none)).await.unwrap(), Activation::NotPending);
    assert!(!directory.give_codes(&user, &none, ten("a"), at(0)).await.unwrap());
    directory.remove_all(&user).await.unwrap();
    let (kind, message) = refusal(directory.set_up(&user, new_factor("a", "A")).await);
    assert_eq!(kind, DirectoryErrorKind::Misconfigured, "{message}");
}

#[tokio::test]
async fn without_the_table_of_backup_codes_what_is_enrolled_counts_and_no_more_is() {
    on_each(async |backend| {
        let device = add(&backend, "add(5, 'totp', True)").remove(0);
        add(&backend, "add(5, 'totp', False)");
        sql(&backend, "DROP TABLE rail_django_mfabackupcode");
        sql(&backend, "DROP TABLE rail_django_trusteddevice");
        let directory = super::directory(&backend);
        assert!(!directory.can_enrol().await.unwrap());
        assert_eq!(directory.active(&USER).await.unwrap().len(), 1);
        assert!(directory.accept_step(&USER, &device, at(0)).await.unwrap());
        assert!(directory.codes(&USER).await.unwrap().is_empty());
        let (kind, message) = refusal(directory.set_up(&USER, new_factor("a", "A")).await);
        assert_eq!(kind, DirectoryErrorKind::Misconfigured, "{message}");
        let (kind, message) = refusal(directory.give_codes(&USER, &device, ten("a"), at(0)).await);
        assert_eq!(kind, DirectoryErrorKind::Misconfigured, "{message}");
        directory.remove_all(&USER).await.unwrap();
        assert!(directory.active(&USER).await.unwrap().is_empty());
    })
    .await;
}

/// Somebody else on the same database, who holds rows.
enum Other {
    Postgres(PgConnection),
    MariaDb(MySqlConnection),
}

impl Other {
    async fn on(backend: &Backend) -> Self {
        match backend.server {
            Server::MariaDb(_) => Self::MariaDb(MySqlConnection::connect(backend.url()).await.unwrap()),
            _ => Self::Postgres(PgConnection::connect(backend.url()).await.unwrap()),
        }
    }

    /// Runs these statements, which take no parameters; how many rows the last one was about.
    async fn run(&mut self, statements: &[&'static str]) -> u64 {
        let mut rows = 0;
        for statement in statements {
            rows = match self {
                Self::Postgres(connection) => {
                    sqlx::raw_sql(*statement).execute(connection).await.unwrap().rows_affected()
                }
                Self::MariaDb(connection) => {
                    sqlx::raw_sql(*statement).fetch_all(connection).await.unwrap().len() as u64
                }
            };
        }
        rows
    }

    /// Whether two others wait for a row.
    async fn sees_two_waiting(&mut self) -> bool {
        let two_wait = match self {
            Self::Postgres(_) => {
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' HAVING count(*) = 2"
            }
            // The list of transactions isn't renewed for who reads it again and again.
            Self::MariaDb(_) => {
                "SELECT 1 FROM information_schema.global_status \
                 WHERE variable_name = 'INNODB_ROW_LOCK_CURRENT_WAITS' AND variable_value = '2'"
            }
        };
        self.run(&[two_wait]).await == 1
    }
}

/// Whatever the server's default: a snapshot of the time before would show two that each was the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_waited_for_the_user_sees_what_was_done_meanwhile() {
    for backend in [Backend::postgres(), Backend::mariadb()] {
        if let Server::Postgres(_) = backend.server {
            sql(&backend, "ALTER ROLE ALL SET default_transaction_isolation = 'repeatable read'");
        }
        let devices = add(&backend, "add(5, 'totp', False)\nadd(5, 'totp', False)");
        let gateways = Gateways::on(&backend);
        for gateway in &gateways.0 {
            gateway.can_enrol().await.unwrap();
        }
        let (mut other, mut watcher) = (Other::on(&backend).await, Other::on(&backend).await);
        other.run(&["BEGIN", "SELECT id FROM users_user WHERE id = 5 FOR UPDATE"]).await;
        let calls = gateways.at_once(2, |directory, number| {
            let activate = Activate { only_first: true, ..shown(&devices[number]) };
            async move { directory.activate(&USER, activate).await.unwrap() }
        });
        let release = async {
            while !watcher.sees_two_waiting().await {
                tokio::task::yield_now().await;
            }
            other.run(&["ROLLBACK"]).await;
        };
        let (activated, ()) = tokio::join!(calls, release);
        let won = activated.iter().filter(|became| **became == Activation::Active).count();
        assert_eq!((won, activated.contains(&Activation::Exists)), (1, true), "{activated:?}");
    }
}

#[tokio::test]
async fn a_call_that_is_cut_off_leaves_all_as_it_was_and_nobody_waiting() {
    for backend in [Backend::postgres(), Backend::mariadb()] {
        let waiting = add(&backend, "add(5, 'totp', False, '00000001')").remove(0);
        let settings = settings(backend.url());
        let short = DjangoSettings { timeout: Duration::from_secs(1), max_connections: 1, ..settings };
        let directory = DjangoDirectory::new(short).unwrap();
        assert!(directory.can_enrol().await.unwrap());

        // Somebody else holds the device, so the call has dropped its codes already when it must wait.
        let mut other = Other::on(&backend).await;
        other.run(&["BEGIN", "UPDATE rail_django_mfadevice SET phone_number = '1'"]).await;
        let (kind, message) = refusal(directory.set_up(&USER, new_factor("a", "A")).await);
        assert_eq!(kind, DirectoryErrorKind::Unavailable, "{message}");
        other.run(&["ROLLBACK"]).await;

        assert_eq!(codes(&backend), [format!("{waiting} 00000001")]);
        assert_eq!(devices(&backend), format!("{waiting} 5 theirs totp"));
        let patient = Gateways::on(&backend);
        let device = patient.one().set_up(&USER, new_factor("a", "A")).await.unwrap();
        assert_eq!(
            directory.activate(&USER, shown(&device)).await.unwrap(),
            Activation::Active,
            "by the one connection"
        );
        assert!(kept(&directory).await.is_empty());
    }
}
