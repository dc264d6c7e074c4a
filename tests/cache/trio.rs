//! One server three times: without a cache, with one, and with one that keeps digests.

use tower_resource_server::{CacheSettings, ResourceServer};

pub struct Trio {
    uncached: ResourceServer,
    cached: [(&'static str, ResourceServer); 2],
}

impl Trio {
    pub fn new(build: impl Fn(CacheSettings) -> ResourceServer) -> Self {
        let [mut off, by_token, mut by_digest] = [CacheSettings::default(); 3];
        off.max_bytes = 0;
        by_digest.digests = true;
        Self {
            uncached: build(off),
            cached: [("by token", build(by_token)), ("by digest", build(by_digest))],
        }
    }

    pub fn all(&self) -> impl Iterator<Item = &ResourceServer> {
        [&self.uncached].into_iter().chain(self.cached())
    }

    pub fn cached(&self) -> impl Iterator<Item = &ResourceServer> {
        self.cached.iter().map(|(_, server)| server)
    }

    /// What all three say, or who says something else than the one that verifies each time. Each
    /// cache is asked twice: what it remembers just now it must say again.
    pub fn agree(&self, ask: impl Fn(&ResourceServer) -> String) -> Result<String, String> {
        let expected = ask(&self.uncached);
        for (name, server) in &self.cached {
            for time in ["first", "then"] {
                let said = ask(server);
                if said != expected {
                    return Err(format!("{name}, {time}: {said}\nwithout a cache: {expected}"));
                }
            }
        }
        Ok(expected)
    }
}
