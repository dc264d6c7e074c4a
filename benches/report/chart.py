"""Horizontal bars with their values, as SVG that suits a light and a dark page."""

from xml.sax.saxutils import escape

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 }
.bar { fill: #8c959f }
.ours { fill: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .bar { fill: #6e7681 }
  .ours { fill: #4493f8 }
}
"""

WIDTH, LABELS, VALUES, TOP, ROW, BAR = 780, 330, 70, 40, 26, 16


def write(path, title, bars, show):
    """`bars`: label, value, and whether it is to stand out; `show` makes a value a text."""
    longest = max(value for _, value, _ in bars) or 1
    parts = []
    for number, (label, value, ours) in enumerate(bars):
        y = TOP + number * ROW
        width = max(1, value / longest * (WIDTH - LABELS - VALUES))
        parts.append(
            f'<text x="{LABELS - 8}" y="{y + 13}" text-anchor="end">{escape(label)}</text>'
            f'<rect class="{"ours" if ours else "bar"}" x="{LABELS}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2"/>'
            f'<text x="{LABELS + width + 6:.1f}" y="{y + 13}">{escape(show(value))}</text>'
        )
    height = TOP + len(bars) * ROW
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="{escape(title)}">\n<style>{STYLE}</style>\n'
        f'<text class="title" x="8" y="20">{escape(title)}</text>\n' + "\n".join(parts) + "\n</svg>\n"
    )
