//! Ids, and a server that is not as it should be.

use std::time::Duration;

use tower_resource_server::{
    store::{
        SpendError,
        redis::{RedisProblem, RedisSettings, RedisStore},
    },
    time::{Clock as _, SystemClock},
};

use crate::{Fake, look, settings, settle, settled, spend, spend_of, until};

const ALREADY: Result<(), SpendError> = Err(SpendError::AlreadySpent);
const UNAVAILABLE: Result<(), SpendError> = Err(SpendError::Unavailable);
const FORGOTTEN: Result<(), SpendError> = Err(SpendError::Forgotten);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn promise_8_of_a_thousand_uses_at_once_with_three_instances_one_passes() {
    // A thousand at once take their time where there are few processors.
    let patient = |settings: RedisSettings| settings.deadline(Duration::from_secs(20));
    let (fake, one) = settled(patient).await;
    let stores = [(); 2].map(|()| patient(settings(&fake)).build().unwrap());
    let stores = [one, stores[0].clone(), stores[1].clone()];
    let uses: Vec<_> = (0..1_000)
        .map(|number| {
            let store = stores[number % 3].clone();
            tokio::spawn(async move { spend(&store, "one", 3).await })
        })
        .collect();
    let mut passed = 0;
    for each in uses {
        match each.await.unwrap() {
            Ok(()) => passed += 1,
            refused => assert_eq!(refused, ALREADY),
        }
    }
    assert_eq!(passed, 1);
    assert!(stores.iter().all(|store| store.health().is_well() && store.health().in_flight == 0));
}

#[tokio::test]
async fn an_id_costs_one_round_trip_and_the_keys_of_prefixes_are_apart() {
    let (fake, store) = settled(|settings| settings).await;
    let before = fake.state().asked.len();
    for (id, expected) in [("a", Ok(())), ("a", ALREADY), ("b", Ok(()))] {
        assert_eq!(spend(&store, id, 3).await, expected, "{id}");
    }
    assert_eq!(fake.state().asked[before..], ["EVALSHA", "EVALSHA", "EVALSHA"]);
    let tenant = settings(&fake).prefix("tenant").build().unwrap();
    settle(&fake, &tenant).await;
    assert_eq!([spend(&tenant, "a", 9).await, spend(&tenant, "a", 9).await], [Ok(()), ALREADY]);
}

#[tokio::test]
async fn promise_13_what_one_instance_revokes_no_other_takes() {
    let (fake, one) = settled(|settings| settings).await;
    let other = settings(&fake).build().unwrap();
    settle(&fake, &other).await;
    let issued = SystemClock.unix().saturating_add(Duration::from_secs(3));
    assert_eq!([look(&one, "a", issued).await, look(&other, "a", issued).await], [Ok(()); 2]);
    assert_eq!(spend_of(&one, "a", issued).await, Ok(()), "to look spends nothing");
    assert_eq!([look(&one, "a", issued).await, look(&other, "a", issued).await], [ALREADY; 2]);
    assert_eq!(look(&other, "b", issued).await, Ok(()));
    let before = fake.state().asked.len();
    let _ = look(&other, "b", issued).await;
    assert_eq!(fake.state().asked[before..], ["EVALSHA"], "one round trip");

    let began = other.health().began.unwrap();
    fake.state().empty();
    until(|| async { other.health().began > Some(began) || look(&other, "b", issued).await == FORGOTTEN })
        .await;
    assert_eq!(look(&other, "b", issued).await, FORGOTTEN, "it may have been revoked");
    fake.state().is_silent = true;
    let impatient = settings(&fake).deadline(Duration::from_millis(50)).build().unwrap();
    assert_eq!(look(&impatient, "b", issued).await, UNAVAILABLE);
    assert_eq!(look(&impatient.dangerous().fail_open(true), "b", issued).await, Ok(()));
    assert_eq!(impatient.health().failed_open, 1);
}

#[tokio::test]
async fn promise_13_what_was_issued_before_a_loss_is_refused() {
    type Lose = fn(&Fake);
    let rows: [(&str, Lose); 3] = [
        ("emptied", |fake| fake.state().empty()),
        ("an empty restart", |fake| {
            fake.state().empty();
            fake.state().run = "b".repeat(40);
            fake.cut();
        }),
        ("another process with all that is known, or not quite", |fake| {
            fake.state().run = "b".repeat(40);
            fake.cut();
        }),
    ];
    for (name, lose) in rows {
        let (fake, store) = settled(|settings| settings).await;
        let at = |seconds| SystemClock.unix().saturating_add(Duration::from_secs(seconds));
        let (old, new) = (at(3), at(12));
        assert_eq!(spend_of(&store, "spent", old).await, Ok(()), "{name}");
        let began = store.health().began.unwrap();
        lose(&fake);
        until(|| async { store.health().began > Some(began) }).await;
        for (id, issued) in [("spent", old), ("unspent", old), ("new", new)] {
            // One that seems to be new is not taken either until all instances know of the loss.
            assert_eq!(spend_of(&store, id, issued).await, FORGOTTEN, "{name}, {id}");
        }
        fake.advance(8);
        for (id, issued, expected) in [("spent", old, FORGOTTEN), ("new", new, Ok(())), ("new", new, ALREADY)]
        {
            assert_eq!(spend_of(&store, id, issued).await, expected, "{name}, {id}");
        }
    }
}

#[tokio::test]
async fn promise_13_what_was_dated_ahead_before_a_loss_is_refused_too() {
    let (fake, store) = settled(|settings| settings).await;
    let ahead = SystemClock.unix().saturating_add(Duration::from_secs(100));
    assert_eq!(spend_of(&store, "ahead", ahead).await, Ok(()));
    let began = store.health().began.unwrap();
    fake.state().empty();
    until(|| async { store.health().began > Some(began) }).await;
    until(|| async {
        store.health().refused_until
            > store.health().began.map(|at| at.saturating_add(Duration::from_secs(90)))
    })
    .await;
    fake.advance(20);
    assert_eq!(spend_of(&store, "ahead", ahead).await, FORGOTTEN);
}

#[tokio::test]
async fn promise_13_no_request_waits_longer_than_its_deadline() {
    let (fake, store) = settled(|settings| settings.deadline(Duration::from_millis(100))).await;
    fake.state().is_silent = true;
    let begin = SystemClock.monotonic();
    let waiting: Vec<_> = (0..50)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { spend(&store, &format!("{number}"), 3).await })
        })
        .collect();
    for each in waiting {
        assert_eq!(each.await.unwrap(), UNAVAILABLE);
    }
    assert!(
        SystemClock.monotonic() - begin < Duration::from_secs(2),
        "{:?}",
        SystemClock.monotonic() - begin
    );
    until(|| async { !store.health().is_well() }).await;
    // Where it is known that there is no answer, none is waited for.
    until(|| async { store.health().problem.is_some() }).await;
    fake.state().is_silent = false;
    until(|| async { spend(&store, "again", 3).await.is_ok() }).await;
}

#[tokio::test]
async fn promise_11_no_more_requests_wait_than_are_let() {
    let (fake, store) =
        settled(|settings| settings.max_in_flight(2).deadline(Duration::from_millis(300))).await;
    fake.state().is_silent = true;
    let waiting: Vec<_> = (0..2)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { spend(&store, &format!("{number}"), 3).await })
        })
        .collect();
    until(|| async { store.health().in_flight == 2 }).await;
    let begin = SystemClock.monotonic();
    assert_eq!(spend(&store, "third", 3).await, UNAVAILABLE);
    assert!(SystemClock.monotonic() - begin < Duration::from_millis(200));
    for each in waiting {
        assert_eq!(each.await.unwrap(), UNAVAILABLE);
    }
    assert_eq!(store.health().in_flight, 0);
}

#[tokio::test]
async fn a_connection_that_is_cut_is_made_anew() {
    let (fake, store) = settled(|settings| settings).await;
    assert_eq!(spend(&store, "a", 3).await, Ok(()));
    for _ in 0..3 {
        fake.cut();
        until(|| async { spend(&store, "a", 3).await == ALREADY }).await;
    }
}

#[tokio::test]
async fn errors_of_the_server_refuse() {
    let (fake, store) = settled(|settings| settings.deadline(Duration::from_millis(100))).await;
    for (name, error, expected) in [
        ("no memory", "OOM command not allowed when used memory > 'maxmemory'.", Err(SpendError::Full)),
        (
            "no memory, as Redis 6 says it",
            "ERR Error running script (call to f_1): @user_script:8: -OOM command not allowed when used memory",
            Err(SpendError::Full),
        ),
        ("too few replicas", "NOREPLICAS Not enough good replicas to write.", UNAVAILABLE),
        ("loading", "LOADING Redis is loading the dataset in memory", UNAVAILABLE),
        ("no right", "NOPERM User u has no permissions to run the 'evalsha' command", UNAVAILABLE),
        ("a replica", "READONLY You can't write against a read only replica.", UNAVAILABLE),
        ("moved", "MOVED 1 127.0.0.1:1", UNAVAILABLE),
        ("nonsense", "ERR what", UNAVAILABLE),
    ] {
        fake.state().error = Some(error.to_owned());
        assert_eq!(spend(&store, name, 3).await, expected, "{name}");
        fake.state().error = None;
        until(|| async { spend(&store, &format!("after {name}"), 3).await != UNAVAILABLE }).await;
    }
    fake.state().has_no_script = true;
    assert_eq!(spend(&store, "its scripts were thrown out", 3).await, Ok(()));
}

#[tokio::test]
async fn servers_that_cannot_hold_ids_are_not_used_and_health_says_why() {
    let server = |fake: &Fake| format!("127.0.0.1:{}", fake.port);
    type Set = fn(&Fake);
    type Problem = fn(String) -> RedisProblem;
    let rows: [(&str, Set, Problem); 4] = [
        (
            "a replica",
            |fake| fake.state().info = "role:slave\r\n".into(),
            |server| RedisProblem::NotPrimary { server },
        ),
        (
            "one that evicts",
            |fake| {
                fake.state().info = "role:master\r\nmaxmemory:9\r\nmaxmemory_policy:allkeys-lru\r\n".into()
            },
            |server| RedisProblem::Evicts { server },
        ),
        (
            "one that knows another password",
            |fake| fake.state().password = Some("other".into()),
            |server| RedisProblem::LoginRefused { server },
        ),
        (
            "one of another time",
            |fake| fake.state().ahead = Duration::from_secs(60),
            |server| RedisProblem::ClockDiffers { server },
        ),
    ];
    for (name, set, problem) in rows {
        let fake = Fake::start().await;
        set(&fake);
        let store = settings(&fake).login("u", "hunter2").build().unwrap();
        until(|| async {
            assert_eq!(spend(&store, "a", 3).await, UNAVAILABLE, "{name}");
            store.health().problem.is_some()
        })
        .await;
        assert_eq!(store.health().problem, Some(problem(server(&fake))), "{name}");
        let shown = format!("{store:?} {}", store.health().problem.unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[tokio::test]
async fn looser_choices_are_made_by_name() {
    let evicts = "role:master\r\nmaxmemory:9\r\nmaxmemory_policy:volatile-lru\r\n";
    let fake = Fake::start().await;
    fake.state().info = evicts.into();
    let store = settings(&fake).dangerous().allow_eviction(true).build().unwrap();
    settle(&fake, &store).await;

    let nowhere = RedisSettings::from_url("redis://127.0.0.1:1").unwrap().build().unwrap();
    let open = nowhere.dangerous().fail_open(true);
    assert_eq!([spend(&open, "a", 0).await, spend(&open, "a", 0).await], [Ok(()), Ok(())]);
    assert_eq!(spend(&nowhere, "a", 0).await, UNAVAILABLE, "the other use of the same store");
    assert_eq!(open.health().failed_open, 2);

    // It is open for what the store cannot say, and not for what it says.
    let open: RedisStore = store.dangerous().fail_open(true);
    assert_eq!([spend(&open, "a", 3).await, spend(&open, "a", 3).await], [Ok(()), ALREADY]);
    fake.state().error = Some("OOM command not allowed when used memory > 'maxmemory'.".into());
    assert_eq!(spend(&open, "b", 3).await, Ok(()));
}
