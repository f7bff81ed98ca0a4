//! Two gateways that do the same at once.

use std::sync::Arc;

use railgate::{
    auth::factors::SealedFactors,
    directory::Factors as _,
    model::{Activate, Activation},
};
use tokio::{sync::Barrier, task::JoinSet};

use super::{Embedded, Fixture, Pair, Redis, Shared, at, codes, enrolled, first_code, names, on_both, phone, user};

/// Does `work` so often at once, by turns on either gateway.
async fn at_once<T: Send + 'static, W: Future<Output = T> + Send + 'static>(
    Pair { one, other, .. }: &Pair,
    many: usize,
    work: impl Fn(Arc<SealedFactors>, usize) -> W,
) -> Vec<T> {
    let barrier = Arc::new(Barrier::new(many));
    let mut tasks = JoinSet::new();
    for number in 0..many {
        let (barrier, gateway) = (Arc::clone(&barrier), if number % 2 == 0 { one } else { other });
        let work = work(Arc::clone(gateway), number);
        tasks.spawn(async move {
            barrier.wait().await;
            work.await
        });
    }
    tasks.join_all().await
}

fn count(outcomes: &[bool]) -> usize {
    outcomes.iter().filter(|outcome| **outcome).count()
}

async fn of_fifty_uses_of_a_backup_code_one_counts(fixture: impl Shared) {
    let pair = Pair::on(&fixture);
    enrolled(&pair.one, &user(), "phone", &["a", "b"]).await;
    let code = pair.one.codes(&user()).await.unwrap().remove(0).id;
    let used = at_once(&pair, 50, |gateway, _| {
        let code = code.clone();
        async move { gateway.use_code(&user(), &code).await.unwrap() }
    });
    assert_eq!(count(&used.await), 1);
    assert_eq!(codes(&pair.other).await, ["b"]);
}

async fn of_twenty_first_codes_one_activates(fixture: impl Shared) {
    let pair = Pair::on(&fixture);
    let device = pair.one.set_up(&user(), phone("phone")).await.unwrap();
    let activated = at_once(&pair, 20, |gateway, number| {
        let activate = first_code(&device, Some(&[&number.to_string()]));
        async move { (gateway.activate(&user(), activate).await.unwrap() == Activation::Active).then_some(number) }
    });
    let winners: Vec<_> = activated.await.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(codes(&pair.other).await, [winners[0].to_string()], "the winner's codes");
}

async fn of_twenty_first_factors_one_becomes_it(fixture: impl Shared) {
    let pair = Pair::on(&fixture);
    let activated = at_once(&pair, 20, |gateway, _| async move {
        let device = gateway.set_up(&user(), phone("phone")).await.unwrap();
        let activate = Activate { only_first: true, ..first_code(&device, None) };
        gateway.activate(&user(), activate).await.unwrap() == Activation::Active
    });
    assert_eq!(count(&activated.await), 1);
    assert_eq!(names(&pair.other).await, ["phone"]);
}

async fn of_many_who_show_one_step_one_is_accepted(fixture: impl Shared) {
    let pair = Pair::on(&fixture);
    let device = enrolled(&pair.one, &user(), "phone", &[]).await;
    let accepted = at_once(&pair, 50, |gateway, _| {
        let device = device.clone();
        async move { gateway.accept_step(&user(), &device, at(60)).await.unwrap() }
    });
    assert_eq!(count(&accepted.await), 1);
}

async fn of_many_different_changes_none_is_lost(fixture: impl Shared) {
    let pair = Pair::on(&fixture);
    let given: Vec<_> = (0..30).map(|number| number.to_string()).collect();
    let given: Vec<_> = given.iter().map(String::as_str).collect();
    enrolled(&pair.one, &user(), "phone", &given).await;
    let kept = pair.one.codes(&user()).await.unwrap();
    let used = at_once(&pair, 30, |gateway, number| {
        let code = kept[number].id.clone();
        async move { gateway.use_code(&user(), &code).await.unwrap() }
    });
    assert_eq!(count(&used.await), 30);
    assert!(codes(&pair.other).await.is_empty());
}

on_both!(
    of_fifty_uses_of_a_backup_code_one_counts,
    of_twenty_first_codes_one_activates,
    of_twenty_first_factors_one_becomes_it,
    of_many_who_show_one_step_one_is_accepted,
    of_many_different_changes_none_is_lost,
);
