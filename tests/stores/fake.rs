//! A server that speaks enough of the protocol of Redis (RESP2) for a store, and fails as it is told to.
//!
//! What its scripts do is written here once more; that the scripts themselves do it is shown by
//! `tests/interop/stores`, with real servers.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tower_resource_server::time::{Clock as _, SystemClock, UnixTime};

#[derive(Clone)]
pub struct Fake {
    pub port: u16,
    state: Arc<Mutex<State>>,
    cuts: Arc<watch::Sender<u32>>,
}

pub struct State {
    pub run: String,
    pub info: String,
    pub password: Option<String>,
    /// How far its clock is ahead of ours.
    pub ahead: Duration,
    /// What `EVALSHA` is answered with, in place of what it should be.
    pub error: Option<String>,
    /// Whether nothing is answered any more.
    pub is_silent: bool,
    /// Whether the scripts that were loaded are not known any more.
    pub has_no_script: bool,
    /// The commands that asked about an id.
    pub asked: Vec<String>,
    epochs: HashMap<String, (String, u64, u64)>,
    ids: HashSet<String>,
}

impl State {
    pub fn empty(&mut self) {
        self.epochs.clear();
        self.ids.clear();
    }

    fn now(&self) -> u64 {
        millis(SystemClock.unix().saturating_add(self.ahead))
    }

    fn begin(&mut self, key: &str, arguments: &[String]) -> String {
        let now = self.now();
        let [run, known, high] = arguments else { panic!("{arguments:?}") };
        let (known, high): (u64, u64) = (known.parse().unwrap(), high.parse().unwrap());
        let epoch = self.epochs.entry(key.to_owned()).or_insert_with(|| (run.clone(), now, now + 1_000));
        if epoch.0 != *run {
            *epoch = (run.clone(), now, now + 1_000);
        }
        if known != 0 && known != epoch.1 {
            epoch.2 = epoch.2.max(high.min(now + 600_000));
        }
        format!("*3\r\n+{}\r\n+{}\r\n+{now}\r\n", epoch.1, epoch.2)
    }

    fn ask(&mut self, epoch: &str, id: &str, arguments: &[String]) -> &'static str {
        let now = self.now();
        let [run, confirmed, issued, until, question] = arguments else { panic!("{arguments:?}") };
        let number = |text: &String| text.parse::<u64>().unwrap();
        match self.epochs.get(epoch) {
            _ if now >= number(confirmed) => "+unconfirmed\r\n",
            Some((of, _, bar)) if of == run => {
                if number(issued) > now + 600_000 || number(until) + 60_000 <= now {
                    "+clock\r\n"
                } else if now <= *bar || number(issued) <= *bar {
                    "+forgotten\r\n"
                } else if (question == "look" && !self.ids.contains(id))
                    || (question == "spend" && self.ids.insert(id.to_owned()))
                {
                    "+good\r\n"
                } else {
                    "+again\r\n"
                }
            }
            _ => "+emptied\r\n",
        }
    }
}

pub fn millis(time: UnixTime) -> u64 {
    u64::try_from(time.since(UnixTime::default()).as_millis()).unwrap()
}

impl Fake {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = State {
            run: "a".repeat(40),
            info: "role:master\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n".to_owned(),
            password: None,
            ahead: Duration::ZERO,
            error: None,
            is_silent: false,
            has_no_script: false,
            asked: Vec::new(),
            epochs: HashMap::new(),
            ids: HashSet::new(),
        };
        let fake = Self {
            port: listener.local_addr().unwrap().port(),
            state: Arc::new(Mutex::new(state)),
            cuts: Arc::new(watch::Sender::new(0)),
        };
        let serving = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (fake, mut cuts) = (serving.clone(), serving.cuts.subscribe());
                tokio::spawn(async move {
                    tokio::select! {
                        _ = fake.serve(BufReader::new(stream)) => {}
                        _ = cuts.changed() => {}
                    }
                });
            }
        });
        fake
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Lets so many seconds pass here.
    pub fn advance(&self, seconds: u64) {
        self.state().ahead += Duration::from_secs(seconds);
    }

    async fn serve(&self, mut stream: BufReader<TcpStream>) -> Option<()> {
        let mut logged_in = false;
        loop {
            let command = read(&mut stream).await?;
            let answer = self.answer(&command, &mut logged_in);
            if let Some(answer) = answer {
                stream.write_all(answer.as_bytes()).await.ok()?;
            }
        }
    }

    fn answer(&self, command: &[String], logged_in: &mut bool) -> Option<String> {
        let mut state = self.state();
        if state.is_silent {
            return None;
        }
        let word = |n: usize| command.get(n).map_or("", String::as_str);
        if word(0) == "AUTH" {
            *logged_in = state.password.is_none() || command.last() == state.password.as_ref();
            let refused = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
            return Some(if *logged_in { "+OK\r\n" } else { refused }.to_owned());
        }
        if state.password.is_some() && !*logged_in {
            return Some("-NOAUTH Authentication required.\r\n".to_owned());
        }
        Some(match (word(0), word(1)) {
            ("INFO", _) => {
                let info = format!("{}run_id:{}\r\n", state.info, state.run);
                format!("${}\r\n{info}\r\n", info.len())
            }
            ("SCRIPT", "LOAD") => {
                state.has_no_script = false;
                let name = if word(2).contains("'good'") { "spend" } else { "begin" };
                format!("+{name}\r\n")
            }
            ("EVALSHA", _) if state.has_no_script => {
                "-NOSCRIPT No matching script. Please use EVAL.\r\n".to_owned()
            }
            ("EVALSHA" | "EVAL", "begin") => state.begin(word(3), &command[4..]),
            ("EVAL", script) if script.contains("return {began") => state.begin(word(3), &command[4..]),
            ("EVALSHA" | "EVAL", _) => {
                state.asked.push(word(0).to_owned());
                match state.error.clone() {
                    Some(error) => format!("-{error}\r\n"),
                    None => state.ask(word(3), word(4), &command[5..]).to_owned(),
                }
            }
            other => panic!("{other:?}"),
        })
    }
}

/// A command: an array of bulk strings.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let count = number(stream, "*").await?;
    let mut command = Vec::new();
    for _ in 0..count {
        let mut bytes = vec![0; number(stream, "$").await? + 2];
        stream.read_exact(&mut bytes).await.ok()?;
        bytes.truncate(bytes.len() - 2);
        command.push(String::from_utf8(bytes).unwrap());
    }
    Some(command)
}

async fn number(stream: &mut BufReader<TcpStream>, sign: &str) -> Option<usize> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    line.trim_end().strip_prefix(sign)?.parse().ok()
}
