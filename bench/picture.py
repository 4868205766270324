# SPDX-License-Identifier: BSD-3-Clause
"""picture.py - what a bench measured, as SVG, by hand: it has its own background, and colours for light and for dark."""
import math
from html import escape
from textwrap import wrap

STYLE = '''
.bg { fill: #ffffff } .text { fill: #1f2328; font: 12px sans-serif } .small { fill: #59636e; font: 10px sans-serif }
.head { font-weight: bold } .slow { fill: #cf222e; font-weight: bold } .frame { fill: none; stroke: #8c959f } .grid { stroke: #d1d9e0 }
.s0 { stroke: #0969da } .s1 { stroke: #bc4c00 } .s2 { stroke: #6e7781 } .f0 { fill: #0969da } .f1 { fill: #bc4c00 } .f2 { fill: #6e7781 }
.line { fill: none; stroke-width: 2 } .dashed { stroke-dasharray: 5 3 }
@media (prefers-color-scheme: dark) {
.bg { fill: #0d1117 } .text { fill: #f0f6fc } .small { fill: #9198a1 } .slow { fill: #ff7b72 } .frame { stroke: #656c76 }
.grid { stroke: #2f353d } .s0 { stroke: #58a6ff } .s1 { stroke: #f0883e } .s2 { stroke: #9198a1 }
.f0 { fill: #58a6ff } .f1 { fill: #f0883e } .f2 { fill: #9198a1 } }
'''
WIDE, HIGH, GAP = 190, 120, 56 # of a panel, and below it
LEFT, TOP = 165, 78


def text(x, y, what, kind='text', anchor='start'):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(what)}</text>'


def mark(x, y, i):
    """a shape for each peer: colour alone would not do"""
    if i == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" class="f0"/>'
    if i == 1:
        return f'<rect x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" height="7" class="f1"/>'
    return f'<path d="M{x:.1f} {y - 4:.1f} l4 7 h-8 z" class="f2"/>'


def page(width, height, title, body):
    return '\n'.join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
                      f'role="img"><title>{escape(title)}</title><style>{STYLE}</style>',
                      f'<rect width="{width}" height="{height}" class="bg"/>'] + body + ['</svg>', ''])


def legend(names, y):
    out, x = [], LEFT
    for i, name in enumerate(names):
        out += [f'<path d="M{x} {y - 4} h26" class="line s{i}{" dashed" if i == 2 else ""}"/>', mark(x + 13, y - 4, i),
                text(x + 32, y, name)]
        x += 60 + 7 * len(name)
    return out


def one_panel(x0, y0, xs, series, notes, low, high):
    """series: for each peer a value for each of xs, or None; notes: (text, is it slow) below each of xs"""
    def across(k):
        return x0 + WIDE * (k + .5) / len(xs)

    def up(v):
        return y0 + HIGH * (1 - (math.log10(v) - low) / (high - low))
    out = []
    for decade in range(math.ceil(low), math.floor(high) + 1):
        y = up(10 ** decade)
        out += [f'<path d="M{x0} {y:.1f} h{WIDE}" class="grid"/>']
    out.append(f'<rect x="{x0}" y="{y0}" width="{WIDE}" height="{HIGH}" class="frame"/>')
    for i, values in reversed(list(enumerate(series))): # ours above
        points = [(across(k), up(v)) for k, v in enumerate(values) if v is not None]
        if points:
            path = 'M' + ' L'.join(f'{x:.1f} {y:.1f}' for x, y in points)
            out.append(f'<path d="{path}" class="line s{i}{" dashed" if i == 2 else ""}"/>')
            out += [mark(x, y, i) for x, y in points]
    for k, x in enumerate(xs):
        out.append(text(across(k), y0 + HIGH + 13, str(x), 'small', 'middle'))
        for i, word in enumerate(notes[k][0].split()):
            out.append(text(across(k), y0 + HIGH + 26 + 11 * i, word, 'small slow' if notes[k][1] else 'small', 'middle'))
    return out


def lines(title, foot, rows, columns, xs, peers, values, notes):
    """A panel for each of rows (key, name) and columns, logarithmic, each row with a scale of its own.
    values(row, column, peer): a value for each of xs; notes(row, column): see one_panel()."""
    width = LEFT + len(columns) * (WIDE + 14) + 10
    height = TOP + len(rows) * (HIGH + GAP) + 20 * len(foot)
    out = [text(LEFT, 22, title, 'text head')] + legend(peers, 46)
    out += [text(LEFT + c * (WIDE + 14) + WIDE / 2, TOP - 8, name, 'text head', 'middle') for c, name in enumerate(columns)]
    for r, (key, row) in enumerate(rows):
        y0 = TOP + r * (HIGH + GAP)
        got = {c: [values(key, c, p) for p in peers] for c in columns}
        seen = [v for series in got.values() for s in series for v in s if v is not None] or [1]
        low, high = math.log10(min(seen)) - .15, math.log10(max(seen)) + .15
        out += [text(10, y0 + 14 + 15 * i, part, 'text head') for i, part in enumerate(wrap(row, 13))]
        for decade in range(math.ceil(low), math.floor(high) + 1):
            y = y0 + HIGH * (1 - (decade - low) / (high - low))
            out.append(text(LEFT - 6, y + 4, f'{10 ** decade:g} ns', 'small', 'end'))
        for c, name in enumerate(columns):
            out += one_panel(LEFT + c * (WIDE + 14), y0, xs, got[name], notes(key, name), low, high)
    out += [text(LEFT, height - 20 * (len(foot) - i) + 6, line, 'small') for i, line in enumerate(foot)]
    return page(width, height, title, out)


def bars(title, foot, cases):
    """cases: (name, how many times as fast, text, is it slow): a bar each, and a line at 1; text None: a heading"""
    left = 20 + 6.5 * max([30] + [len(name) for name, _, what, _ in cases if what is not None])
    scale, step = 330 / max([r for _, r, *_ in cases if r] + [1]), 30
    height = 50 + step * len(cases) + 10 + 20 * len(foot)
    out = [text(10, 22, title, 'text head')]
    for i, (name, r, what, slow) in enumerate(cases):
        y = 44 + step * i
        if what is None:
            out.append(text(10, y + 14, name, 'text head'))
            continue
        out += [text(left - 10, y + 14, name, 'text', 'end'), f'<rect x="{left}" y="{y}" width="{(r or 0) * scale:.1f}" height="20" class="f0"/>',
                text(left + max(r or 0, 1) * scale + 10, y + 14, what, 'small slow' if slow else 'small')]
    out.append(f'<path d="M{left + scale:.1f} 38 V{height - 20 * len(foot) - 12}" class="line s1"/>')
    out += [text(10, height - 20 * (len(foot) - j) + 6, line, 'small') for j, line in enumerate(foot)]
    return page(left + 330 + 260, height, title, out)
