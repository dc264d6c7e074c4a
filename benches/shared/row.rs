//! A line of a result, for people and for programs: the same format in every bench.

use std::{fmt, fs::File, io, io::Write, path::Path};

use serde_json::{Value, json};

/// What a number counts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    Nanoseconds,
    Microseconds,
    Ratio,
    PerSecond,
    Bytes,
    Count,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Microseconds => "us",
            Self::Ratio => "x",
            Self::PerSecond => "req/s",
            Self::Bytes => "B",
            Self::Count => "",
        }
    }

    fn show(self, value: f64) -> String {
        match self {
            Self::Nanoseconds | Self::PerSecond | Self::Bytes => format!("{value:.0} {}", self.name()),
            Self::Microseconds => format!("{value:.1} us"),
            Self::Ratio => format!("{value:.2} x"),
            Self::Count => format!("{value:.0}"),
        }
    }
}

/// What a number is held to.
#[derive(Clone, Copy, Debug)]
struct Bound {
    must: f64,
    aim: f64,
    at_least: bool,
}

/// One number, and what it is held to or compared with, if it is.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    measured: f64,
    unit: Unit,
    bound: Option<Bound>,
    /// What the control took, and how much more this does.
    beside: Option<(f64, f64)>,
    extra: Vec<(&'static str, Value)>,
}

impl Row {
    pub(crate) fn new(name: impl Into<String>, measured: f64, unit: Unit) -> Self {
        Self { name: name.into(), measured, unit, bound: None, beside: None, extra: Vec::new() }
    }

    pub(crate) fn at_least(mut self, must: f64, aim: f64) -> Self {
        self.bound = Some(Bound { must, aim, at_least: true });
        self
    }

    pub(crate) fn at_most(mut self, must: f64, aim: f64) -> Self {
        self.bound = Some(Bound { must, aim, at_least: false });
        self
    }

    /// Shows it beside its control, which was measured in the same run, and holds it to nothing. `over` is the median
    /// of the differences within a round, which need not be the difference of the medians.
    pub(crate) fn beside(mut self, control: f64, over: f64) -> Self {
        self.beside = Some((control, over));
        self
    }

    /// A fact that goes along in the file, and is not printed.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.extra.push((name, value.into()));
        self
    }

    /// What is not a number is over.
    pub(crate) fn is_over(&self) -> bool {
        self.bound.is_some_and(|bound| {
            let within =
                if bound.at_least { self.measured >= bound.must } else { self.measured <= bound.must };
            !within
        })
    }

    fn verdict(&self) -> Option<&'static str> {
        self.bound.map(|_| if self.is_over() { "over" } else { "ok" })
    }

    /// The line as an object; `must`, `aim` and `verdict` are null for what is held to nothing.
    pub(crate) fn json(&self, bench: &str) -> Value {
        let mut line = json!({
            "bench": bench,
            "row": self.name,
            "measured": self.measured,
            "unit": self.unit.name(),
            "control": self.beside.map(|(control, _)| control),
            "over": self.beside.map(|(_, over)| over),
            "must": self.bound.map(|bound| bound.must),
            "aim": self.bound.map(|bound| bound.aim),
            "verdict": self.verdict(),
        });
        for (name, value) in &self.extra {
            line[*name] = value.clone();
        }
        line
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others = match (self.bound, self.beside) {
            (Some(bound), _) => [Some(bound.must), Some(bound.aim)],
            (None, Some((control, over))) => [Some(control), Some(over)],
            (None, None) => [None, None],
        };
        let [second, third] =
            others.map(|number| number.map_or_else(|| "-".to_owned(), |number| self.unit.show(number)));
        let measured = self.unit.show(self.measured);
        write!(f, "{:<44} {measured:>12} {second:>10} {third:>10}", self.name)?;
        match self.beside {
            Some(_) => Ok(()),
            None => write!(f, "  {}", self.verdict().unwrap_or("-")),
        }
    }
}

/// The heading above printed rows.
pub(crate) fn print_heading() {
    println!("{:<44} {:>12} {:>10} {:>10}  verdict", "row", "measured", "must", "aim");
}

/// The heading above rows that are [`beside`](Row::beside) a control.
pub(crate) fn print_heading_of_times() {
    println!("{:<44} {:>12} {:>10} {:>10}", "row", "measured", "control", "over it");
}

/// Replaces the file at `path` by these rows, a JSON object a line.
///
/// # Errors
/// Those of the file system.
pub(crate) fn write(path: &Path, bench: &str, rows: &[Row]) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut file = io::BufWriter::new(File::create(path)?);
    for row in rows {
        writeln!(file, "{}", row.json(bench))?;
    }
    file.flush()
}
