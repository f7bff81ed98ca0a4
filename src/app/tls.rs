//! TLS on all sides, by the certificates that files hold as time goes by.

use anyhow::Context as _;
use tokio::runtime::Handle;

use crate::{
    config::{Config, Protocol, RedisTls, ServerTls},
    directory::upstream::Tls,
    http::tls::{self, Acceptor, Connector},
    store::redis,
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

/// TLS with a Redis; `None` for one in clear.
pub(super) fn for_redis(settings: Option<&RedisTls>, services: &Handle) -> anyhow::Result<Option<redis::Tls>> {
    let Some(RedisTls { files, server_name }) = settings else { return Ok(None) };
    let (current, reload) = tls::follow(files, &[])?;
    services.spawn(reload.run());
    Ok(Some(redis::Tls { current, name: server_name.clone() }))
}
