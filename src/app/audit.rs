//! Where audit events are kept, as it is configured.

use anyhow::Context as _;

use super::{kept::Kept, lasting::Lasting, tls::for_redis, told::Carriers};
use crate::{
    config::{AuditSettings, AuditStreamSettings},
    store::{StoreError, redis::EventStream},
    telemetry::{
        audit::{
            QUEUE, Sinks,
            queue::{Ended, Keeper, Queue, queue},
        },
        lines::{Destination, Lane, Ledger},
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

/// Streams that events go to, and those that still get what had gone there before.
#[derive(Debug, Default)]
pub(super) struct Streams(Vec<(AuditStreamSettings, Ended)>);

impl Streams {
    /// The ends of what is still written to the same stream, in the same way: one that could not be reached so is not waited
    /// for.
    fn still_written(&mut self, settings: &AuditStreamSettings) -> Vec<Ended> {
        let AuditStreamSettings { url, tls, key, .. } = settings;
        self.0.retain(|(_, ended)| !ended.has_come());
        let same = self.0.iter().filter(|(other, _)| (&other.url, &other.tls, &other.key) == (url, tls, key));
        same.map(|(_, ended)| ended.clone()).collect()
    }
}

/// The places that the configuration names. One that the former one named, too, is the same, so that no event overtakes another
/// on its way there.
pub(super) fn sinks(
    settings: &AuditSettings,
    lasting: &Lasting,
    carriers: &mut Carriers,
    former: Option<&Kept>,
) -> anyhow::Result<Sinks> {
    let same = |is_same: fn(&AuditSettings, &AuditSettings) -> bool| {
        let former = former.filter(|former| is_same(settings, &former.config.audit));
        former.map(|former| former.told.audit.clone())
    };
    let ledgers = lasting.audit.ledgers();
    Ok(Sinks {
        // First what leaves no trace where another one can't be opened.
        redis: match (same(|new, old| new.redis == old.redis), &settings.redis) {
            (Some(former), _) => former.redis,
            (None, None) => None,
            (None, Some(settings)) => Some(stream(settings, lasting, carriers)?),
        },
        file: match (same(|new, old| new.path == old.path), &settings.path) {
            (Some(former), _) => former.file,
            (None, None) => None,
            (None, Some(path)) => {
                let file = Destination::File { path: path.clone(), mode: FILE_MODE };
                Some(lane(&file, &ledgers.file, carriers).context("[audit] path")?)
            }
        },
        stdout: match (same(|new, old| new.stdout == old.stdout), settings.stdout) {
            (Some(former), _) => former.stdout,
            (None, false) => None,
            (None, true) => Some(lane(&Destination::Stdout, &ledgers.stdout, carriers).context("[audit] stdout")?),
        },
    })
}

fn lane(to: &Destination, ledger: &Ledger, carriers: &mut Carriers) -> std::io::Result<Lane> {
    carriers.writers.lane(to, QUEUE as u64, ledger)
}

fn stream(settings: &AuditStreamSettings, lasting: &Lasting, carriers: &mut Carriers) -> anyhow::Result<Queue> {
    let AuditStreamSettings { url, tls, key, max_events, timeout, .. } = settings;
    let tls = for_redis(tls.as_ref(), &lasting.services).context("[audit.redis.tls]")?;
    let stream = EventStream::new(url, tls, key, *max_events, *timeout).context("[audit.redis] url")?;
    let former = carriers.streams.still_written(settings);
    let (events, pump) = queue(QUEUE, &lasting.audit.ledgers().redis, former);
    carriers.streams.0.push((settings.clone(), pump.ended()));
    carriers.add(lasting.services.spawn(pump.run(Stream(stream))));
    Ok(events)
}
