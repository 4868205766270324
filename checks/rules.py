# SPDX-License-Identifier: BSD-3-Clause
"""Rules that need no compiler, each a function named like the check; run as rules.py NAME.

A rule yields "path:line: what is wrong". A text that starts with "note: " is shown and does not fail the check.
rules.py files PATTERN... prints the files of the tree.
"""
import fnmatch
import os
import re
import sys

ROOMS = ['base', 'proc', 'chan', 'mem', 'obj', 'pkt', 'ctl']
FUNC_WISH, FUNC_MAX, FILE_WISH, FILE_MAX = 60, 120, 600, 800


def tracked(*patterns):
    """Files of the tree by pattern (* matches / too), without asking git: a tree may come without it, or be somebody else's."""
    found = []
    for top, dirs, files in os.walk('.'):
        dirs[:] = [d for d in dirs if d not in ('.git', '.cache', '__pycache__') and not (top == '.' and d.startswith('build'))]
        for name in files:
            path = os.path.relpath(os.path.join(top, name), '.')
            if name == '.git' or name.endswith('.o') or os.path.islink(path):
                continue
            if not patterns or any(fnmatch.fnmatchcase(path, p) or path.startswith(p + '/') for p in patterns):
                found.append(path)
    return sorted(found)


def lines(path):
    with open(path, encoding='utf-8', errors='replace') as f:
        return f.read().split('\n')


def code_lines(path):
    """The file's lines with comments and string contents blanked."""
    with open(path, encoding='utf-8', errors='replace') as f:
        text = f.read()

    def blank(m):
        s = m.group(0)
        return '""' if s[0] in '"\'' else re.sub(r'[^\n]', ' ', s)

    text = re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)
    return text.split('\n')


def rooms():
    """A file includes its own room and those to its left; public headers include public headers only."""
    public = {os.path.relpath(p, 'include') for p in tracked('include/*.h')}
    for path in tracked('src/*.c', 'src/*.h', 'include/*.h'):
        part = path.split('/')
        own = ROOMS.index(part[1]) if part[0] == 'src' and len(part) > 2 and part[1] in ROOMS else None
        for n, line in enumerate(lines(path), 1):
            m = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
            if not m:
                continue
            inc = m.group(2)
            head = inc.split('/')[0]
            if '..' in inc.split('/'):
                yield f'{path}:{n}: {inc}: paths start at src/ or include/'
            elif part[0] == 'include':
                if m.group(1) == '"' and inc not in public or head in ROOMS:
                    yield f'{path}:{n}: {inc} is not a public header'
            elif head in ROOMS and '/' in inc:
                if own is not None and ROOMS.index(head) > own:
                    yield f'{path}:{n}: room {part[1]} must not know room {head} ({inc})'
            elif m.group(1) == '"' and inc != 'ctx.h' and inc not in public:
                yield f'{path}:{n}: {inc}: name it with its room'
        if part[0] == 'src' and own is None and len(part) > 2:
            yield f'{path}:1: no such room: {part[1]}'


def low_fds():
    """What makes an fd that stays stands inside sh_fd_up() or sh_fd_pair_up(): no fd of the library is 0, 1 or 2."""
    makes = re.compile(r'(?<![\w.>])(socket|socketpair|accept4?|epoll_create1|memfd_create|pipe2?|open|openat|eventfd'
                       r'|timerfd_create|signalfd|inotify_init1|dup[23]?)\s*\(')
    for path in tracked('src/*.c'):
        before = ''
        for n, line in enumerate(code_lines(path), 1):
            for m in makes.finditer(line):
                if 'sh_fd_up(' not in before + line[:m.start()] and 'sh_fd_pair_up(' not in before + line[:m.start()]:
                    yield f'{path}:{n}: {m.group(1)}() outside sh_fd_up(): the fd may be 0, 1 or 2'
            before = line


def clocks():
    """No time-out by the wall clock: it is read for timestamps alone, in the log and in captures, and what waits on a condition sets the monotonic one."""
    wall = re.compile(r'\b(CLOCK_REALTIME\w*|TIME_UTC|gettimeofday|ftime|time)\b\s*(?:[,;)]|\()')
    waits = re.compile(r'\b(sem_timedwait|mtx_timedlock|pthread_mutex_timedlock|pthread_rwlock_timed\w+|mq_timed\w+)\s*\(')
    for path in tracked('src/*.c', 'src/*.h', 'include/*.h'):
        text = code_lines(path)
        for n, line in enumerate(text, 1):
            m = wall.search(line)
            if m and path not in ('src/base/log.c', 'src/pkt/pcap_tx.c') and (m.group(1) != 'time' or re.search(r'[^\w.>]time\s*\(', line)):
                yield f'{path}:{n}: {m.group(1)}: the wall clock may be set at any moment'
            m = waits.search(line)
            if m:
                yield f'{path}:{n}: {m.group(1)}() waits by the wall clock'
        body = '\n'.join(text)
        if 'pthread_cond_timedwait' in body and 'CLOCK_MONOTONIC' not in body:
            yield f'{path}: a timed wait on a condition whose clock is not set to CLOCK_MONOTONIC'


def functions(path):
    """(name, first line, number of lines) of each function; relies on the format: its braces stand in column one."""
    text = lines(path)
    start = None
    for n, line in enumerate(text, 1):
        if line == '{':
            start = n
        elif line.startswith('}') and start is not None:
            if line == '}':
                head = ' '.join(text[max(0, start - 4):start - 1])
                name = re.findall(r'(\w+)\s*\(', head)
                yield (name[-1] if name else '?'), start, n - start - 1
            start = None


def size():
    """Functions and files one can read in a sitting."""
    for path in tracked('src/*.[ch]', 'test/*.[ch]', 'examples/*.[ch]', 'bench/*.[ch]', 'tools/*.[ch]'):
        n = len(lines(path)) - 1
        if n > FILE_WISH:
            yield f'{"" if n > FILE_MAX else "note: "}{path}:1: {n} lines, {FILE_WISH} are wished, {FILE_MAX} the limit'
        for name, at, length in functions(path):
            if length > FUNC_WISH:
                yield (f'{"" if length > FUNC_MAX else "note: "}{path}:{at}: {name}() has {length} lines, '
                       f'{FUNC_WISH} are wished, {FUNC_MAX} the limit')


def atoms():
    """Memory orders and raw atomics are named in base/atom.h only."""
    raw = re.compile(r'\bmemory_order_\w+|\batomic_(?!flag\b|u?int|bool\b|u?llong\b|u?long\b)\w+\s*\(|'
                     r'\b__atomic_\w+|\b__sync_\w+')
    for path in tracked('src/*.[ch]'):
        if path == 'src/base/atom.h':
            continue
        for n, line in enumerate(code_lines(path), 1):
            for m in raw.finditer(line):
                yield f'{path}:{n}: {m.group(0).strip()}: use what base/atom.h offers'


def labels():
    """Each release side R:XXX has its acquire side A:XXX, and the other way round."""
    seen = {}
    for path in tracked('src/*.[ch]', 'include/*.h'):
        for n, line in enumerate(lines(path), 1):
            for side, name in re.findall(r'(?<![\w:])([RA]):([A-Z][A-Z0-9_]{2,})\b', line):
                if name != 'XXX':
                    seen.setdefault(name, {}).setdefault(side, f'{path}:{n}')
    for name, sides in sorted(seen.items()):
        for side, other in (('R', 'A'), ('A', 'R')):
            if other not in sides:
                yield f'{sides[side]}: {side}:{name} has no {other}:{name}'


def volatile():
    """volatile orders nothing between threads; in assembler it is needed."""
    for path in tracked('src/*.[ch]'):
        for n, line in enumerate(code_lines(path), 1):
            if re.search(r'\bvolatile\b', line) and not re.search(r'asm(__)?\s+volatile', line):
                yield f'{path}:{n}: volatile'


def sleeps():
    """A test waits for what it needs (test/seeds holds users' listings as they are). A sleep that is meant says why: a comment "sleep: ..." on its line."""
    for path in tracked('test/*.c', 'test/*.h', 'test/*.py', 'test/*.sh'):
        if path.startswith(('test/lib/', 'test/fuzz/', 'test/seeds/')):
            continue
        for n, line in enumerate(lines(path), 1):
            if re.search(r'\b(usleep|sleep|nanosleep|time\.sleep)\s*\(|^\s*sleep\s', line) and 'sleep:' not in line:
                yield f'{path}:{n}: {line.strip()}'


def paths():
    """Nothing that names one machine or one person's directory."""
    bad = re.compile(r'(?<![\w./-])/(?:' + '|'.join(['ro' + 'ot', 'ho' + 'me', 'wo' + 'rk', 'Us' + 'ers']) + r')/\w')
    for path in tracked():
        if path.startswith('test/fuzz/corpus/'):
            continue
        for n, line in enumerate(lines(path), 1):
            if bad.search(line):
                yield f'{path}:{n}: {line.strip()[:100]}'


def links():
    """Files that a document links to exist."""
    for path in tracked('*.md'):
        for n, line in enumerate(lines(path), 1):
            for target in re.findall(r'\]\(([^)#\s]+)', line):
                if not re.match(r'[a-z]+:', target) and not os.path.exists(os.path.join(os.path.dirname(path), target)):
                    yield f'{path}:{n}: {target} does not exist'


def listed():
    """The list of files in a room's README, indented lines that begin with a file's name, has every file, and no other."""
    for room in ROOMS:
        page = f'src/{room}/README.md'
        if not os.path.exists(page):
            continue
        files = {os.path.basename(p) for p in tracked(f'src/{room}/*.c')}
        seen = set()
        for n, line in enumerate(lines(page), 1):
            if not re.match(r'    [\w*]+\.[ch]\b', line):
                continue
            for name in re.findall(r'[\w*]+\.c\b', line):
                match = fnmatch.filter(files, name)
                seen.update(match)
                if not match:
                    yield f'{page}:{n}: there is no {name} in this room'
        for name in sorted(files - seen):
            yield f'{page}: {name} is in no row of its list of files'


def unfinished():
    """No place that says it is not done; what is open belongs in the tracker."""
    for path in tracked('src/*.[ch]', 'include/*.h', 'examples/*', 'tools/*', 'bench/*', 'dev', 'checks/*.sh'):
        for n, line in enumerate(lines(path), 1):
            if re.search(r'\b(TO' + r'DO|FIX' + r'ME|HA' + r'CK)\b', line):
                yield f'{path}:{n}: {line.strip()[:100]}'


def tested():
    """Each exported name occurs in a test or an example, and each rte_ name in doc/compat.md.

    There a row may shorten: `rte_memzone_reserve`, `_aligned` names rte_memzone_reserve_aligned, too, and
    `rte_thread_key_*` a family.
    """
    words = set()
    for path in tracked('test/*', 'examples/*'):
        if '/corpus/' not in path:
            words |= set(re.findall(r'\w+', '\n'.join(lines(path))))
    compat, families = set(), ('-',)
    for line in lines('doc/compat.md') if os.path.exists('doc/compat.md') else []:
        names = re.findall(r'\b(?:__)?rte_\w+|\bper_lcore_\w+|`_\w+', line)
        families += tuple(re.findall(r'\b(rte_\w+)\*', line))
        full = [n for n in names if n[0] != '`']
        compat |= set(full)
        for short in (n[1:] for n in names if n[0] == '`'):
            for n in full:
                parts = n.split('_')
                compat |= {'_'.join(parts[:k]) + short for k in range(2, len(parts) + 1)}
    for name in lines('include/symbols.list') if os.path.exists('include/symbols.list') else []:
        if not name:
            continue
        if name not in words and name.removeprefix('per_lcore_') not in words \
                and name.removeprefix('per_lcore__') not in words and name.removeprefix('__') not in words:
            yield f'{name}: no test and no example names it'
        if name.startswith(('rte_', '__rte_')) and name not in compat and not name.startswith(families) \
                and name.removeprefix('__') not in compat:
            yield f'{name}: not in doc/compat.md'


def main():
    if sys.argv[1] == 'files':  # for the other checks: each ends with a NUL
        print(''.join(p + '\0' for p in tracked(*sys.argv[2:])), end='')
        return 0
    found = list(globals()[sys.argv[1]]())
    print('\n'.join(found))
    return any(not f.startswith('note: ') for f in found)


sys.exit(main())
