//! The scripts, and how spans are written for them.

use std::{sync::LazyLock, time::Duration};

use redis::Script;

/// A script, behind what all of them have in common.
macro_rules! script {
    ($($file:literal),+) => {
        LazyLock::new(|| {
            Script::new(concat!(include_str!("record.lua"), include_str!("index.lua"), $(include_str!($file)),+))
        })
    };
}

pub(super) static CREATE: LazyLock<Script> = script!("add.lua", "create.lua");
pub(super) static ROTATE: LazyLock<Script> = script!("rotate.lua");
pub(super) static TOUCH: LazyLock<Script> = script!("touch.lua");
pub(super) static END: LazyLock<Script> = script!("end.lua");
pub(super) static LIST: LazyLock<Script> = script!("list.lua");
pub(super) static END_ALL: LazyLock<Script> = script!("end_all.lua");
pub(super) static FORGET: LazyLock<Script> = script!("forget.lua");
pub(super) static ANNOUNCE: LazyLock<Script> = script!("announce.lua");
pub(super) static NEWS: LazyLock<Script> = script!("news.lua");
pub(super) static ADOPT: LazyLock<Script> = script!("spent.lua", "add.lua", "adopt.lua");
pub(super) static SPEND: LazyLock<Script> = script!("spent.lua", "spend.lua");
pub(super) static BEGIN: LazyLock<Script> = script!("begin.lua");
pub(super) static ATTEMPT: LazyLock<Script> = script!("attempt.lua");
pub(super) static CONSUME: LazyLock<Script> = script!("consume.lua");
pub(super) static PROVE: LazyLock<Script> = script!("prove.lua");
pub(super) static STEP_UP: LazyLock<Script> = script!("step_up.lua");
pub(super) static ADMIT: LazyLock<Script> = script!("admit.lua");
pub(super) static UNDO: LazyLock<Script> = script!("undo.lua");
pub(super) static FORGIVE_ALL: LazyLock<Script> = script!("forgive_all.lua");
pub(super) static VAULT_PUT: LazyLock<Script> = script!("vault_put.lua");

/// For a script: at most 142 years, since Lua counts in doubles, which are exact up to 2^53.
pub(super) fn micros(span: Duration) -> u64 {
    const FOREVER: u64 = 1 << 52;
    u64::try_from(span.as_micros()).unwrap_or(FOREVER).min(FOREVER)
}
