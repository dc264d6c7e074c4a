//! Which server is the primary of which shard, by the word of a majority.
//!
//! A primary that was cut off or stood still may take itself for one longer than the others do. So what it says
//! counts for a short while alone, by its own clock, from before a majority was asked: until then no other can have
//! been made primary for longer than that, and the next one lets as much time pass before it takes anything.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use redis::{FromRedisValue as _, RedisConnectionInfo, RedisError, Value, aio::MultiplexedConnection, cmd};
use tokio::task::JoinSet;

use super::{
    Inner,
    health::RedisProblem,
    settings::{Address, Servers},
    shards::Shards,
};
use crate::net::before;

/// How long sentinels and nodes of a cluster have for an answer.
const ASKED_FOR: Duration = Duration::from_millis(200);

/// Which server has each shard; `None` where none is known.
pub(super) type Owners = Vec<Option<Address>>;

/// Those who know, and the connections to them.
#[derive(Default)]
pub(super) struct Topology {
    connections: HashMap<Address, MultiplexedConnection>,
    /// The primaries of the cluster, when it was last asked.
    primaries: Vec<Address>,
}

impl Topology {
    pub(super) async fn owners(&mut self, inner: &Arc<Inner>) -> Result<Owners, RedisProblem> {
        match &inner.settings.servers {
            Servers::Single(address) => Ok(vec![Some(address.clone()); inner.names.count()]),
            Servers::Sentinels { master, addresses } => {
                let login = &inner.settings.sentinel_login;
                let mut question = cmd("SENTINEL");
                question.arg("GET-MASTER-ADDR-BY-NAME").arg(master);
                let answers = self.ask(inner, addresses, login, &question).await;
                let named = answers.into_iter().filter_map(|(_, answer)| {
                    let (host, port) = <Option<(String, u16)>>::from_redis_value(answer).ok()??;
                    Some(Address { host, port })
                });
                let primary = majority(named, addresses.len()).ok_or(RedisProblem::NoMajority)?;
                Ok(vec![Some(primary); inner.names.count()])
            }
            Servers::Cluster(seeds) => {
                if self.primaries.is_empty() {
                    let views = self.views(inner, seeds).await;
                    let known = views.iter().flatten().flatten().cloned().collect::<HashSet<_>>();
                    self.primaries = known.into_iter().collect();
                }
                let asked = std::mem::take(&mut self.primaries);
                let views = self.views(inner, &asked).await;
                let owner = |shard: usize| {
                    majority(views.iter().filter_map(|view| view.get(shard).cloned().flatten()), asked.len())
                };
                let owners: Owners = (0..inner.names.count()).map(owner).collect();
                let known = owners.iter().flatten().cloned().collect::<HashSet<_>>();
                self.primaries = known.into_iter().collect();
                if owners.iter().all(Option::is_none) { Err(RedisProblem::NoMajority) } else { Ok(owners) }
            }
        }
    }

    /// What each of these nodes says of the shards.
    async fn views(&mut self, inner: &Arc<Inner>, nodes: &[Address]) -> Vec<Owners> {
        let mut question = cmd("CLUSTER");
        question.arg("SLOTS");
        let login = &inner.settings.login;
        let answers = self.ask(inner, nodes, login, &question).await;
        answers.iter().map(|(of, answer)| owners_in(answer, of, &inner.names)).collect()
    }

    /// Asks all of them at once; those that do not answer in time are left out.
    async fn ask(
        &mut self,
        inner: &Arc<Inner>,
        of: &[Address],
        login: &RedisConnectionInfo,
        question: &redis::Cmd,
    ) -> Vec<(Address, Value)> {
        let mut asked = JoinSet::new();
        for address in of {
            let (address, question) = (address.clone(), question.clone());
            let (inner, login) = (Arc::clone(inner), login.clone());
            let connection = self.connections.remove(&address);
            asked.spawn(async move {
                let settings = &inner.settings;
                let work = async {
                    let mut connection = match connection {
                        Some(connection) => connection,
                        None => settings.connect(&address, &login).await?,
                    };
                    let answer: Value = question.query_async(&mut connection).await?;
                    Ok::<_, RedisError>((connection, answer))
                };
                let until = settings.clock.monotonic().saturating_add(ASKED_FOR);
                let answered = before(settings.clock.sleep_until(until), work).await;
                answered.and_then(Result::ok).map(|(connection, answer)| (address, connection, answer))
            });
        }
        let mut answers = Vec::new();
        while let Some(answered) = asked.join_next().await {
            if let Ok(Some((address, connection, answer))) = answered {
                self.connections.insert(address.clone(), connection);
                answers.push((address, answer));
            }
        }
        answers
    }
}

/// What more than half of so many say.
fn majority(named: impl Iterator<Item = Address>, of: usize) -> Option<Address> {
    let mut votes: HashMap<Address, usize> = HashMap::new();
    named.for_each(|address| *votes.entry(address).or_default() += 1);
    votes.into_iter().find(|(_, count)| count * 2 > of).map(|(address, _)| address)
}

/// Who has the shards, by an answer to `CLUSTER SLOTS`: ranges of slots, each with its primary first. A node that
/// does not know its own host leaves it out.
fn owners_in(answer: &Value, of: &Address, names: &Shards) -> Owners {
    let mut owners = vec![None; names.count()];
    let ranges: &[Value] = if let Value::Array(ranges) = answer { ranges } else { &[] };
    for range in ranges {
        let Value::Array(range) = range else { continue };
        let [Value::Int(first), Value::Int(last), Value::Array(primary), ..] = range.as_slice() else {
            continue;
        };
        let [host, Value::Int(port), ..] = primary.as_slice() else { continue };
        let host = String::from_redis_value_ref(host).unwrap_or_default();
        let host = if host.is_empty() { of.host.clone() } else { host };
        let Ok(port) = u16::try_from(*port) else { continue };
        for (shard, owner) in owners.iter_mut().enumerate() {
            if (*first..=*last).contains(&i64::from(names.slot(shard))) {
                *owner = Some(Address { host: host.clone(), port });
            }
        }
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(port: u16) -> Address {
        Address { host: "10.0.0.1".to_owned(), port }
    }

    #[test]
    fn more_than_half_of_all_who_were_asked_must_say_the_same() {
        for (name, said, of, expected) in [
            ("all", &[1, 1, 1][..], 3, Some(1)),
            ("two of three", &[1, 2, 1], 3, Some(1)),
            ("two of three, and one is silent", &[2, 2], 3, Some(2)),
            ("one of three", &[1], 3, None),
            ("half", &[1, 1, 2, 2], 4, None),
            ("half, and the others are silent", &[1, 1], 4, None),
            ("the only one", &[1], 1, Some(1)),
            ("none", &[], 0, None),
        ] {
            assert_eq!(majority(said.iter().map(|port| node(*port)), of), expected.map(node), "{name}");
        }
    }

    #[test]
    fn slots_are_read_as_nodes_say_them() {
        let names = Shards::of("trs", true);
        let primary =
            |host: Value, port| Value::Array(vec![host, Value::Int(port), Value::BulkString(b"id".into())]);
        let range = |first, last, node| Value::Array(vec![Value::Int(first), Value::Int(last), node]);
        let host = |name: &str| Value::BulkString(name.into());
        let answer = Value::Array(vec![
            range(0, 8_191, primary(host("10.0.0.1"), 7)),
            range(8_192, 12_000, primary(host(""), 8)),
            range(12_001, 12_001, Value::Nil),
        ]);
        let own = Address { host: "own".to_owned(), port: 1 };
        for (shard, owner) in owners_in(&answer, &own, &names).into_iter().enumerate() {
            let expected = match names.slot(shard) {
                0..=8_191 => Some(node(7)),
                8_192..=12_000 => Some(Address { host: "own".to_owned(), port: 8 }),
                _ => None,
            };
            assert_eq!(owner, expected, "shard {shard}");
        }
        for nonsense in
            [Value::Nil, Value::Array(vec![Value::Int(1)]), Value::Array(vec![range(0, 9, Value::Int(1))])]
        {
            assert!(owners_in(&nonsense, &own, &names).iter().all(Option::is_none));
        }
    }
}
