//! What the stories need around the gateway: the demo backend, databases, Redis, the gateway's own process, a client.

pub(crate) mod backend;
pub(crate) mod certificates;
pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod django;
pub(crate) mod document;
pub(crate) mod front;
pub(crate) mod gateway;
pub(crate) mod jwt;
pub(crate) mod mariadb;
pub(crate) mod phone;
pub(crate) mod plain;
pub(crate) mod ports;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod redis;
pub(crate) mod redis_tls;
pub(crate) mod sentinel;
pub(crate) mod shell;
pub(crate) mod stub;
pub(crate) mod template;
pub(crate) mod way;
pub(crate) mod world;
