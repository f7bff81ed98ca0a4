//! A primary with a replica, and three sentinels that watch them: real processes of a test's own.
#![expect(clippy::unwrap_used, reason = "a test without its servers has failed")]

use std::fs;

use super::redis::{RedisServer, url_of, wait_until};

/// The name by which the sentinels know the primary.
pub(crate) const SERVICE: &str = "main";
/// How soon the sentinels take a server that doesn't answer for dead: soon, where a test is about that …
pub(crate) const SOON_MS: u32 = 400;
/// … and else so late that a busy machine is not taken for a dead one.
pub(crate) const LATE_MS: u32 = 15_000;

/// The servers, the first of which begins as the primary.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) servers: Vec<RedisServer>,
    pub(crate) sentinels: Vec<RedisServer>,
}

impl Watched {
    /// Starts all of them. The sentinels know the primary at once, and each other a little later.
    pub(crate) fn start(down_after_ms: u32) -> Self {
        Self::start_by(down_after_ms, Vec::new)
    }

    /// The same with further arguments for each, made anew each time.
    pub(crate) fn start_by(down_after_ms: u32, more: impl Fn() -> Vec<String>) -> Self {
        let primary = RedisServer::start_by(&[], &more);
        let port = primary.others_port().to_string();
        // The replica has its copy at once.
        let follows = ["--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"];
        let replica = RedisServer::start_by(&follows, &more);
        let sentinels = (0..3).map(|_| start_sentinel(primary.others_port(), down_after_ms, &more)).collect();
        Self { servers: vec![primary, replica], sentinels }
    }

    /// `redis-sentinel://…` of these sentinels, or `rediss-sentinel://…`.
    pub(crate) fn url(&self) -> String {
        url_of(&self.sentinels, "sentinel") + "/" + SERVICE
    }

    /// Waits until a failover could succeed: the sentinels know each other and the replica, which has all data.
    pub(crate) fn settle(&self) {
        let [_, replica] = &self.servers[..] else { panic!("two servers") };
        wait_until("the replica follows", || info(replica).get("master_link_status") == Some("up".to_owned()));
        for sentinel in &self.sentinels {
            wait_until("the sentinels know each other", || {
                let state: Vec<String> =
                    redis::cmd("SENTINEL").arg("MASTER").arg(SERVICE).query(&mut sentinel.connection()).unwrap();
                let says = |name: &str| state.iter().skip_while(|field| *field != name).nth(1).unwrap().as_str();
                says("num-other-sentinels") == "2" && says("num-slaves") == "1" && says("flags") == "master"
            });
        }
    }

    /// Kills the first server, which is the primary, once the replica has all that was acknowledged so far.
    pub(crate) fn kill_primary(&mut self) {
        self.servers[0].replicate("marker");
        self.servers[0].stop();
    }

    /// The port of the primary, as the sentinel of this number says.
    pub(crate) fn primary_by(&self, sentinel: usize) -> u16 {
        let mut question = redis::cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(SERVICE);
        let (_, port): (String, u16) = question.query(&mut self.sentinels[sentinel].connection()).unwrap();
        port
    }
}

fn start_sentinel(primary: u16, down_after_ms: u32, more: impl Fn() -> Vec<String>) -> RedisServer {
    RedisServer::start_bare(|folder| {
        let file = folder.join("sentinel.conf");
        let text = format!(
            "sentinel monitor {SERVICE} 127.0.0.1 {primary} 2\n\
             sentinel down-after-milliseconds {SERVICE} {down_after_ms}\n\
             sentinel failover-timeout {SERVICE} 3000\n"
        );
        fs::write(&file, text).unwrap();
        [vec![file.display().to_string(), "--sentinel".to_owned()], more()].concat()
    })
}

fn info(server: &RedisServer) -> redis::InfoDict {
    redis::cmd("INFO").query(&mut server.connection()).unwrap()
}
