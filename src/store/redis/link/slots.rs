//! Which node of a cluster has which keys.
//!
//! A key's slot is a checksum of its hash tag: what stands between its first `{` and the next `}`
//! (<https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>).

use redis::{RedisResult, Value, from_redis_value};

use super::connection::Flag;
use crate::model::RedisNode;

const SLOTS: u16 = 16_384;

/// The slot of a key.
pub(in crate::store::redis) fn slot_of(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    checksum(tag.filter(|tag| !tag.is_empty()).unwrap_or(key).as_bytes()) % SLOTS
}

/// CRC-16/XMODEM.
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ (u16::from(*byte) << 8), |sum, _| (sum << 1) ^ if sum & 0x8000 == 0 { 0 } else { 0x1021 })
    })
}

/// The primaries of a cluster and their slots, as one of its nodes saw them.
pub(super) struct Map {
    /// In order, each with the place of its node in `nodes`.
    ranges: Vec<(u16, u16, usize)>,
    nodes: Vec<Primary>,
}

/// A node that writes.
pub(super) struct Primary {
    pub(super) node: RedisNode,
    /// It failed, or said that a slot is not its own: the map may be out of date where it is concerned.
    pub(super) doubtful: Flag,
}

impl Primary {
    pub(super) fn doubt(&self) {
        self.doubtful.raise();
    }
}

impl Map {
    /// From the reply to `CLUSTER SLOTS` of `asked`: for each range its first and last slot, its primary and the replicas.
    pub(super) fn read(asked: &RedisNode, reply: Vec<Vec<Value>>) -> RedisResult<Self> {
        let mut map = Self { ranges: Vec::new(), nodes: Vec::new() };
        for range in reply {
            let mut parts = range.into_iter();
            let mut next = || parts.next().unwrap_or(Value::Nil);
            let (first, last) = (from_redis_value(next())?, from_redis_value(next())?);
            let (host, port) = address(next())?;
            let host = match host.as_deref() {
                // It doesn't know its own name, and was reached by this one.
                None | Some("") => asked.host.clone(),
                Some("?") => continue,
                Some(host) => host.to_owned(),
            };
            let place = map.place(RedisNode { host, port });
            map.ranges.push((first, last, place));
        }
        map.ranges.sort_unstable();
        Ok(map)
    }

    fn place(&mut self, node: RedisNode) -> usize {
        self.nodes.iter().position(|known| known.node == node).unwrap_or_else(|| {
            self.nodes.push(Primary { node, doubtful: Flag::default() });
            self.nodes.len() - 1
        })
    }

    /// The node that has this slot.
    pub(super) fn owner(&self, slot: u16) -> Option<&Primary> {
        let after = self.ranges.partition_point(|(first, ..)| *first <= slot);
        let (_, last, place) = self.ranges.get(after.checked_sub(1)?)?;
        self.nodes.get(*place).filter(|_| slot <= *last)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    pub(super) fn nodes(&self) -> &[Primary] {
        &self.nodes
    }
}

/// Of a node: host and port are followed by what is of no use here.
fn address(node: Value) -> RedisResult<(Option<String>, u16)> {
    let mut parts = from_redis_value::<Vec<Value>>(node)?.into_iter();
    let mut next = || parts.next().unwrap_or(Value::Nil);
    Ok((from_redis_value(next())?, from_redis_value(next())?))
}

#[cfg(test)]
mod tests {
    use redis::Value;

    use super::{Map, slot_of};
    use crate::model::RedisNode;

    #[test]
    fn slots_are_those_of_redis() {
        // By `redis-cli CLUSTER KEYSLOT`.
        for (key, slot) in [
            ("", 0),
            ("123456789", 12_739),
            ("railgate:{6b86b273ff34fce1}:session:BwcHBwcHBwcHBwcHBwcHBw", 3_145),
            ("6b86b273ff34fce1", 3_145),
            ("a{}b", 13_694),
            ("a{{b}c}", 6_215),
            ("{a", 10_276),
            ("{}", 15_257),
            ("{}{a}", 13_650),
            ("a{b", 13_340),
            ("{a}b}", 15_495),
            ("}{a}", 15_495),
            ("{{}}", 4_092),
            ("{a}{b}", 15_495),
            ("{é}x", 10_180),
        ] {
            assert_eq!(slot_of(key), slot, "{key}");
        }
    }

    fn range(first: i64, last: i64, host: Value, port: i64) -> Vec<Value> {
        let node = vec![host, Value::Int(port), Value::BulkString(b"id".to_vec()), Value::Array(Vec::new())];
        vec![Value::Int(first), Value::Int(last), Value::Array(node), Value::Int(7)]
    }

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn a_map_knows_who_has_what() {
        let asked = RedisNode { host: "asked".to_owned(), port: 1 };
        let reply = vec![
            range(5_000, 9_999, text("b"), 2),
            range(0, 4_000, text("a"), 1),
            range(10_000, 10_000, text("b"), 2),
            range(10_001, 10_002, Value::Nil, 3),
            range(10_003, 10_004, text(""), 4),
            range(10_005, 10_006, text("?"), 5),
        ];
        let map = Map::read(&asked, reply).unwrap();
        for (slot, owner) in [
            (0, Some("a:1")),
            (4_000, Some("a:1")),
            (4_001, None),
            (4_999, None),
            (5_000, Some("b:2")),
            (10_000, Some("b:2")),
            (10_002, Some("asked:3")),
            (10_003, Some("asked:4")),
            (10_005, None),
            (16_383, None),
        ] {
            let found = map.owner(slot).map(|owner| owner.node.to_string());
            assert_eq!(found.as_deref(), owner, "{slot}");
        }
        assert_eq!(map.nodes().len(), 4);
        assert!(Map::read(&asked, vec![vec![Value::Int(0)]]).is_err());
        assert!(Map::read(&asked, Vec::new()).unwrap().is_empty());
    }
}
