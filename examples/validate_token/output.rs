//! The table and the JSON.

use std::{
    env,
    io::{self, IsTerminal, Write},
};

use tower_resource_server::Explanation;

#[derive(Clone, Copy)]
pub(crate) enum Style {
    Table,
    Brief,
    Json,
}

pub(crate) fn print(explanation: &Explanation, style: Style) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let text = match style {
        Style::Table => format!("{explanation}"),
        Style::Brief => format!("{explanation:#}"),
        Style::Json => {
            serde_json::to_writer_pretty(&mut out, explanation)?;
            return writeln!(out);
        }
    };
    let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if !out.is_terminal() || unwanted {
        return out.write_all(text.as_bytes());
    }
    text.lines().enumerate().try_for_each(|(n, line)| match colour(n, line) {
        Some(code) => writeln!(out, "\x1b[{code}m{line}\x1b[0m"),
        None => writeln!(out, "{line}"),
    })
}

/// The judgement in bold, what failed in red, what was not checked in yellow.
fn colour(n: usize, line: &str) -> Option<u8> {
    match line.split(' ').next() {
        _ if n == 0 => Some(1),
        Some("FAILED") => Some(31),
        Some("?") => Some(33),
        Some("-") => Some(2),
        _ => None,
    }
}
