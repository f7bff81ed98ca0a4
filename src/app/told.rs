//! Who is told of what happens, as it is configured: the access log, the audit log, and a collector of traces.
//!
//! A configuration opens its own ways to them, and takes over those of the former one that lead to the same place. A way that
//! the next one has no use for ends when all that was given to it has been told: whoever carries it goes on until then.

use tokio::task::JoinHandle;

use super::{audit, kept::Kept, lasting::Lasting, logs, traces};
use crate::{
    config::Config,
    http,
    telemetry::{access::Log, audit::Sinks, lines::Writers, spans::Tracer},
};

/// How long the end waits for those who carry it to tell what is left.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// Those who carry it there: a thread for each place where lines are written, and a task for each that is another machine's.
#[derive(Debug, Default)]
pub(super) struct Carriers {
    pub(super) writers: Writers,
    pub(super) streams: audit::Streams,
    tasks: Vec<JoinHandle<()>>,
}

impl Carriers {
    /// This one, too, until it ends.
    pub(super) fn add(&mut self, task: JoinHandle<()>) {
        self.tasks.retain(|task| !task.is_finished());
        self.tasks.push(task);
    }

    /// Waits until all is told to other machines, but not for ever. Nobody may tell of anything any more.
    pub(super) async fn end(&mut self) {
        let all = async {
            for task in self.tasks.drain(..) {
                // One that panicked has told so.
                let _ = task.await;
            }
        };
        // What is left then is told of when its task is dropped.
        let _ = tokio::time::timeout(PATIENCE, all).await;
    }
}

/// The ways of one configuration. Cheap to clone: the same ones.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) access: Option<Log>,
    pub(super) audit: Sinks,
    pub(super) tracer: Option<Tracer>,
}

/// Opens those that the former configuration has not.
///
/// # Errors
/// When a place can't be opened. One of other machines that is down is none.
pub(super) fn told(
    config: &Config,
    lasting: &Lasting,
    carriers: &mut Carriers,
    former: Option<&Kept>,
) -> anyhow::Result<Told> {
    let same = |is_same: fn(&Config, &Config) -> bool| former.filter(|former| is_same(config, &former.config));
    let access = same(|new, old| (new.log.format, &new.log.access) == (old.log.format, &old.log.access));
    let tracer = same(|new, old| new.otlp == old.otlp);
    Ok(Told {
        // First what leaves no trace where another one can't be opened.
        tracer: match tracer {
            Some(former) => former.told.tracer.clone(),
            None => config.otlp.as_ref().map(|settings| traces::start(settings, lasting, carriers)).transpose()?,
        },
        audit: audit::sinks(&config.audit, lasting, carriers, former)?,
        access: match access {
            Some(former) => former.told.access.clone(),
            None => logs::access(&config.log, lasting, &mut carriers.writers)?,
        },
    })
}

/// The same, for those who serve requests.
pub(super) fn telling(config: &Config, lasting: &Lasting, told: &Told) -> http::Telling {
    http::Telling {
        access: told.access.clone(),
        spans: told.tracer.clone().map(|tracer| http::Spans::new(tracer, &config.upstream.url)),
        traces: config.telemetry,
        clock: lasting.clock.clone(),
        entropy: lasting.entropy.clone(),
    }
}
