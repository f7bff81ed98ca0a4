//! `[telemetry]`: what is told to others who follow a request.

use super::{reader::Table, server::ServerSettings};

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
}
