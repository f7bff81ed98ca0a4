//! TLS on either side, by the certificates that files hold as time goes by.

use anyhow::Context as _;
use tokio::runtime::Handle;

use crate::{
    config::{Config, Protocol, ServerTls},
    directory::upstream::Tls,
    http::tls::{Acceptor, Connector},
};

/// TLS of a listener.
pub(super) fn acceptor(settings: &ServerTls, services: &Handle) -> anyhow::Result<Acceptor> {
    let (acceptor, reload) = Acceptor::open(settings).context("[listeners.tls]")?;
    services.spawn(reload.run());
    Ok(acceptor)
}

/// TLS with the backend, for this version of HTTP; `None` for a backend in clear.
pub(super) fn connector(config: &Config, protocol: Protocol, services: &Handle) -> anyhow::Result<Option<Connector>> {
    let Some(settings) = &config.upstream.tls else { return Ok(None) };
    let (connector, reload) = Connector::open(settings, protocol).context("[upstream.tls]")?;
    services.spawn(reload.run());
    Ok(Some(connector))
}

/// TLS for the gateway's own questions to the backend; `None` for a backend in clear.
pub(super) fn for_questions(config: &Config, services: &Handle) -> anyhow::Result<Option<Tls>> {
    let connector = connector(config, Protocol::Http1, services)?;
    Ok(connector.map(|Connector { current, name }| Tls { current, name }))
}
