//! Where spans are sent, as it is configured.

use anyhow::Context as _;

use super::{lasting::Lasting, told::Carriers};
use crate::{
    config::{OtlpSettings, Protocol},
    http::tls::Connector,
    telemetry::spans::{
        QUEUE, Tracer,
        collector::{HttpCollector, Tls},
        export::Service,
    },
};

/// The way to the collector, with a task that sends spans there.
pub(super) fn start(settings: &OtlpSettings, lasting: &Lasting, carriers: &mut Carriers) -> anyhow::Result<Tracer> {
    let OtlpSettings { url, tls, service_name } = settings;
    let tls = tls.as_ref().map(|settings| Connector::open(settings, Protocol::Http1)).transpose();
    let tls = tls.context("[telemetry] otlp_ca")?.map(|(Connector { current, name }, reload)| {
        lasting.services.spawn(reload.run());
        Tls { current, name }
    });
    let collector = HttpCollector::new(url, tls).context("[telemetry] otlp")?;
    let (tracer, exporter) = Tracer::new(lasting.entropy.bytes()?, QUEUE, &lasting.spans);
    let service = Service { name: service_name.clone(), instance: lasting.instance };
    carriers.add(lasting.services.spawn(exporter.run(service, collector)));
    Ok(tracer)
}
