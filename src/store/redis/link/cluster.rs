//! A Redis Cluster: each slot of keys has a primary of its own, and any node knows them all.
//!
//! Which node has a slot is kept in a map, and the map is asked for anew when it turns out wrong: a node does not answer
//! any more, or it says that a slot has moved. Only calls that need that node wait for the new map; those of other
//! users go on with the old one.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use redis::{ErrorKind, RedisResult, ServerErrorKind, cmd};
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    PAUSE, Route, Topology,
    access::Access,
    connection::{Doubt, Lease, Line},
    joint::Joint,
    slots::{Map, Primary},
};
use crate::{model::RedisNode, store::redis::failure};

pub(super) struct Cluster {
    survey: Arc<Survey>,
    map: Joint<Arc<Map>>,
    lines: Mutex<HashMap<RedisNode, Arc<Line>>>,
    limit: Duration,
}

/// How a map is got.
struct Survey {
    /// Those of the URL.
    seeds: Vec<RedisNode>,
    access: Access,
    /// How long one node may take, so that one that doesn't answer leaves time for the others.
    patience: Duration,
    begun: Mutex<Begun>,
}

/// The surveys so far.
#[derive(Default)]
struct Begun {
    count: usize,
    last: Option<Instant>,
}

impl Cluster {
    pub(super) fn new(seeds: Vec<RedisNode>, access: Access, patience: Duration, limit: Duration) -> Self {
        let survey = Arc::new(Survey { seeds, access, patience, begun: Mutex::default() });
        Self { survey, map: Joint::new(limit), lines: Mutex::default(), limit }
    }

    /// A map that is good for this slot. `guide` is asked first: a node that should know.
    async fn map(&self, slot: u16, guide: Option<&RedisNode>) -> RedisResult<Arc<Map>> {
        let (survey, guide, old) = (Arc::clone(&self.survey), guide.cloned(), self.map.latest());
        let is_trusted = |map: &Arc<Map>| map.owner(slot).is_some_and(|owner| !owner.doubtful.is_raised());
        self.map.get(is_trusted, async move { survey.run(guide, old.as_deref()).await.map(Arc::new) }).await
    }

    fn line(&self, node: &RedisNode) -> Arc<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(node) {
            return Arc::clone(line);
        }
        // A node that is new has mostly taken the place of another.
        if let Some(map) = self.map.latest() {
            lines.retain(|known, _| map.nodes().iter().any(|primary| primary.node == *known));
        }
        Arc::clone(
            lines.entry(node.clone()).or_insert_with(|| Arc::new(Line::new(self.survey.access.clone(), self.limit))),
        )
    }

    /// A node that was named without a host has that of the slot's owner, which named it.
    fn with_host(&self, slot: u16, node: &RedisNode) -> RedisNode {
        let map = self.map.latest().filter(|_| node.host.is_empty());
        let host = map.as_ref().and_then(|map| map.owner(slot)).map(|owner| owner.node.host.clone());
        RedisNode { host: host.unwrap_or_else(|| node.host.clone()), port: node.port }
    }

    async fn lease_of(&self, node: &RedisNode) -> RedisResult<Lease> {
        let (survey, address) = (Arc::clone(&self.survey), node.clone());
        let connect = async move { survey.access.reach(address).await };
        self.line(node).lease(connect).await.map_err(|error| failure::at(node, &error))
    }
}

#[async_trait]
impl Topology for Cluster {
    async fn lease(&self, slot: u16, route: &Route) -> RedisResult<Lease> {
        let guide = match route {
            Route::Owner => None,
            Route::Moved(to) => to.as_ref(),
            Route::Ask(node) => return self.lease_of(&self.with_host(slot, node)).await,
        };
        let map = self.map(slot, guide).await?;
        let Primary { node, doubtful } = map.owner(slot).ok_or_else(uncovered)?;
        // From here on: a node that can't be connected to may have been replaced.
        let doubt = Doubt::unless_dispelled(doubtful);
        Ok(self.lease_of(node).await?.by(doubt))
    }

    async fn open(&self, slot: u16) -> RedisResult<Lease> {
        let map = self.map(slot, None).await?;
        let Primary { node, doubtful } = map.owner(slot).ok_or_else(uncovered)?;
        let doubt = Doubt::unless_dispelled(doubtful);
        let reached = self.survey.access.reach(node.clone()).await.map_err(|error| failure::at(node, &error))?;
        Ok(self.line(node).alone(reached).by(doubt))
    }

    fn policies(&self) -> Vec<(RedisNode, String)> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.values().filter_map(|line| line.policy()).collect()
    }
}

fn uncovered() -> redis::RedisError {
    (ErrorKind::Server(ServerErrorKind::ClusterDown), "no node of the cluster has the slot").into()
}

impl Survey {
    /// The map of the first node that tells one.
    async fn run(&self, guide: Option<RedisNode>, old: Option<&Map>) -> RedisResult<Map> {
        let turn = self.begin().await;
        let mut asked = Vec::new();
        let mut why = uncovered();
        for node in self.order(turn, guide, old) {
            if asked.contains(&node) {
                continue;
            }
            let answer = timeout(self.patience, self.ask(&node)).await;
            match answer.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into())) {
                Ok(map) if !map.is_empty() => return Ok(map),
                // One that does not belong to the cluster yet, or any more.
                Ok(_) => {}
                Err(error) => {
                    // The next survey asks it last, if this one ends before it comes to another.
                    old.into_iter()
                        .flat_map(Map::nodes)
                        .filter(|primary| primary.node == node)
                        .for_each(Primary::doubt);
                    why = failure::at(&node, &error);
                }
            }
            asked.push(node);
        }
        Err(why)
    }

    /// Waits a moment if there was a survey just before, and counts them. While a dead node's place is empty, every call
    /// for it wants another survey, and those that live have other things to do.
    async fn begin(&self) -> usize {
        let lock = || self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let last = lock().last;
        if let Some(last) = last {
            sleep_until(last + PAUSE).await;
        }
        let mut begun = lock();
        begun.last = Some(Instant::now());
        let turn = begun.count;
        begun.count = turn.wrapping_add(1);
        turn
    }

    /// Whom to ask. Those that are in doubt come last. Each time another node of the URL is first, since a survey ends
    /// when its time is over: nodes that are silent must not keep it from the others for ever.
    fn order(&self, turn: usize, guide: Option<RedisNode>, old: Option<&Map>) -> Vec<RedisNode> {
        let (mut trusted, mut doubted) = (Vec::new(), Vec::new());
        for Primary { node, doubtful } in old.into_iter().flat_map(Map::nodes) {
            if doubtful.is_raised() { &mut doubted } else { &mut trusted }.push(node.clone());
        }
        let mut seeds = self.seeds.clone();
        let first = turn.checked_rem(seeds.len()).unwrap_or_default();
        seeds.rotate_left(first);
        guide.into_iter().chain(trusted).chain(seeds).chain(doubted).collect()
    }

    async fn ask(&self, node: &RedisNode) -> RedisResult<Map> {
        let mut connection = self.access.connect(node).await?;
        Map::read(node, cmd("CLUSTER").arg("SLOTS").query_async(&mut connection.calls).await?)
    }
}
