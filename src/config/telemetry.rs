//! `[telemetry]`: what is told to others who follow a request.

use std::path::Path;

use http::{Uri, uri::Scheme};

use super::{
    reader::{Fault, Table},
    server::ServerSettings,
    tls::{self, ClientTls},
    upstream::parse_http_url,
};

const URL: &str = "a collector's address such as \"http://127.0.0.1:4318\"";
/// Longest name of a service.
const LONGEST_NAME: usize = 128;

/// What is told to others who follow a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelemetrySettings {
    /// Whose traces are gone on with.
    pub trace_context: TraceSource,
    /// Of a hundred traces that begin here, how many are to be recorded, by those who go by what the gateway says of it.
    pub sampled_percent: u8,
}

/// Whose word for the trace that a request belongs to is taken (W3C Trace Context).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TraceSource {
    /// That of `[server] trusted_proxies`; other requests begin traces of their own.
    #[default]
    TrustedProxies,
    /// Anybody's.
    Anyone,
    /// Nobody's: the headers pass as they are, and the gateway has no part in traces.
    Off,
}

impl TelemetrySettings {
    pub(super) fn read(table: &Table<'_>, server: &ServerSettings) -> Self {
        let trace_context = table.choice(
            "trace_context",
            TraceSource::default(),
            &[
                ("trusted-proxies", TraceSource::TrustedProxies),
                ("anyone", TraceSource::Anyone),
                ("off", TraceSource::Off),
            ],
        );
        let written = table.has("trace_context");
        if written && trace_context == TraceSource::TrustedProxies && server.trusted_proxies.is_empty() {
            let help = "name them by `trusted_proxies` of [server], or remove it";
            table.warn("trace_context", "has no effect: there are no trusted proxies", help);
        }
        let sampled_percent = table.number("sampled_percent", 100, &(0..=100));
        if trace_context == TraceSource::Off && table.has("sampled_percent") {
            table.warn("sampled_percent", "has no effect", "remove it, or have `trace_context` another value");
        }
        Self { trace_context, sampled_percent }
    }
}

/// The collector that spans are sent to, by OTLP over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtlpSettings {
    /// Its address; below it, `/v1/traces`.
    pub url: Uri,
    /// How TLS is spoken with it; `None`: it is spoken to in clear.
    pub tls: Option<ClientTls>,
    /// What the gateways of this deployment are called there (`service.name`).
    pub service_name: String,
}

impl OtlpSettings {
    /// `source`: whose traces are gone on with.
    pub(super) fn read(table: &Table<'_>, folder: &Path, source: TraceSource) -> Option<Self> {
        let url = table.text("otlp", URL, parse_url);
        let service_name = table.text_or("service_name", "a name of 1 to 128 characters", "railgate", parse_name);
        let https_host = url.as_ref().filter(|url| url.scheme() == Some(&Scheme::HTTPS)).and_then(Uri::host);
        // What has no effect is not read.
        let reads_ca = https_host.is_some() || !table.has("otlp_ca");
        let ca = if reads_ca { tls::authority(table, "otlp_ca", folder) } else { None };
        let tls = https_host.and_then(|host| ClientTls::of_host(host, ca));
        if https_host.is_some() && tls.is_none() {
            table.reject("otlp", "has a host that no certificate could be for", "name it as its certificate does");
        }
        if https_host.is_none() && table.has("otlp_ca") {
            table.warn("otlp_ca", "has no effect: no collector is spoken to by TLS", "begin `otlp` with https://");
        }
        if !table.has("otlp") && table.has("service_name") {
            table.warn("service_name", "has no effect", "name a collector by `otlp`, or remove it");
        }
        if url.is_some() && source == TraceSource::Off {
            table.warn("otlp", "has no effect", "have `trace_context` another value than \"off\"");
        }
        Some(Self { url: url?, tls, service_name })
    }
}

fn parse_url(text: &str) -> Result<Uri, Fault> {
    let url = parse_http_url(text)?;
    if url.query().is_some() { Err(Fault::Form) } else { Ok(url) }
}

fn parse_name(text: &str) -> Result<String, Fault> {
    let is_shown = !text.is_empty() && !text.chars().any(char::is_control);
    if is_shown && text.chars().count() <= LONGEST_NAME { Ok(text.to_owned()) } else { Err(Fault::Form) }
}

#[cfg(test)]
mod tests {
    use super::TraceSource;
    use crate::config::tests::{config, messages};

    #[test]
    fn traces_are_those_of_trusted_proxies_unless_it_says_otherwise() {
        let found = config("").telemetry;
        assert_eq!((found.trace_context, found.sampled_percent), (TraceSource::TrustedProxies, 100));
        let found = config("[telemetry]\ntrace_context = 'anyone'\nsampled_percent = 0").telemetry;
        assert_eq!((found.trace_context, found.sampled_percent), (TraceSource::Anyone, 0));
        let found = messages("[telemetry]\nsampled_percent = 101");
        assert!(found.len() == 1 && found[0].starts_with("`telemetry.sampled_percent`"), "{found:?}");
    }

    #[test]
    fn a_collector_is_told_only_where_it_is_named() {
        assert!(config("").otlp.is_none());
        let found = config("[telemetry]\notlp = 'http://collector:4318'").otlp.unwrap();
        assert_eq!(
            (found.url.to_string().as_str(), found.service_name.as_str()),
            ("http://collector:4318/", "railgate")
        );
        assert!(found.tls.is_none());
        let found = config("[telemetry]\notlp = 'https://collector/prefix'\nservice_name = 'login'").otlp.unwrap();
        assert_eq!((found.url.path(), found.service_name.as_str(), found.tls.is_some()), ("/prefix", "login", true));
        for bad in ["collector:4318", "http://u:p@collector", "http://collector/?a=b", "grpc://collector"] {
            let found = messages(&format!("[telemetry]\notlp = '{bad}'"));
            assert!(found.len() == 1 && found[0].starts_with("`telemetry.otlp`"), "{bad}: {found:?}");
        }
        for (idle, key) in
            [("service_name = 'x'", "service_name"), ("otlp = 'http://c'\ntrace_context = 'off'", "otlp")]
        {
            assert_eq!(messages(&format!("[telemetry]\n{idle}")), [format!("`telemetry.{key}` has no effect")]);
        }
    }
}
