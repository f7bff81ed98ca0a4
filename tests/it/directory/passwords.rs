//! A hash in the place of another of the same password.

use railgate::{
    directory::{Directory as _, DirectoryErrorKind},
    model::{EncodedPassword, UserId},
};

use super::{
    account, directory,
    gateways::Gateways,
    on_each, refusal,
    tables::{sql, with_the_rights_of_the_readme},
};
use crate::support::django::Backend;

#[tokio::test]
async fn a_hash_is_replaced_where_it_still_stands_to_the_letter() {
    on_each(async |backend| {
        let (directory, john) = (directory(&backend), UserId::new("1"));
        let stored = || backend.python("print(User.objects.get(pk=1).password)");
        let others = "print(User.objects.exclude(pk=1).filter(password='new').count())";
        let old = account(&directory, "john").await.password;
        let new = EncodedPassword::new("new");
        let changed = [
            EncodedPassword::new(old.expose().to_uppercase()),
            EncodedPassword::new(format!("{} ", old.expose())),
            EncodedPassword::new(""),
        ];
        for other in &changed {
            assert!(!directory.replace_password(&john, other, &new).await.unwrap(), "{}", other.expose());
        }
        for nobody in ["", "0", "999", "x", "1' OR '1'='1"] {
            assert!(!directory.replace_password(&UserId::new(nobody), &old, &new).await.unwrap(), "{nobody}");
        }
        assert_eq!(stored(), old.expose());
        assert!(directory.replace_password(&john, &old, &new).await.unwrap());
        assert!(!directory.replace_password(&john, &old, &new).await.unwrap(), "it stands there no more");
        assert_eq!((stored().as_str(), backend.python(others).as_str()), ("new", "0"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_gateways_at_once_one_replaces_it() {
    on_each(async |backend| {
        let gateways = Gateways::on(&backend);
        let old = account(gateways.one(), "john").await.password;
        let replaced = gateways
            .at_once(16, move |directory, number| {
                let (old, new) = (old.clone(), EncodedPassword::new(format!("new {number}")));
                async move { directory.replace_password(&UserId::new("1"), &old, &new).await.unwrap() }
            })
            .await;
        assert_eq!(replaced.into_iter().filter(|replaced| *replaced).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn it_takes_a_right_that_only_upgrades_need() {
    let backend = Backend::postgres();
    let directory = with_the_rights_of_the_readme(&backend);
    let (john, old) = (UserId::new("1"), account(&directory, "john").await.password);
    let new = EncodedPassword::new("new");
    assert_eq!(refusal(directory.replace_password(&john, &old, &new).await).0, DirectoryErrorKind::Misconfigured);
    let readme = include_str!("../../../README.md");
    let (_, grant) = readme.split_once("on MariaDB, too: `").unwrap();
    sql(&backend, &grant.split_once('`').unwrap().0.replace("railgate", "gateway"));
    assert!(directory.replace_password(&john, &old, &new).await.unwrap());
}
