//! Where spans are sent, as it is configured.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::{runtime::Handle, task::JoinHandle};

use super::stores::Stores;
use crate::{
    auth::timed::Timed,
    config::{OtlpSettings, Protocol},
    directory::{Directory, Factors},
    http::tls::Connector,
    model::Entropy,
    telemetry::spans::{
        QUEUE, Tracer,
        collector::{HttpCollector, Tls},
        export::Service,
    },
};

/// These stores, whose calls are steps of operations where a collector is told of them.
pub(super) fn timed(tracer: Option<&Tracer>, stores: Stores) -> Stores {
    if tracer.is_none() {
        return stores;
    }
    let Stores { sessions, challenges, throttle, .. } = stores.clone();
    Stores {
        sessions: Arc::new(Timed(sessions)),
        challenges: Arc::new(Timed(challenges)),
        throttle: Arc::new(Timed(throttle)),
        ..stores
    }
}

/// The same of a directory.
pub(super) fn timed_directory(tracer: Option<&Tracer>, directory: Arc<dyn Directory>) -> Arc<dyn Directory> {
    if tracer.is_some() { Arc::new(Timed(directory)) } else { directory }
}

/// The same of those who keep factors.
pub(super) fn timed_factors(tracer: Option<&Tracer>, factors: Arc<dyn Factors>) -> Arc<dyn Factors> {
    if tracer.is_some() { Arc::new(Timed(factors)) } else { factors }
}

/// The way to the collector, and the task that sends spans there; if there is one.
pub(super) fn start(
    settings: Option<&OtlpSettings>,
    entropy: &dyn Entropy,
    services: &Handle,
) -> anyhow::Result<(Option<Tracer>, Option<JoinHandle<()>>)> {
    let Some(OtlpSettings { url, tls, service_name }) = settings else { return Ok((None, None)) };
    let tls = tls.as_ref().map(|settings| Connector::open(settings, Protocol::Http1)).transpose();
    let tls = tls.context("[telemetry] otlp_ca")?.map(|(Connector { current, name }, reload)| {
        services.spawn(reload.run());
        Tls { current, name }
    });
    let collector = HttpCollector::new(url, tls).context("[telemetry] otlp")?;
    let (tracer, exporter) = Tracer::new(entropy.bytes()?, QUEUE);
    let service = Service { name: service_name.clone(), instance: entropy.bytes()? };
    let task = services.spawn(exporter.run(service, collector));
    Ok((Some(tracer), Some(task)))
}
