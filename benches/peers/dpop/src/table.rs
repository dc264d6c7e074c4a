//! The requests of `rows.mjs`, and what a judge is asked about them.

use std::{
    collections::BTreeMap,
    error::Error,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Instant,
};

use http::Request;
use serde::Deserialize;
use serde_json::Value;

/// What all judges get.
#[derive(Deserialize)]
pub(crate) struct Table {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    /// Where the resource server is.
    pub(crate) origin: String,
    /// When the proofs were made; every judge takes it for the present.
    pub(crate) now: u64,
    /// The keys of the issuer.
    pub(crate) jwks: Value,
    rows: Vec<Row>,
    pub(crate) good: Good,
}

#[derive(Deserialize)]
struct Row {
    name: String,
    /// Sent one after the other; the last one counts.
    requests: Vec<Sent>,
}

#[derive(Deserialize)]
struct Sent {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
}

/// Good proofs of one client with one token.
#[derive(Deserialize)]
pub(crate) struct Good {
    #[cfg_attr(not(feature = "ours"), expect(dead_code, reason = "the check of the signature alone has it"))]
    pub(crate) jwk: Value,
    path: String,
    authorization: String,
    pub(crate) proofs: Vec<String>,
}

/// Whether a request is let in; its target is the path.
pub(crate) type Judge = Box<dyn FnMut(Request<()>) -> bool>;

/// Does what the command line says: `CANDIDATE verdicts TABLE` or `CANDIDATE time TABLE`.
pub(crate) fn run(judge: fn(&str, &Table) -> Result<Judge, Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [candidate, what, file] = arguments.as_slice() else { return Err("CANDIDATE WHAT TABLE".into()) };
    let table: Table = serde_json::from_slice(&std::fs::read(file)?)?;
    let mut judge = judge(candidate, &table)?;
    match what.as_str() {
        "verdicts" => println!("{}", serde_json::to_string(&table.verdicts(&mut judge)?)?),
        "time" => println!("{}", table.good.time(&mut judge)?),
        _ => return Err("verdicts or time".into()),
    }
    Ok(())
}

impl Table {
    fn verdicts(&self, judge: &mut Judge) -> Result<BTreeMap<&str, &'static str>, http::Error> {
        let said = self.rows.iter().map(|row| {
            let mut accepted = false;
            for sent in &row.requests {
                accepted = judge(sent.request()?);
            }
            Ok((row.name.as_str(), if accepted { "accepts" } else { "refuses" }))
        });
        said.collect()
    }
}

impl Sent {
    fn request(&self) -> Result<Request<()>, http::Error> {
        let request = Request::builder().method(self.method.as_str()).uri(&self.path);
        self.headers.iter().fold(request, |request, (name, value)| request.header(name, value)).body(())
    }
}

impl Good {
    /// Nanoseconds a proof. The token was seen with the first half of them, which does not count.
    #[expect(clippy::disallowed_methods, reason = "a bench measures")]
    fn time(&self, judge: &mut Judge) -> Result<f64, http::Error> {
        let (first, rest) = self.proofs.split_at(self.proofs.len() / 2);
        self.pass(judge, first)?;
        let begin = Instant::now();
        self.pass(judge, rest)?;
        Ok(begin.elapsed().as_secs_f64() * 1e9 / rest.len() as f64)
    }

    fn pass(&self, judge: &mut Judge, proofs: &[String]) -> Result<(), http::Error> {
        for proof in proofs {
            let request = Request::get(&self.path).header("authorization", &self.authorization);
            assert!(judge(request.header("dpop", proof).body(())?), "a good proof is refused");
        }
        Ok(())
    }
}

/// With keys at hand nothing waits: one poll is the whole answer.
pub(crate) fn poll<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("the keys are there"),
    }
}
