//! What is done to the servers, and what must hold all the same.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    arrangement::Arrangement,
    check,
    load::{DEADLINE, Load, Row},
    server::Kind,
};

pub struct Fault {
    pub servers: &'static str,
    pub name: &'static str,
    /// Whether a request must have been refused meanwhile, and of what kind.
    expects: Expects,
}

#[derive(PartialEq)]
enum Expects {
    /// Every id passes, but on a machine that does much else.
    NoRefusal,
    /// The store could not be asked.
    Unavailable,
    /// What was issued before is refused.
    Loss,
    /// There was no memory.
    Full,
}

const fn fault(servers: &'static str, name: &'static str, expects: Expects) -> Fault {
    Fault { servers, name, expects }
}

pub const ALL: &[Fault] = &[
    fault("single", "nothing", Expects::NoRefusal),
    fault("single", "killed and started empty", Expects::Loss),
    fault("single", "emptied", Expects::Loss),
    fault("single", "paused", Expects::Unavailable),
    fault("single", "memory full", Expects::Full),
    fault("single", "slow network", Expects::NoRefusal),
    fault("single", "network slower than the deadline", Expects::Unavailable),
    fault("single", "connections cut", Expects::Unavailable),
    fault("single", "scripts thrown out", Expects::NoRefusal),
    fault("sentinel", "primary killed", Expects::Loss),
    fault("sentinel", "primary paused, failed over, and back", Expects::Loss),
    fault("sentinel", "failed over by hand", Expects::Loss),
    fault("cluster", "nothing", Expects::NoRefusal),
    fault("cluster", "primary killed", Expects::Loss),
    fault("cluster", "primary paused, failed over, and back", Expects::Loss),
];

/// How long a request may take beyond its deadline, on a machine that does much else.
const SLACK: Duration = Duration::from_millis(300);
/// How long it may take until all is well again.
const RECOVERY: Duration = Duration::from_secs(15);

pub async fn run(kind: &Kind, fault: &Fault, title: String) -> Row {
    let mut servers = Arrangement::of(kind, fault.servers).await;
    let load = Load::begin(&servers.url).await;
    sleep(Duration::from_millis(500)).await;
    let before = load.passed();
    inflict(fault, &mut servers).await;
    let recovered = load.recovery(RECOVERY).await;
    let at_recovery = load.passed();
    sleep(Duration::from_millis(500)).await;
    let after = load.passed();
    let row = load.end(title.clone(), recovered).await;

    check(&format!("{title}: no id counts twice"), row.twice == 0, row.twice);
    let limit = (DEADLINE + SLACK).as_secs_f64() * 1e3;
    check(&format!("{title}: no request outlasts its deadline"), row.slowest <= limit, row.slowest);
    let is_well = recovered.is_some() && before > 0 && after > at_recovery;
    check(
        &format!("{title}: all is well again by itself"),
        is_well,
        format!("{recovered:?}, {before} ids before"),
    );
    let refused = row.unavailable + row.forgotten + row.full;
    let holds = match fault.expects {
        Expects::NoRefusal => refused * 50 <= row.asked,
        Expects::Unavailable => row.unavailable > 0,
        Expects::Loss => row.forgotten > 0,
        Expects::Full => row.full > 0,
    };
    check(&format!("{title}: what is refused is what is not known"), holds, refused);
    row
}

async fn inflict(fault: &Fault, of: &mut Arrangement) {
    let second = Duration::from_secs(1);
    match fault.name {
        "nothing" => sleep(second).await,
        "killed and started empty" => {
            of.servers[0].kill().await;
            sleep(second).await;
            of.servers[0].restart().await;
        }
        "emptied" => drop(of.servers[0].ask(&["FLUSHALL"]).await),
        "paused" => {
            of.servers[0].signal("-STOP").await;
            sleep(2 * second).await;
            of.servers[0].signal("-CONT").await;
        }
        "memory full" => {
            let _ = of.servers[0].ask(&["CONFIG", "SET", "maxmemory", "1"]).await;
            sleep(second).await;
            let _ = of.servers[0].ask(&["CONFIG", "SET", "maxmemory", "0"]).await;
        }
        "slow network" => of.delayed(Duration::from_millis(20)).await,
        "network slower than the deadline" => of.delayed(second).await,
        "connections cut" => {
            for _ in 0..4 {
                of.proxy.as_ref().expect("a proxy").cut();
                sleep(Duration::from_millis(250)).await;
            }
        }
        "scripts thrown out" => drop(of.servers[0].ask(&["SCRIPT", "FLUSH"]).await),
        "primary killed" => {
            of.servers[0].kill().await;
            of.until_failed_over().await;
        }
        "primary paused, failed over, and back" => {
            of.servers[0].signal("-STOP").await;
            of.until_failed_over().await;
            of.servers[0].signal("-CONT").await;
            sleep(second).await;
        }
        "failed over by hand" => {
            let _ = of.sentinels[0].ask(&["SENTINEL", "FAILOVER", "ids"]).await;
            of.until_failed_over().await;
            // The sentinels tell each other, and the instances follow the majority.
            sleep(3 * second).await;
        }
        unknown => panic!("{unknown}"),
    }
}

impl Arrangement {
    async fn delayed(&self, by: Duration) {
        let proxy = self.proxy.as_ref().expect("a proxy");
        proxy.delay(by);
        sleep(Duration::from_millis(1_500)).await;
        proxy.delay(Duration::ZERO);
    }

    /// Until a replica has taken over.
    async fn until_failed_over(&self) {
        let replicas = if self.sentinels.is_empty() { &self.servers[3..] } else { &self.servers[1..] };
        for _ in 0..150 {
            for replica in replicas {
                let role = replica.ask(&["INFO", "replication"]).await.unwrap_or_default();
                if role.contains("role:master") {
                    return;
                }
            }
            sleep(Duration::from_millis(100)).await;
        }
        check("a replica takes over", false, "never");
    }
}
