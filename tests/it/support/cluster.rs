//! A Redis Cluster of three primaries, each with a replica: real processes of a test's own.
#![expect(clippy::unwrap_used, reason = "a test without its servers has failed")]

use redis::{Connection, FromRedisValue};

use super::redis::{RedisServer, free_port, url_of, wait_until};

/// How soon the nodes take one that doesn't answer for dead: soon, where a test is about that …
pub(crate) const SOON_MS: u32 = 500;
/// … and else so late that a busy machine is not taken for a dead one.
pub(crate) const LATE_MS: u32 = 15_000;

/// The nodes: three primaries, then their replicas in the same order.
#[derive(Debug)]
pub(crate) struct Nodes(pub(crate) Vec<RedisServer>);

impl Nodes {
    /// Starts the nodes and makes a cluster of them, which takes a second or two.
    pub(crate) fn start(down_after_ms: u32) -> Self {
        Self::start_by(down_after_ms, Vec::new)
    }

    /// The same with further arguments for each, made anew each time.
    pub(crate) fn start_by(down_after_ms: u32, more: impl Fn() -> Vec<String>) -> Self {
        let cluster = Self((0..6).map(|_| start_node(down_after_ms, &more)).collect());
        let ids: Vec<String> = cluster.0.iter().map(id).collect();
        for (number, (first, last)) in [(0, 5460), (5461, 10922), (10923, 16383)].into_iter().enumerate() {
            let primary = &cluster.0[number];
            let () = ask(primary, &format!("CLUSTER SET-CONFIG-EPOCH {}", number + 1));
            let () = ask(primary, &format!("CLUSTER ADDSLOTSRANGE {first} {last}"));
        }
        for node in &cluster.0[1..] {
            let () = ask(&cluster.0[0], &format!("CLUSTER MEET 127.0.0.1 {} {}", node.others_port(), bus_port(node)));
        }
        let knows_all = |node: &RedisServer| info(node, "CLUSTER INFO", "cluster_known_nodes") == "6";
        wait_until("the nodes know each other", || cluster.0.iter().all(knows_all));
        for (replica, primary) in cluster.0[3..].iter().zip(&ids) {
            // It may still take a moment to know the other one as a primary.
            wait_until("the replica has a primary", || {
                let order = format!("CLUSTER REPLICATE {primary}");
                words(&order).query::<()>(&mut replica.connection()).is_ok()
            });
        }
        wait_until("the cluster stands", || cluster.is_well());
        cluster
    }

    /// `redis-cluster://…` of some of these nodes, or `rediss-cluster://…`.
    pub(crate) fn url(&self) -> String {
        url_of(&self.0, "cluster")
    }

    /// Waits until every replica has a copy and is known to the others as one.
    pub(crate) fn settle(&self) {
        wait_until("the replicas follow", || {
            self.0[3..].iter().all(|replica| info(replica, "INFO replication", "master_link_status") == "up")
        });
        wait_until("all know of the replicas", || {
            self.0.iter().all(|node| ask::<String>(node, "CLUSTER NODES").matches("slave").count() == 3)
        });
    }

    /// The place in the list of the node that has this key.
    pub(crate) fn owner_of(&self, key: &str) -> usize {
        let slot: u16 = ask(&self.0[0], &format!("CLUSTER KEYSLOT {key}"));
        usize::from(slot > 5460) + usize::from(slot > 10_922)
    }

    /// Begins to move a slot.
    pub(crate) fn open_slot(slot: u16, source: &RedisServer, target: &RedisServer) {
        let () = ask(target, &format!("CLUSTER SETSLOT {slot} IMPORTING {}", id(source)));
        let () = ask(source, &format!("CLUSTER SETSLOT {slot} MIGRATING {}", id(target)));
    }

    /// All keys of the slot have moved.
    pub(crate) fn close_slot(slot: u16, source: &RedisServer, target: &RedisServer) {
        for node in [target, source] {
            let () = ask(node, &format!("CLUSTER SETSLOT {slot} NODE {}", id(target)));
        }
    }

    /// Kills the primary that has this key, once its replica has all that was acknowledged so far.
    pub(crate) fn kill_primary_of(&mut self, key: &str) {
        let owner = self.owner_of(key);
        self.0[owner].replicate(key);
        self.0[owner].stop();
    }

    /// Whether all nodes say that the cluster works.
    fn is_well(&self) -> bool {
        self.0.iter().all(|node| {
            info(node, "CLUSTER INFO", "cluster_state") == "ok" && info(node, "CLUSTER INFO", "cluster_size") == "3"
        })
    }
}

fn start_node(down_after_ms: u32, more: impl Fn() -> Vec<String>) -> RedisServer {
    RedisServer::start_bare(|_| {
        let (bus, timeout) = (free_port(), down_after_ms);
        let line = format!(
            "--cluster-enabled yes --cluster-port {bus} --cluster-node-timeout {timeout} \
             --cluster-replica-validity-factor 0 --repl-diskless-sync-delay 0 --appendonly yes --appendfsync always \
             --enable-debug-command local"
        );
        line.split(' ').map(str::to_owned).chain(more()).collect()
    })
}

fn id(node: &RedisServer) -> String {
    ask(node, "CLUSTER MYID")
}

fn bus_port(node: &RedisServer) -> u16 {
    let (_, port): (String, u16) = ask(node, "CONFIG GET cluster-port");
    port
}

/// One line of what a node says of itself.
fn info(node: &RedisServer, question: &str, name: &str) -> String {
    let all: String = ask(node, question);
    let value = all.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_default().trim().to_owned()
}

/// Asks one node, whatever the others say.
#[track_caller]
pub(crate) fn ask<T: FromRedisValue>(node: &RedisServer, question: &str) -> T {
    let mut connection: Connection = node.connection();
    words(question).query(&mut connection).unwrap()
}

fn words(text: &str) -> redis::Cmd {
    let mut words = text.split(' ');
    let mut command = redis::cmd(words.next().unwrap());
    command.arg(words.collect::<Vec<_>>());
    command
}
