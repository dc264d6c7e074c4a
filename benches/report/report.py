#!/usr/bin/env python3
"""Writes BENCHMARKS.md and its charts from the results of the benches.

Usage: report.py RESULTS OUT: RESULTS is the directory with the JSON lines, OUT that of BENCHMARKS.md;
charts go to OUT/benches/charts. A part without results says so.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import chart

HERE = Path(__file__).parent
NOTHING = "Not measured in this run."
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA", "HS256"]
CONTROLS = {"raw": "raw signature check", "bare": "no layer", "ours": "this crate", "ours, cached": "this crate, cached"}


def read(results):
    """All lines of all benches."""
    lines = []
    for path in sorted(Path(results).glob("*.jsonl")):
        lines += [json.loads(line) for line in path.read_text().splitlines()]
    return lines


def shown(value, unit):
    if unit == "ns" and value >= 10_000:
        return f"{value / 1000:.1f} µs"
    if unit == "ns" and value >= 1_000:
        return f"{value / 1000:.2f} µs"
    if unit == "us" and value >= 1_000:
        return f"{value / 1000:.2f} ms"
    number = f"{value:.2f}" if unit == "x" else f"{value:.1f}" if unit in ("us", "s", "MiB") else f"{value:,.0f}".replace(",", " ")
    return f"{number} {unit}".replace("us", "µs").replace(" x", " ×").strip()


def times(ratio):
    """A ratio with three digits or so."""
    return f"{ratio:.0f} ×" if ratio >= 99.5 else f"{ratio:.1f} ×" if ratio >= 9.95 else f"{ratio:.2f} ×"


def table(head, rows):
    """The first column is text, the others are numbers."""
    if not rows:
        return NOTHING
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])


def plain(lines):
    """Numbers that are held to nothing."""
    return table(["", "measured"], [[line["row"], shown(line["measured"], line["unit"])] for line in lines])


def budget(lines):
    """What is held to something, and beside it the ratios of the budget that are not."""
    rows = []
    for line in lines:
        if line.get("must") is not None:
            numbers = [shown(line[name], line["unit"]) for name in ("measured", "must", "aim")]
            rows.append([line["row"], *numbers, line["verdict"]])
        elif line["bench"] == "budget" and line.get("control") is None:
            rows.append([line["row"], shown(line["measured"], line["unit"]), "–", "–", "–"])
    return table(["row", "measured", "must", "aim", "verdict"], rows)


def beside(lines):
    """Times and their controls, which are held to nothing."""
    rows = []
    for line in lines:
        measured, control = line["measured"], line.get("control")
        if control is not None:
            numbers = [shown(number, line["unit"]) for number in (measured, control, line.get("over", measured - control))]
            rows.append([line["row"], *numbers])
    return table(["row", "measured", "control", "over it"], rows)


class Peers:
    """What was measured in the process of each peer."""

    def __init__(self, lines):
        self.lines = [line for line in lines if line["bench"] == "peers" and "candidate" in line]
        self.node = [line for line in lines if line["bench"] == "node"]

    def of(self, algorithm, case):
        return [line for line in self.lines if line["algorithm"] == algorithm and line["case"] == case]

    def candidates(self, algorithm, case):
        """Name, nanoseconds, allocations, and the ratios to our miss and our hit."""
        lines = self.of(algorithm, case)
        in_process = {(line["beside"], line["candidate"]): line["measured"] for line in lines}
        found = {}
        for line in lines:
            found.setdefault(line["candidate"], []).append(line)

        def ratio(lines, ours):
            ratios = [line["measured"] / in_process[line["beside"], ours] for line in lines if (line["beside"], ours) in in_process]
            return statistics.median(ratios) if ratios else None

        rows = []
        for name, lines in found.items():
            measured = statistics.median(line["measured"] for line in lines)
            allocations = statistics.median(line["allocations"] for line in lines)
            rows.append([CONTROLS.get(name, name), measured, allocations, ratio(lines, "ours"), ratio(lines, "ours, cached")])
        # The controls, then the others from the fastest on.
        order = list(CONTROLS.values())
        rows.sort(key=lambda row: (order.index(row[0]) if row[0] in order else len(order), row[1]))
        ours = {row[0]: row[1] for row in rows}
        for line in self.node:
            if line["algorithm"] == algorithm and case == "good" and rows:
                miss, hit = (ours.get(CONTROLS[name]) for name in ("ours", "ours, cached"))
                measured = line["measured"]
                name = f"Node {line['node'].split('.')[0]}: {line['candidate']}"
                rows.append([name, measured, None, measured / miss, hit and measured / hit])
        return rows

    def tables(self):
        parts = []
        for algorithm in ALGORITHMS:
            rows = [
                [name, shown(measured, "ns"), "" if count is None else f"{count:.0f}", times(miss), times(hit) if hit else "–"]
                for name, measured, count, miss, hit in self.candidates(algorithm, "good")
            ]
            head = [algorithm, "a request", "allocations", "to our miss", "to our hit"]
            parts.append(f"### {algorithm}\n\n{table(head, rows)}")
        return "\n\n".join(parts)

    def rejects(self):
        cases = ["no header", "garbage", "unknown kid", "expired", "bad signature"]
        by_name = {}
        for case in cases:
            for name, measured, *_ in self.candidates("RS256", case):
                by_name.setdefault(name, {})[case] = shown(measured, "ns")
        return table(["", *cases], [[name, *(row.get(case, "–") for case in cases)] for name, row in by_name.items()])

    def charts(self, directory):
        images = []
        for algorithm in ["RS256", "ES256", "EdDSA"]:
            bars = [(name, measured / 1000, name.startswith("this")) for name, measured, *_ in self.candidates(algorithm, "good")]
            if bars:
                path = f"peers-{algorithm.lower()}.svg"
                chart.write(directory / path, f"{algorithm}: one request, µs", bars, lambda value: f"{value:.2f}" if value < 10 else f"{value:.1f}")
                images.append(f"![{algorithm}: microseconds a request](benches/charts/{path})")
        return "\n\n".join(images) or NOTHING

    def noise(self):
        """How far apart the same control is in the processes that it ran in."""
        sentences = []
        for algorithm in ["RS256", "ES256", "EdDSA"]:
            values = [line["measured"] for line in self.of(algorithm, "good") if line["candidate"] == "raw"]
            if len(values) > 1:
                spread = (max(values) - min(values)) / statistics.median(values) * 100
                sentences.append(f"{algorithm} {shown(min(values), 'ns')} to {shown(max(values), 'ns')} ({spread:.0f} %)")
        if not sentences:
            return NOTHING
        return "The raw signature check, the same work in each peer's process, took: " + ", ".join(sentences) + "."


def end_to_end(lines, directory):
    lines = sorted((line for line in lines if "traffic" in line), key=lambda line: line["protocol"])
    bare = {line["protocol"]: line for line in lines if line["traffic"] == "without the layer"}
    rows = [
        [
            f"{line['protocol']}, {line['traffic']}",
            shown(line["measured"], "req/s"),
            times(line["measured"] / bare[line["protocol"]]["measured"]),
            shown(line["cpu_us"], "us"),
            f"{line['server_busy'] * 100:.0f} %",
        ]
        for line in lines
    ]
    if lines:
        bars = [(row[0], line["measured"] / 1000, line["traffic"] != "without the layer") for row, line in zip(rows, lines)]
        chart.write(directory / "end-to-end.svg", "Over loopback, thousand requests a second", bars, lambda value: f"{value:.1f}")
    head = ["", "req/s", "to no layer", "CPU a request", "busy"]
    return table(head, rows), image(lines, "end-to-end.svg", "thousand requests a second")


def latency(lines, directory):
    lines = [line for line in lines if "percentile" in line]
    phases = {}
    for line in lines:
        phases.setdefault(line["phase"], {})[line["percentile"]] = line["measured"]
    percentiles = ["p50", "p99", "p99.9"]
    rows = [[phase, *(shown(values[percentile], "us") for percentile in percentiles)] for phase, values in phases.items()]
    if lines:
        bars = [(phase, values["p99"] / 1000, phase in ("keys change", "flood of unknown keys")) for phase, values in phases.items()]
        chart.write(directory / "latency.svg", "p99 of good traffic, ms", bars, lambda value: f"{value:.2f}")
    return table(["", *percentiles], rows), image(lines, "latency.svg", "p99 of good traffic in milliseconds")


def image(lines, name, text):
    return f"![{text}](benches/charts/{name})" if lines else NOTHING


def of_peers(lines):
    lines = [line for line in lines if line["bench"] == "peers-instructions"]
    names = [CONTROLS.get(line["row"], line["row"]) for line in lines]
    return table(["", "instructions"], [[name, shown(line["measured"], "")] for name, line in zip(names, lines)])


def instructions(lines):
    lines = [line for line in lines if line["bench"] == "instructions"]
    rows = [[line["row"], shown(line["measured"], ""), str(line["allocations"])] for line in lines]
    return table(["", "instructions", "allocations"], rows)


class Scale:
    """What grows: live tokens, keys, threads, and tokens that end at once."""

    def __init__(self, lines):
        self.lines = [line for line in lines if line["bench"] == "scale"]

    def live(self, directory):
        lines = [line for line in self.lines if "live" in line]
        rows, bars = [], []
        for live in sorted({line["live"] for line in lines}):
            of = [line for line in lines if line["live"] == live]
            hit = {line["by"]: line["measured"] for line in of if line["unit"] == "ns"}
            held = {line["by"]: line for line in of if line["unit"] == "B"}
            threads = next(line["measured"] for line in of if line["unit"] == "x")
            number = shown(live, "")
            row = [number]
            for by in ("token", "digest"):
                row += [shown(hit[by], "ns"), memory(held[by]["measured"]), memory(held[by]["each"])]
                bars.append((f"{number}, by {by}", hit[by], by == "token"))
            rows.append([*row, times(threads)])
        if lines:
            chart.write(directory / "live-tokens.svg", "A hit over the bare service by live tokens, ns", bars, lambda value: f"{value:.0f}")
        head = ["live tokens", "hit", "cache", "each", "hit by digest", "cache", "each", "two threads"]
        return table(head, rows), image(lines, "live-tokens.svg", "nanoseconds of a hit by live tokens")

    def keys(self):
        lines = [line for line in self.lines if "keys" in line]
        by = {(line["keys"], line["signs"]): shown(line["measured"], "ns") for line in lines}
        counts = sorted({line["keys"] for line in lines})
        rows = [[shown(keys, ""), by[keys, "one"], by.get((keys, "each"), "–")] for keys in counts]
        return table(["keys", "one signs", "all sign in turn"], rows)

    def ending(self):
        phases = {}
        for line in self.lines:
            if "phase" in line:
                phases.setdefault(line["phase"], {})[line["share"]] = shown(line["measured"], line["unit"])
        shares = ["median", "p99", "slowest"]
        return table(["", *shares], [[phase, *(of[share] for share in shares)] for phase, of in phases.items()])

    def bounds(self):
        return budget(self.lines)


def memory(value):
    for unit in ("B", "KiB", "MiB"):
        if value < 10_000 or unit == "MiB":
            return f"{value:,.0f} {unit}".replace(",", " ") if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024


def stores(lines):
    lines = [line for line in lines if line["bench"] == "stores"]
    names = list(dict.fromkeys(line["store"] for line in lines))
    by = {(line["case"], line["store"]): shown(line["measured"], line["unit"]) for line in lines}
    cases = dict.fromkeys(line["case"] for line in lines)
    return table(["", *names], [[case, *(by[case, name] for name in names)] for case in cases])


def machine():
    try:
        facts = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(fact.split(":", 1)[1].strip() for fact in facts if fact.startswith("model name"))
    except (OSError, StopIteration):
        model = "an unnamed processor"
    return f"{os.cpu_count()} cores of {model}"


def main():
    results, out = Path(sys.argv[1]), Path(sys.argv[2])
    directory = out / "benches" / "charts"
    directory.mkdir(parents=True, exist_ok=True)
    lines = read(results)
    peers = Peers(lines)
    end_to_end_table, end_to_end_chart = end_to_end(lines, directory)
    latency_table, latency_chart = latency(lines, directory)
    scale = Scale(lines)
    live_table, live_chart = scale.live(directory)
    parts = {
        "date": time.strftime("%B %Y"),
        "machine": machine(),
        "rustc": " ".join(subprocess.check_output(["rustc", "--version"], text=True).split()[:2]),
        # What scale holds its rows to stands beside them.
        "budget": budget([line for line in lines if line["bench"] != "scale"]),
        "times": beside(lines),
        "charts": peers.charts(directory),
        "peers": peers.tables(),
        "rejects": peers.rejects(),
        "peers_instructions": of_peers(lines),
        "instructions": instructions(lines),
        "chart_live": live_chart,
        "live": live_table,
        "keys": scale.keys(),
        "ending": scale.ending(),
        "bounds": scale.bounds(),
        "stores": stores(lines),
        "hot": "1 000",
        "chart_end_to_end": end_to_end_chart,
        "end_to_end": end_to_end_table,
        "chart_latency": latency_chart,
        "latency": latency_table,
        "build": plain([line for line in lines if line["bench"] == "build"]),
        "noise": peers.noise(),
    }
    (out / "BENCHMARKS.md").write_text((HERE / "template.md").read_text().format(**parts))
    print(f"{len(lines)} numbers in {out / 'BENCHMARKS.md'}")


if __name__ == "__main__":
    main()
