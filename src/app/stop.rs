//! The beginning of the end: what makes the gateway stop, and who hears of it first.
//!
//! Those who send clients here ask every few seconds whether to go on doing so. They hear at once that it is over, and have
//! `[server] drain_delay` for it: only then do the listeners close, so that nobody is sent to a closed door.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use super::admin::Admin;
use crate::http::{self, server::Successor};

/// Returns when clients are not to be taken any more: it was told to stop and has told so, or a thread has ended.
/// `drained` is begun in between.
pub(super) async fn begins(running: &mut http::Running, drained: impl Future<Output = ()>) -> anyhow::Result<()> {
    let told = async {
        told_to_stop().await.context("waiting for a signal")?;
        // Told once more, it waits no longer.
        tokio::select! {
            () = drained => Ok(()),
            told = told_to_stop() => told.context("waiting for a signal"),
        }
    };
    tokio::select! {
        told = told => told,
        () = running.ended() => Ok(()),
    }
}

/// Tells whoever asks that nobody is to be sent here, and waits until they have heard of it.
pub(super) async fn drain(admin: Option<&Admin>, in_force: Successor) {
    let delay = in_force.settings().drain_delay;
    if let Some(admin) = admin {
        admin.drain();
    }
    if !delay.is_zero() {
        tracing::info!(?delay, "told to stop: clients are taken until those who send them have heard of it");
        tokio::time::sleep(delay).await;
    }
}

async fn told_to_stop() -> std::io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
