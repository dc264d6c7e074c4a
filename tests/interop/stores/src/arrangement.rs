//! Servers as they are run: one alone, one with a replica and sentinels, and a cluster.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    proxy::Proxy,
    server::{Kind, Server},
};

pub struct Arrangement {
    /// Data servers: the only one; the primary and its replicas; the nodes of the cluster, primaries first.
    pub servers: Vec<Server>,
    pub sentinels: Vec<Server>,
    pub proxy: Option<Proxy>,
    pub url: String,
}

impl Arrangement {
    pub async fn of(kind: &Kind, servers: &str) -> Self {
        match servers {
            "sentinel" => Self::sentinel(kind).await,
            "cluster" => Self::cluster(kind).await,
            _ => Self::single(kind).await,
        }
    }

    /// One, behind a proxy.
    async fn single(kind: &Kind) -> Self {
        let server = Server::start(kind, &[]).await;
        let proxy = Proxy::to(server.port).await;
        let url = format!("redis://127.0.0.1:{}", proxy.port);
        Self { servers: vec![server], sentinels: Vec::new(), proxy: Some(proxy), url }
    }

    async fn sentinel(kind: &Kind) -> Self {
        let primary = Server::start(kind, &[]).await;
        let of = primary.port.to_string();
        let replica = Server::start(kind, &["--replicaof", "127.0.0.1", &of]).await;
        let mut sentinels = Vec::new();
        for _ in 0..3 {
            sentinels.push(Server::start_sentinel(kind, primary.port).await);
        }
        let addresses: Vec<_> = sentinels.iter().map(|one| format!("127.0.0.1:{}", one.port)).collect();
        let url = format!("redis+sentinel://{}/ids", addresses.join(","));
        // Until they know each other and the replica.
        for _ in 0..100 {
            let known = sentinels[0].ask(&["INFO", "sentinel"]).await.unwrap_or_default();
            if known.contains("slaves=1,sentinels=3") && replica.is_linked().await {
                break;
            }
            sleep(Duration::from_millis(100)).await;
        }
        Self { servers: vec![primary, replica], sentinels, proxy: None, url }
    }

    /// Three primaries and a replica of each.
    async fn cluster(kind: &Kind) -> Self {
        let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1500"];
        let mut servers = Vec::new();
        for _ in 0..6 {
            servers.push(Server::start(kind, &arguments).await);
        }
        for (number, server) in servers.iter().enumerate() {
            let _ = server.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]).await;
        }
        for (number, slots) in [(0, ["0", "5460"]), (1, ["5461", "10922"]), (2, ["10923", "16383"])] {
            let _ = servers[number].ask(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]).await;
        }
        for server in &servers[1..] {
            let _ = servers[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &server.port.to_string()]).await;
        }
        let of: Vec<_> = names_of(&servers).await;
        for (number, id) in of.iter().take(3).enumerate() {
            for _ in 0..100 {
                let told = servers[number + 3].ask(&["CLUSTER", "REPLICATE", id]).await;
                if told.is_ok_and(|answer| answer.starts_with("+OK")) {
                    break;
                }
                sleep(Duration::from_millis(50)).await;
            }
        }
        for server in &servers {
            for _ in 0..100 {
                let state = server.ask(&["CLUSTER", "INFO"]).await.unwrap_or_default();
                let is_up = state.contains("cluster_state:ok") && state.contains("cluster_known_nodes:6");
                if is_up && server.is_linked().await {
                    break;
                }
                sleep(Duration::from_millis(100)).await;
            }
        }
        let nodes: Vec<_> = servers.iter().map(|one| format!("127.0.0.1:{}", one.port)).collect();
        let url = format!("redis+cluster://{}", nodes.join(","));
        Self { servers, sentinels: Vec::new(), proxy: None, url }
    }
}

/// The names of the nodes.
async fn names_of(servers: &[Server]) -> Vec<String> {
    let mut names = Vec::new();
    for server in servers {
        names.push(server.ask(&["CLUSTER", "MYID"]).await.unwrap_or_default());
    }
    names
}

impl Server {
    /// Whether it is a primary, or has all that its primary has.
    async fn is_linked(&self) -> bool {
        let info = self.ask(&["INFO", "replication"]).await.unwrap_or_default();
        info.contains("role:master") || info.contains("master_link_status:up")
    }
}
