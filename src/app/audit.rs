//! Where audit events are kept, as it is configured.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::{runtime::Runtime, task::JoinHandle};

use super::tls::for_redis;
use crate::{
    config::{AuditSettings, AuditStreamSettings},
    model::{Clock, Entropy},
    store::{StoreError, redis::EventStream},
    telemetry::{
        audit::{
            AuditLog, QUEUE,
            queue::{Keeper, queue},
        },
        lines::{Destination, Writers},
    },
};

/// Permissions of the file: it tells who did what from where, and is for whoever keeps it.
const FILE_MODE: u32 = 0o600;
struct Stream(EventStream);

impl Keeper for Stream {
    type Error = StoreError;

    async fn keep(&self, event: &str) -> Result<(), StoreError> {
        self.0.append(event).await
    }
}

/// The places that the configuration names, and the task that writes to the stream, if there is one.
pub(super) fn log(
    settings: &AuditSettings,
    clock: Arc<dyn Clock>,
    entropy: &dyn Entropy,
    writers: &mut Writers,
    services: &Runtime,
) -> anyhow::Result<(AuditLog, Option<JoinHandle<()>>)> {
    let mut log = AuditLog::new(clock, entropy.bytes()?);
    let mut add = |name, destination: &Destination| {
        let lane = writers.lane(destination, "audit log", QUEUE as u64);
        lane.map(|lane| log.add_lane(name, lane)).with_context(|| format!("[audit]: {name}"))
    };
    if let Some(path) = &settings.path {
        add("file", &Destination::File { path: path.clone(), mode: FILE_MODE })?;
    }
    if settings.stdout {
        add("stdout", &Destination::Stdout)?;
    }
    let task = settings.redis.as_ref().map(|settings| stream(settings, &mut log, services)).transpose()?;
    Ok((log, task))
}

fn stream(settings: &AuditStreamSettings, log: &mut AuditLog, services: &Runtime) -> anyhow::Result<JoinHandle<()>> {
    let AuditStreamSettings { url, tls, key, max_events, timeout } = settings;
    let tls = for_redis(tls.as_ref(), services.handle()).context("[audit.redis.tls]")?;
    let stream = EventStream::new(url, tls, key, *max_events, *timeout).context("[audit.redis] url")?;
    let (events, pump) = queue(QUEUE);
    log.set_queue(events);
    Ok(services.spawn(pump.run(Stream(stream))))
}
