# SPDX-License-Identifier: BSD-3-Clause
# troubleshooting.sh - each line that sh_err(), sh_warn() and sh_log_rate() may print stands in doc/troubleshooting.md
#
# A format is cut at its conversions. Of each piece of three words or more the first five must stand in the page, one behind
# the other; if there is no such piece, of the longest.
python3 - <<'END'
import glob
import re
import sys

STRINGS = r'"(?:\\.|[^"\\])*"(?:\s*(?:PRI\w+\s*)?"(?:\\.|[^"\\])*")*'
CALL = re.compile(r'\b(?:sh_err|sh_warn|sh_log_rate)\(\s*(?:SH_\w+\s*,\s*)?(' + STRINGS + r')\s*(?:,\s*(' + STRINGS + '))?')
CONVERSION = r'%[-+ #0]*[\d*]*(?:\.[\d*]+)?(?:hh|ll|[hlzjt])?[diouxXscp]'


def text(literal):
    return ''.join(re.findall(r'"((?:\\.|[^"\\])*)"', literal)).replace('\\"', '"')


def words(s):
    return [w for w in (w.strip('.,;:\'"()[]|`') for w in s.split()) if w]


def pieces(fmt):
    """The words between conversions; a word that a conversion is part of is left out."""
    parts = re.split('(' + CONVERSION + ')', fmt)
    out = []
    for i in range(0, len(parts), 2):
        s = parts[i]
        if i > 0:
            s = re.sub(r'^\S+', '', s)
        if i + 1 < len(parts):
            s = re.sub(r'\S+$', '', s)
        out.append(words(s))
    return [p for p in out if len(p) > 2] or [max(out, key=len)]


def missing(fmt):
    found = pieces(fmt)
    if found == [[]]:  # nothing but one word and conversions: that word
        return [] if fmt.split('%')[0] in raw else [[fmt]]
    return [p for p in found if ' ' + ' '.join(p[:5]) + ' ' not in page]


with open('doc/troubleshooting.md', encoding='utf-8') as f:
    raw = f.read()
page = ' ' + ' '.join(words(raw)) + ' '
bad = seen = 0
for path in sorted(glob.glob('src/**/*.c', recursive=True)):
    with open(path, encoding='utf-8') as f:
        source = f.read()
    for m in CALL.finditer(source):
        fmt = text(m.group(1))
        if fmt == '%s':  # the text itself follows, or was made elsewhere: options, see test/proc/opts_doc.c
            if m.group(2) is None:
                continue
            fmt = text(m.group(2))
        seen += 1
        line = source.count('\n', 0, m.start()) + 1
        for p in missing(fmt):
            bad += 1
            print(f'{path}:{line}: "{" ".join(p[:5])}" is not in doc/troubleshooting.md')
if seen < 50:
    bad += 1
    print(f'only {seen} lines found in src/: does this check still see them?')
sys.exit(bad != 0)
END
