//! The way to the database, encrypted and verified.

use railgate::directory::{
    Directory as _, DirectoryErrorKind,
    django::{DjangoDirectory, DjangoSettings},
};

use super::{refusal, settings};
use crate::support::{
    certificates::{Authority, Identity},
    django::{Backend, Server},
};

/// A project whose database takes TLS only, and whoever vouched for its certificate, which names 127.0.0.1.
struct World {
    backend: Backend,
    authority: Authority,
    stranger: Authority,
    client: Identity,
}

impl World {
    fn new(mut backend: Backend) -> Self {
        let (authority, stranger) = (Authority::new("authority"), Authority::new("stranger"));
        let server = authority.vouch("server", "a database", "IP:127.0.0.1");
        let client = authority.vouch("client", "railgate", "DNS:client");
        match &mut backend.server {
            Server::Postgres(postgres) => postgres.insist_on_tls(&server),
            Server::MariaDb(mariadb) => mariadb.insist_on_tls(&authority.certificate(), &server),
            Server::None => panic!("no server"),
        }
        Self { backend, authority, stranger, client }
    }

    fn directory(&self, host: &str, parameters: &str) -> DjangoDirectory {
        let url = self.backend.url().replace("127.0.0.1", host);
        DjangoDirectory::new(DjangoSettings { max_connections: 1, ..settings(&format!("{url}?{parameters}")) }).unwrap()
    }

    async fn takes(&self, host: &str, parameters: &str) {
        let found = self.directory(host, parameters).candidate("john").await;
        assert!(found.unwrap().is_some(), "{host} {parameters}");
    }

    async fn refuses(&self, host: &str, parameters: &str, why: &str) {
        let (kind, found) = refusal(self.directory(host, parameters).candidate("john").await);
        assert!(found.to_lowercase().contains(why), "{host} {parameters}: {found}");
        assert_eq!(kind, DirectoryErrorKind::Misconfigured, "{host} {parameters}: {found}");
    }

    fn authority(&self) -> String {
        self.authority.certificate().display().to_string()
    }

    fn stranger(&self) -> String {
        self.stranger.certificate().display().to_string()
    }
}

#[tokio::test]
async fn postgresql_is_spoken_to_by_tls_as_far_as_the_url_says() {
    let world = World::new(Backend::postgres());
    let (good, bad) = (world.authority(), world.stranger());
    world.refuses("127.0.0.1", "sslmode=disable", "no encryption").await;
    world.takes("127.0.0.1", "sslmode=prefer").await;
    world.takes("127.0.0.1", "sslmode=require").await;
    world.takes("127.0.0.1", &format!("sslmode=verify-full&sslrootcert={good}")).await;
    world.refuses("127.0.0.1", &format!("sslmode=verify-full&sslrootcert={bad}"), "unknownissuer").await;
    world.refuses("127.0.0.1", "sslmode=verify-full", "unknownissuer").await;
    world.refuses("localhost", &format!("sslmode=verify-full&sslrootcert={good}"), "not valid for").await;
    world.takes("localhost", &format!("sslmode=verify-ca&sslrootcert={good}")).await;
    world.refuses("localhost", &format!("sslmode=verify-ca&sslrootcert={bad}"), "unknownissuer").await;
    let (_, found) =
        refusal(world.directory("127.0.0.1", "sslmode=verify-full&sslrootcert=/nowhere").candidate("john").await);
    assert!(found.contains("No such file"), "{found}");
}

#[tokio::test]
async fn mariadb_is_spoken_to_by_tls_as_far_as_the_url_says() {
    let world = World::new(Backend::mariadb());
    let (good, bad) = (world.authority(), world.stranger());
    let Identity { certificate, key } = &world.client;
    let client = format!("ssl-cert={}&ssl-key={}", certificate.display(), key.display());
    world.refuses("127.0.0.1", "ssl-mode=DISABLED", "access denied").await;
    world.refuses("127.0.0.1", "ssl-mode=REQUIRED", "access denied").await;
    world.takes("127.0.0.1", &format!("ssl-mode=REQUIRED&{client}")).await;
    world.takes("127.0.0.1", &format!("ssl-mode=VERIFY_IDENTITY&ssl-ca={good}&{client}")).await;
    world.refuses("127.0.0.1", &format!("ssl-mode=VERIFY_IDENTITY&ssl-ca={bad}&{client}"), "unknownissuer").await;
    world.refuses("localhost", &format!("ssl-mode=VERIFY_IDENTITY&ssl-ca={good}&{client}"), "not valid for").await;
    world.takes("localhost", &format!("ssl-mode=VERIFY_CA&ssl-ca={good}&{client}")).await;
}
