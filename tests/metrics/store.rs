//! A store that instances share: what became of ids, and its connections.

use std::time::Duration;

use tower_resource_server::{
    store::{
        Life, SpendError, SpentStore as _,
        redis::{RedisSettings, RedisStore},
    },
    time::{Clock as _, SystemClock},
};

use crate::{Book, fake::Fake};

#[test]
fn ids_are_counted_by_what_became_of_them_and_connections_too() {
    let book = Book::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&book, || {
        runtime.block_on(async {
            let fake = Fake::start().await;
            let settings = RedisSettings::from_url(&format!("redis://127.0.0.1:{}", fake.port)).unwrap();
            let store = settings.build().unwrap();
            // Until the epoch has settled, which it does by the clock of the server.
            until(|| async { spend(&store, "to connect", 0).await != Err(SpendError::Unavailable) }).await;
            fake.advance(2);
            until(|| async { spend(&store, "settled", 3).await != Err(SpendError::Forgotten) }).await;
            assert_eq!(connections(&book), [("opened".to_owned(), 1.0)]);
            book.0.lock().unwrap().retain(|name, _| !name.starts_with("store_spends"));

            let open = store.dangerous().fail_open(true);
            let full = "OOM command not allowed when used memory > 'maxmemory'.";
            for (error, id, issued_in, store, expected) in [
                (None, "a", 3, &store, Ok(())),
                (None, "b", 3, &store, Ok(())),
                (None, "a", 3, &store, Err(SpendError::AlreadySpent)),
                (None, "a", 3, &open, Err(SpendError::AlreadySpent)),
                (None, "old", -10, &store, Err(SpendError::Forgotten)),
                (Some(full), "c", 3, &store, Err(SpendError::Full)),
                (Some("ERR odd"), "c", 3, &store, Err(SpendError::Unavailable)),
                (Some("ERR odd"), "c", 3, &open, Ok(())),
                (None, "old", -10, &open, Ok(())),
            ] {
                fake.state().error = error.map(str::to_owned);
                assert_eq!(spend(store, id, issued_in).await, expected, "{id} {error:?}");
            }
            let outcomes = ["failed_open", "forgotten", "full", "spent", "unavailable", "used_before"];
            let expected: Vec<_> = outcomes.into_iter().zip([2.0, 1.0, 1.0, 2.0, 1.0, 2.0]).collect();
            let counted = lines(&book, "store_spends_total outcome=");
            let counted: Vec<_> = counted.iter().map(|(name, count)| (name.as_str(), *count)).collect();
            assert_eq!(counted, expected);

            // A connection that is lost, and one that is refused.
            fake.state().password = Some("changed".to_owned());
            fake.cut();
            until(|| async { connections(&book).len() == 2 }).await;
            let [failed, opened] = &connections(&book)[..] else { panic!("two outcomes") };
            assert_eq!((failed.0.as_str(), opened), ("failed", &("opened".to_owned(), 1.0)));
            fake.state().password = None;
            until(|| async { store.health().is_well() }).await;
            assert_eq!(connections(&book)[1], ("opened".to_owned(), 2.0));
        });
    });
}

/// Spends an id that is issued so many seconds from now.
async fn spend(store: &RedisStore, id: &str, issued_in: i64) -> Result<(), SpendError> {
    let (now, by) = (SystemClock.unix(), Duration::from_secs(issued_in.unsigned_abs()));
    let issued = if issued_in < 0 { now.saturating_sub(by) } else { now.saturating_add(by) };
    let life = Life { issued, until: issued.saturating_add(Duration::from_secs(60)) };
    store.spend(id.as_bytes(), life, now).wait().await
}

fn connections(book: &Book) -> Vec<(String, f64)> {
    lines(book, "store_connections_total outcome=")
}

/// The lines that begin so, without that.
fn lines(book: &Book, begin: &str) -> Vec<(String, f64)> {
    let rest = |(name, count): (String, f64)| Some((name.strip_prefix(begin)?.to_owned(), count));
    book.read().into_iter().filter_map(rest).collect()
}

/// Waits until something holds, which the store brings about by itself.
async fn until<F: Future<Output = bool>>(holds: impl Fn() -> F) {
    for _ in 0..500 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it does not come");
}
