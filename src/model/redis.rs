//! Where a Redis is, as an operator writes it.
//!
//! | deployment | URL |
//! |---|---|
//! | one server | `redis://[user:password@]host[:port][/db]` |
//! | Sentinel | `redis-sentinel://[user:password@]host[:port],…/service[/db][?sentinel_username=…&sentinel_password=…]` |
//! | Cluster | `redis-cluster://[user:password@]host[:port],…` |
//!
//! `rediss` in the place of `redis` asks for TLS, with every server and every sentinel: `rediss://`, `rediss-sentinel://`,
//! `rediss-cluster://`.
//!
//! User and password before the `@` are Redis' own; the sentinels' stand in the query, since they are other processes
//! with other users. In all of them what isn't a letter or digit may be percent-encoded, and `/`, `?`, `#` and `%` must be.
//! An IPv6 address stands in brackets.
//!
//! It is a word of the model, since the configuration refuses what the store could not read.

use std::fmt;

use super::Secret;

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// A Redis, and how to log in to it.
#[derive(Clone, Debug)]
pub struct RedisAddress {
    /// Which servers there are, and how the one that writes is found among them.
    pub topology: RedisTopology,
    /// The login of Redis itself.
    pub login: RedisLogin,
    /// All that it consists of is spoken to by TLS.
    pub is_tls: bool,
}

/// How the server that writes is found.
#[derive(Clone, Debug)]
pub enum RedisTopology {
    /// There is one, and this is it.
    Single {
        /// The server.
        node: RedisNode,
        /// The number of the database.
        db: u16,
    },
    /// Sentinels know which of several is the primary now.
    Sentinel {
        /// Some of the sentinels; they are asked in this order.
        sentinels: Vec<RedisNode>,
        /// The name by which the sentinels know the primary.
        service: String,
        /// The login of the sentinels.
        sentinel_login: RedisLogin,
        /// The number of the database.
        db: u16,
    },
    /// Each part of the keys has a primary of its own; any node knows them all.
    Cluster {
        /// Some of the nodes.
        nodes: Vec<RedisNode>,
    },
}

/// Where one process listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RedisNode {
    /// A name or an address; an IPv6 address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Who the gateway is to a server. Without a password it does not log in.
#[derive(Clone, Debug, Default)]
pub struct RedisLogin {
    /// A user of the server's ACL; `None` for the default one.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
}

/// Why a text is no address. Shows nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each says what it is in its message")]
pub enum RedisAddressError {
    #[error("not of the form redis://, redis-sentinel:// or redis-cluster://, or the same with rediss")]
    Form,
    #[error("redis:// takes one server: use redis-sentinel:// or redis-cluster:// for several")]
    Several,
    #[error("redis-sentinel:// needs the name of the service: redis-sentinel://host:port,host:port/SERVICE")]
    NoService,
    #[error("a Redis Cluster has no numbered databases: leave out what follows the last host")]
    ClusterDatabase,
    #[error("in a user or password, `/` is written %2F, `?` %3F, `#` %23 and `%` %25")]
    Encoding,
}

use RedisAddressError as Fault;

impl RedisAddress {
    /// Reads a URL.
    ///
    /// # Errors
    /// When it is none of the three forms, with TLS or without.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let (scheme, rest) = text.split_once("://").ok_or(Fault::Form)?;
        if rest.contains('#') {
            return Err(if rest.contains('@') { Fault::Encoding } else { Fault::Form });
        }
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        // What should have been a password ends up there.
        if path.contains('@') || (query.contains('@') && !authority.contains('@')) {
            return Err(Fault::Encoding);
        }
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (parse_login(login)?, hosts),
            None => (RedisLogin::default(), authority),
        };
        let (redis, form) = scheme.split_once('-').unwrap_or((scheme, ""));
        let topology = match form {
            "" if query.is_empty() => single(hosts, path)?,
            "sentinel" => sentinel(hosts, path, query)?,
            "cluster" if query.is_empty() => cluster(hosts, path)?,
            _ => return Err(Fault::Form),
        };
        let is_tls = match redis {
            "redis" => false,
            "rediss" => true,
            _ => return Err(Fault::Form),
        };
        Ok(Self { topology, login, is_tls })
    }

    /// Those that the URL names.
    #[must_use]
    pub fn nodes(&self) -> &[RedisNode] {
        match &self.topology {
            RedisTopology::Single { node, .. } => std::slice::from_ref(node),
            RedisTopology::Sentinel { sentinels: nodes, .. } | RedisTopology::Cluster { nodes } => nodes,
        }
    }

    /// Whether the URL that it was read from gives a secret away.
    #[must_use]
    pub const fn holds_secret(&self) -> bool {
        let sentinels = match &self.topology {
            RedisTopology::Sentinel { sentinel_login, .. } => sentinel_login.password.is_some(),
            RedisTopology::Single { .. } | RedisTopology::Cluster { .. } => false,
        };
        sentinels || self.login.password.is_some()
    }
}

fn single(hosts: &str, path: &str) -> Result<RedisTopology, Fault> {
    let mut nodes = parse_nodes(hosts, REDIS_PORT)?;
    match (nodes.pop(), nodes.is_empty()) {
        (Some(node), true) => Ok(RedisTopology::Single { node, db: parse_db(path)? }),
        _ => Err(Fault::Several),
    }
}

fn sentinel(hosts: &str, path: &str, query: &str) -> Result<RedisTopology, Fault> {
    let sentinels = parse_nodes(hosts, SENTINEL_PORT)?;
    let (service, db) = path.split_once('/').unwrap_or((path, ""));
    if service.is_empty() {
        return Err(Fault::NoService);
    }
    let mut sentinel_login = RedisLogin::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=').ok_or(Fault::Form)? {
            ("sentinel_username", name) => sentinel_login.username = Some(decode(name)?),
            ("sentinel_password", password) => sentinel_login.password = Some(Secret::new(decode(password)?)),
            _ => return Err(Fault::Form),
        }
    }
    if sentinel_login.username.is_some() && sentinel_login.password.is_none() {
        return Err(Fault::Form);
    }
    Ok(RedisTopology::Sentinel { sentinels, service: decode(service)?, sentinel_login, db: parse_db(db)? })
}

fn cluster(hosts: &str, path: &str) -> Result<RedisTopology, Fault> {
    let nodes = parse_nodes(hosts, REDIS_PORT)?;
    if path.is_empty() { Ok(RedisTopology::Cluster { nodes }) } else { Err(Fault::ClusterDatabase) }
}

fn parse_db(text: &str) -> Result<u16, Fault> {
    if text.is_empty() { Ok(0) } else { text.parse().map_err(|_| Fault::Form) }
}

/// `user:password`, or `:password` for the default user.
fn parse_login(text: &str) -> Result<RedisLogin, Fault> {
    let (username, password) = text.split_once(':').ok_or(Fault::Form)?;
    let username = Some(decode(username)?).filter(|name| !name.is_empty());
    let password = Some(decode(password)?).filter(|password| !password.is_empty());
    if username.is_some() && password.is_none() {
        return Err(Fault::Form);
    }
    Ok(RedisLogin { username, password: password.map(Secret::new) })
}

fn parse_nodes(text: &str, default_port: u16) -> Result<Vec<RedisNode>, Fault> {
    text.split(',').map(|node| parse_node(node, default_port)).collect()
}

fn parse_node(text: &str, default_port: u16) -> Result<RedisNode, Fault> {
    let (host, port) = match text.strip_prefix('[') {
        Some(address) => {
            let (host, after) = address.split_once(']').ok_or(Fault::Form)?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| Fault::Form)?;
            (host, if after.is_empty() { None } else { Some(after.strip_prefix(':').ok_or(Fault::Form)?) })
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    if host.is_empty() || !host.bytes().all(plain) {
        return Err(Fault::Form);
    }
    let port = port.map_or(Ok(default_port), |port| port.parse().map_err(|_| Fault::Form))?;
    Ok(RedisNode { host: host.to_owned(), port })
}

fn decode(text: &str) -> Result<String, Fault> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8().map_err(|_| Fault::Form)?;
    Ok(decoded.into_owned())
}

/// As an address is written: `host:port`, `[::1]:port`.
impl fmt::Display for RedisNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::{RedisAddress, RedisAddressError as Fault, RedisTopology};

    fn parsed(text: &str) -> RedisAddress {
        RedisAddress::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
    }

    fn list(nodes: &[super::RedisNode]) -> String {
        nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn one_server() {
        for (text, place, number) in [
            ("redis://cache", "cache:6379", 0),
            ("redis://cache:1/", "cache:1", 0),
            ("redis://[::1]:1/15", "[::1]:1", 15),
            ("redis://[2001:db8::7]/2", "[2001:db8::7]:6379", 2),
        ] {
            let RedisTopology::Single { node, db } = parsed(text).topology else { panic!("{text}") };
            assert_eq!((node.to_string().as_str(), db), (place, number), "{text}");
        }
    }

    #[test]
    fn sentinels_and_their_own_password() {
        let address = parsed(
            "redis-sentinel://app:p%40ss@a,b:1,[::1]/my%2Done/3?sentinel_username=watch&sentinel_password=w%26%2Fx",
        );
        let RedisTopology::Sentinel { sentinels, service, sentinel_login, db } = &address.topology else { panic!() };
        assert_eq!((list(sentinels).as_str(), service.as_str(), *db), ("a:26379 b:1 [::1]:26379", "my-one", 3));
        assert_eq!(sentinel_login.username.as_deref(), Some("watch"));
        assert_eq!(sentinel_login.password.as_ref().unwrap().expose(), "w&/x");
        assert_eq!(address.login.username.as_deref(), Some("app"));
        assert_eq!(address.login.password.as_ref().unwrap().expose(), "p@ss");
        assert!(!format!("{address:?}").contains("ss\""), "{address:?}");
        assert!(parsed("redis-sentinel://a/m?sentinel_password=x").holds_secret());
        assert!(!parsed("redis-sentinel://a/m").holds_secret());
    }

    #[test]
    fn a_cluster() {
        let address = parsed("redis-cluster://:p@ss@a:7000,b");
        let RedisTopology::Cluster { nodes } = &address.topology else { panic!() };
        assert_eq!(list(nodes), "a:7000 b:6379");
        assert_eq!((&address.login.username, address.login.password.unwrap().expose()), (&None, "p@ss"));
    }

    #[test]
    fn each_of_them_may_be_spoken_to_by_tls() {
        for (text, nodes) in [
            ("rediss://:p@cache:1/2", "cache:1"),
            ("rediss-sentinel://a,b:1/main", "a:26379 b:1"),
            ("rediss-cluster://a,b:1", "a:6379 b:1"),
        ] {
            let (tls, clear) = (parsed(text), parsed(&text.replace("rediss", "redis")));
            assert_eq!((tls.is_tls, clear.is_tls), (true, false), "{text}");
            assert_eq!((list(tls.nodes()).as_str(), list(clear.nodes()).as_str()), (nodes, nodes), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, fault) in [
            ("", Fault::Form),
            ("redis:x", Fault::Form),
            ("redis://", Fault::Form),
            ("redis://:x@", Fault::Form),
            ("redis://user@h", Fault::Form),
            ("redis://user:@h", Fault::Form),
            ("redis://h:x", Fault::Form),
            ("redis://h/x", Fault::Form),
            ("redis://h?x=1", Fault::Form),
            ("redis://h#x", Fault::Form),
            ("redis://::1", Fault::Form),
            ("redis://[h]", Fault::Form),
            ("redis://a b", Fault::Form),
            ("redis+cluster://a", Fault::Form),
            ("redisss://a", Fault::Form),
            ("valkey://a", Fault::Form),
            ("-cluster://a", Fault::Form),
            ("redis-clusters://a", Fault::Form),
            ("redis://:a/b@h", Fault::Encoding),
            ("redis://:a?b@h", Fault::Encoding),
            ("redis://:a#b@h", Fault::Encoding),
            ("redis://a,b", Fault::Several),
            ("rediss://a,b", Fault::Several),
            ("redis-sentinel://a,b", Fault::NoService),
            ("redis-sentinel://a,b/", Fault::NoService),
            ("redis-sentinel://a,,b/m", Fault::Form),
            ("redis-sentinel://a/m/x", Fault::Form),
            ("redis-sentinel://a/m?password=x", Fault::Form),
            ("redis-sentinel://a/m?sentinel_username=x", Fault::Form),
            ("redis-cluster://a,b/1", Fault::ClusterDatabase),
        ] {
            assert_eq!(RedisAddress::parse(text).unwrap_err(), fault, "{text}");
        }
    }
}
