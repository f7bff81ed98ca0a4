//! What is different on MariaDB: how texts are compared, where UUIDs are kept, how a server is reached and set, and what a
//! call leaves behind that is dropped half-way.

use std::{future::poll_fn, pin::pin, task::Poll};

use railgate::{
    directory::{
        BackendSessions as _, Directory as _, DirectoryErrorKind, Factors as _,
        django::{DjangoDirectory, DjangoSettings},
    },
    model::{DeviceId, HashedCode, KeptCode, NewFactor, PlainToken, Secret, Timestamp, UserId},
};

use super::{account, directory, refusal, settings};
use crate::support::{
    django::{Backend, Server},
    document::block,
    mariadb::MariaDb,
};

fn server(backend: &Backend) -> &MariaDb {
    let Server::MariaDb(server) = &backend.server else { unreachable!() };
    server
}

#[tokio::test]
async fn names_are_compared_as_the_backend_itself_does() {
    let backend = Backend::mariadb();
    let directory = directory(&backend);
    let names = ["john", "John", "john ", "jöhn", " john", "joh", "amina"];
    let known = backend.python(&format!("print(*(User.objects.filter(username=name).exists() for name in {names:?}))"));
    assert_eq!(known, "True True True True False False True", "as its collation has it");
    for (name, known) in names.into_iter().zip(known.split(' ')) {
        let found = directory.candidate(name).await.unwrap();
        assert_eq!(found.is_some(), known == "True", "{name}");
        if let Some(found) = found {
            let account = directory.account_of(&found.id).await.unwrap().unwrap();
            assert_eq!(account.user.username, if name == "amina" { "amina" } else { "john" }, "the one that is stored");
        }
    }
}

#[tokio::test]
async fn a_name_that_the_column_can_not_hold_is_nobodys() {
    let backend = Backend::mariadb();
    let narrow = "ALTER TABLE users_user MODIFY username varchar(150) CHARACTER SET utf8mb3 NOT NULL";
    server(&backend).run(narrow);
    let directory = directory(&backend);
    assert!(directory.candidate("john\u{1f600}").await.unwrap().is_none());
    assert_eq!(account(&directory, "john").await.user.id.as_str(), "1");
}

/// Of a session in the database.
const KEY: &str = "p34tscww881bhkjpqrjttrgf2t6xwf3a";

#[tokio::test]
async fn secrets_are_compared_byte_for_byte() {
    let backend = Backend::mariadb();
    let directory = directory(&backend);
    backend.python(
        "from django.contrib.sessions.backends.db import SessionStore\n\
         from rail_django.models import MFABackupCode, MFADevice\n\
         device = MFADevice.objects.create(user_id=5, device_name='d', device_type='totp', is_active=True)\n\
         for code in ['01234567', '11111111 ', '２２２２２２２２']: MFABackupCode.objects.create(device=device, code=code)\n\
         SessionStore(KEY).save(must_create=True)"
            .replace("KEY", &format!("'{KEY}'"))
            .as_str(),
    );
    let found = async |key: &str| directory.backend_session(&PlainToken::new(key)).await.unwrap().is_some();
    assert!(found(KEY).await);
    for other in [KEY.to_uppercase(), format!("{KEY} "), KEY.replace('a', "á"), String::new()] {
        assert!(!found(&other).await, "{other:?}");
    }
    let user = UserId::new("5");
    let stand = async || directory.codes(&user).await.unwrap().into_iter().map(|code| code.kept).collect::<Vec<_>>();
    let before = directory.codes(&user).await.unwrap();
    for (code, meant) in before.iter().zip(["01234567", "11111111", "22222222"]) {
        let meant = KeptCode { kept: Secret::new(meant), ..code.clone() };
        directory.hash_codes(&user, vec![(meant, HashedCode::new("hash"))]).await.unwrap();
    }
    let after: Vec<String> = stand().await.iter().map(|code| code.expose().to_owned()).collect();
    assert_eq!(after, ["hash", "11111111 ", "２２２２２２２２"]);
}

/// What Django 5 tells projects to do that keep the columns they made with Django 4.
const CHAR32_USERS: &str = "
import uuid
from django.contrib.auth.models import AbstractUser
from django.db import models

class Char32UUIDField(models.UUIDField):
    def db_type(self, connection):
        return 'char(32)'

    def get_db_prep_value(self, value, connection, prepared=False):
        value = super().get_db_prep_value(value, connection, prepared)
        return None if value is None else value.hex

class Person(AbstractUser):
    id = Char32UUIDField(primary_key=True, default=uuid.uuid4)
";

#[tokio::test]
async fn a_uuid_may_be_kept_in_a_text_and_have_the_name_of_any_table() {
    let backend = Backend::people(Server::MariaDb(MariaDb::start_stock()), "people.Person", CHAR32_USERS);
    let id = backend.python("print(User.objects.create(username='eva').pk)");
    let kept = server(&backend).run("SELECT id FROM people_person");
    assert_eq!(kept.trim(), id.replace('-', ""));
    let directory = directory(&backend);
    assert_eq!(account(&directory, "eva").await.user.id.as_str(), id);
    let at = Timestamp::from_secs(1_795_340_542);
    directory.record_login(&UserId::new(id.to_uppercase()), at).await.unwrap();
    assert_eq!(directory.account_of(&UserId::new(id)).await.unwrap().unwrap().user.last_login, Some(at));
}

#[tokio::test]
async fn a_server_is_reached_by_its_socket_and_how_it_is_set_changes_nothing() {
    let backend = Backend::mariadb();
    let server = server(&backend);
    server.run(
        "SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES,ONLY_FULL_GROUP_BY'; SET GLOBAL time_zone = '+05:00'; \
         SET GLOBAL tx_isolation = 'SERIALIZABLE'",
    );
    for url in
        [server.socket_url(), format!("{}?charset=latin1&timezone=-03:00", backend.url()).replace("mysql:", "mariadb:")]
    {
        let directory = DjangoDirectory::new(settings(&url)).unwrap();
        let amina = account(&directory, "amina").await.user;
        assert_eq!((amina.first_name.as_str(), amina.last_name.as_str()), ("Amina", "Élodie"));
        let joined = backend.python("print(User.objects.get(username='amina').date_joined.isoformat())");
        assert_eq!(amina.date_joined.to_string(), joined);
        let at = Timestamp::from_micros(1_795_340_542_000_120);
        directory.record_login(&amina.id, at).await.unwrap();
        assert_eq!(backend.python("print(User.objects.get(username='amina').last_login.isoformat())"), at.to_string());

        // Only a column that knows of time zones, and ends in 2038, tells that the session is in UTC, and strict.
        server.run("ALTER TABLE users_user MODIFY last_login timestamp(6) NULL");
        directory.record_login(&amina.id, at).await.unwrap();
        let kept = server.run("SET time_zone = '+00:00'; SELECT last_login FROM users_user WHERE username = 'amina'");
        assert_eq!(kept.trim(), "2026-11-22 09:42:22.000120");
        assert!(directory.record_login(&amina.id, Timestamp::from_secs(4_000_000_000)).await.is_err());
        server.run("ALTER TABLE users_user MODIFY last_login datetime(6) NULL");
    }
}

#[tokio::test]
async fn what_the_server_refuses_is_a_matter_of_configuration() {
    let server = MariaDb::start();
    let url = server.url();
    for (wrong, why) in [
        (url.replace("demo:demo", "demo:canary"), "1045"),
        (format!("{url}where"), "1049"),
        (url.clone(), "django_content_type"),
    ] {
        let (kind, message) = refusal(DjangoDirectory::new(settings(&wrong)).unwrap().candidate("john").await);
        assert_eq!(kind, DirectoryErrorKind::Misconfigured, "{message}");
        assert!(message.contains(why) && !message.contains("canary"), "{message}");
    }
}

#[tokio::test]
async fn the_rights_of_the_readme_are_enough_and_those_to_write_are_needed() {
    let backend = Backend::mariadb();
    let device = backend.python(
        "from rail_django.models import MFABackupCode, MFADevice\n\
         device = MFADevice.objects.create(user_id=5, device_name='d', device_type='totp', is_active=True)\n\
         MFABackupCode.objects.create(device=device, code='01234567')\n\
         print(device.pk)",
    );
    let server = server(&backend);
    server.run("CREATE USER railgate IDENTIFIED BY 'railgate'");
    let grants = block("README.md", "ON project.users_user TO railgate");
    server.run(&grants.replace("project.", "demo."));

    let url = backend.url().replace("demo:demo", "railgate:railgate");
    let directory = DjangoDirectory::new(settings(&url)).unwrap();
    let (user, at) = (UserId::new("5"), Timestamp::from_secs(1_800_000_000));
    let device = DeviceId::new(device);
    assert_eq!(account(&directory, "mfa_a").await.user.id, user);
    assert_eq!(directory.active(&user).await.unwrap().len(), 1);
    let code = directory.codes(&user).await.unwrap().remove(0).id;
    for what in ["last_login", "mfadevice", "mfabackupcode"] {
        let line = grants.lines().find(|line| line.contains(what)).unwrap();
        let revoke = line.replace("SELECT, ", "").replace("GRANT", "REVOKE").replace(" TO ", " FROM ");
        server.run(&revoke.replace("project.", "demo."));
    }
    assert_eq!(refusal(directory.record_login(&user, at).await).0, DirectoryErrorKind::Misconfigured);
    assert_eq!(refusal(directory.accept_step(&user, &device, at).await).0, DirectoryErrorKind::Misconfigured);
    assert_eq!(refusal(directory.use_code(&user, &code).await).0, DirectoryErrorKind::Misconfigured);
    server.run("REVOKE ALL PRIVILEGES ON demo.rail_django_mfadevice FROM railgate");
    let blind = DjangoDirectory::new(settings(&url)).unwrap();
    let (kind, message) = refusal(blind.active(&user).await);
    assert_eq!(kind, DirectoryErrorKind::Misconfigured, "a table that is not shown is not taken for none");
    assert!(message.contains("rail_django_mfadevice"), "{message}");
    server.run(&grants.replace("project.", "demo."));
    directory.record_login(&user, at).await.unwrap();
    assert!(directory.accept_step(&user, &device, at).await.unwrap());
    assert!(directory.use_code(&user, &code).await.unwrap());
    let new = NewFactor { name: "phone".to_owned(), secret: Secret::new("ABC"), created: at };
    let added = directory.set_up(&user, new).await.unwrap();
    assert!(directory.give_codes(&user, &added, vec![HashedCode::new("hash")], at).await.unwrap());
    directory.remove_all(&user).await.unwrap();
}

/// A call may be dropped wherever it waits, since it has a deadline and its client may leave.
#[tokio::test]
async fn a_call_that_is_dropped_anywhere_leaves_nothing_behind_for_the_next() {
    let backend = Backend::mariadb();
    let john = UserId::new("1");
    let mut cut = 0;
    for polls in 0..24 {
        // One connection, so that the next call gets what the last one left; a new one, so that statements are prepared.
        let directory = DjangoDirectory::new(DjangoSettings { max_connections: 1, ..settings(backend.url()) }).unwrap();
        cut += usize::from(!ends_within(polls, directory.account_of(&UserId::new("2"))).await);
        assert_eq!(account(&directory, "john").await.user.permissions, ["users.change_user", "users.view_user"]);
        let at = Timestamp::from_secs(1_800_000_000 + i64::from(polls));
        cut += usize::from(!ends_within(polls, directory.record_login(&john, Timestamp::from_secs(0))).await);
        directory.record_login(&john, at).await.unwrap();
        assert_eq!(directory.account_of(&john).await.unwrap().unwrap().user.last_login, Some(at), "{polls}");
    }
    // How often a call waits is the machine's to say: what has come by the time that it asks is not waited for.
    assert!(cut > 2, "not only before its first step");
}

/// Goes on with a call as often as it can go on, up to so many times, and drops it. Whether it came to its end.
async fn ends_within(polls: u32, call: impl Future) -> bool {
    let (mut call, mut left) = (pin!(call), polls);
    poll_fn(|context| match left.checked_sub(1) {
        None => Poll::Ready(false),
        Some(fewer) => {
            left = fewer;
            call.as_mut().poll(context).map(|_| true)
        }
    })
    .await
}
