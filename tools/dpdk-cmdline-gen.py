#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Make a header of cmdline definitions from a list of commands.

The list: one command a line, '#' begins its help text; a line of comment alone is skipped. A word stands for itself;
<TYPE>name is a variable of STRING, UINT8 .. UINT64, INT8 .. INT64, IP, IPv4, IPv6 or ETHER; <(one,two)>name is one of these
words; quotes hold together what has blanks in it. The function called is cmd_WORDS_parsed, of the words before the first variable;
a variable whose name begins with __ counts as a word of it and is a field of the result without the __.
"""
import argparse
import os
import re
import shlex
import sys
from typing import NamedTuple

HEADERS = ['cmdline.h', 'cmdline_parse_etheraddr.h', 'cmdline_parse_ipaddr.h', 'cmdline_parse_num.h',
           'cmdline_parse_string.h', 'cmdline_socket.h', 'rte_common.h']
STRING = ('cmdline_fixed_string_t', 'cmdline_parse_token_string_t', 'TOKEN_STRING_INITIALIZER')
IP = ('cmdline_ipaddr_t', 'cmdline_parse_token_ipaddr_t')
TYPES = {
    'STRING': STRING + ('NULL',),
    'IP': IP + ('TOKEN_IPADDR_INITIALIZER', None),
    'IPV4': IP + ('TOKEN_IPV4_INITIALIZER', None),
    'IPV6': IP + ('TOKEN_IPV6_INITIALIZER', None),
    'ETHER': ('struct { uint8_t addr_bytes[6]; }', 'cmdline_parse_token_etheraddr_t', 'TOKEN_ETHERADDR_INITIALIZER', None),
}
for n in ('UINT8', 'UINT16', 'UINT32', 'UINT64', 'INT8', 'INT16', 'INT32', 'INT64'):
    TYPES[n] = (n.lower() + '_t', 'cmdline_parse_token_num_t', 'TOKEN_NUM_INITIALIZER', 'RTE_' + n)


for n in ('IP', 'IPV4', 'IPV6'):  # other names of the same
    TYPES[n + '_ADDR'] = TYPES[n + 'ADDR'] = TYPES[n]

# no name of a field; of macros those without capitals, and the best known. A field all in capitals is looked at when compiled
KEYWORDS = set('auto break case char const continue default do double else enum extern float for goto if inline int long register '
               'restrict return short signed sizeof static struct switch typedef union unsigned void volatile while bool true '
               'false nullptr constexpr alignas alignof static_assert thread_local typeof class delete namespace new operator '
               'private protected public template this throw try using virtual catch friend explicit export mutable asm '
               'unix linux i386 errno NULL EOF s6_addr s6_addr16 s6_addr32 sched_priority'.split())


class Bad(Exception):
    """What is wrong with a line."""


def plain(word):
    name = re.sub(r'[^A-Za-z0-9_]', '_', word)
    return '_' + name if name[0].isdigit() else name


def c_name(word):
    name = plain(word)
    return name + '_' if name in KEYWORDS else name


class Token(NamedTuple):
    field: str
    variable: bool
    named: bool  # part of the function's name
    ctype: str
    token: str
    init: str
    arg: str  # the third of init


def variable(word, kind, name):
    named = name.startswith('__')
    field = name[2:] if named else name
    if not re.fullmatch(r'[A-Za-z_]\w*', field, re.A):
        raise Bad(f"'{word}': '{field}' is no name in C")
    if field in KEYWORDS:
        raise Bad(f"'{word}': {field} is a word of C or C++, or a macro, and can be no variable")
    if kind.startswith('(') and kind.endswith(')'):
        choices = [c.strip() for c in kind[1:-1].split(',')]
        if not all(re.fullmatch(r'[^\s"\\#]+', c) for c in choices):
            raise Bad(f"'{word}': choices are words with commas between")
        return Token(field, True, named, *STRING, '"' + '#'.join(choices) + '"')
    if kind.upper() not in TYPES:
        raise Bad(f"'{word}': no type {kind}; there are STRING, UINT8..64, INT8..64, IP, IPv4, IPv6, ETHER and (a,b,c)")
    return Token(field, True, named, *TYPES[kind.upper()])


def token(word):
    m = re.fullmatch(r'<([^>]*)>([A-Za-z_]\w*)', word, re.A)
    if m:
        return variable(word, *m.groups())
    if '<' in word or '>' in word:
        raise Bad(f"'{word}': a variable is <TYPE>name")
    if not re.fullmatch(r'[^"\\]+', word):
        raise Bad(f"'{word}': no quotes or backslashes in words, and none without a letter")
    return Token(c_name(word), False, True, *STRING, f'"{word}"')


def split(text):
    """Words as a shell has them; blanks between < and > part nothing."""
    words = []
    try:
        for w in shlex.split(text):
            if words and words[-1].startswith('<') and '>' not in words[-1]:
                words[-1] += ' ' + w
            else:
                words.append(w)
    except ValueError as e:
        raise Bad(f'a quote is not closed, or a backslash is the last: {e}') from None
    return words


class Command:
    def __init__(self, line, words, help_text):
        self.line = line
        if words[0].startswith('<'):
            raise Bad('a command begins with a word, not with a variable')
        self.tokens = [token(w) for w in words]
        self.help = help_text.replace('\\', '\\\\').replace('"', '\\"')
        stem = []
        for word, t in zip(words, self.tokens):
            if not t.named:
                break
            stem.append(t.field if t.variable else plain(word))
        self.stem = '_'.join(stem)
        taken = set()
        # two of the same name are two fields: a variable has its name, a word another
        for i in sorted(range(len(self.tokens)), key=lambda k: not self.tokens[k].variable):
            field, n = self.tokens[i].field, 1
            while (field if n == 1 else f'{field}_{n}') in taken:
                n += 1
            if n > 1:
                if self.tokens[i].variable:
                    raise Bad(f"two variables have the name {field}")
                self.tokens[i] = self.tokens[i]._replace(field=f'{field}_{n}')
            taken.add(self.tokens[i].field)

    def proto(self):
        return f'void cmd_{self.stem}_parsed(void *parsed_result, struct cmdline *cl, void *data)'

    def definition(self):
        base = f'cmd_{self.stem}'
        out = []
        for t in self.tokens:
            if t.field.isupper():
                out += [f'#ifdef {t.field}', f'#error "line {self.line} of the list of commands: {t.field} is a macro: choose another name"',
                        '#endif']
        out += [f'extern {self.proto()};', '', f'struct {base}_result {{']
        out += [f'\t{t.ctype} {t.field};' for t in self.tokens] + ['};', '']
        for t in self.tokens:
            out.append(f'static {t.token} {base}_{t.field}_tok =')
            out.append(f'\t{t.init}(struct {base}_result, {t.field}{", " + t.arg if t.arg else ""});')
        out += ['', f'static cmdline_parse_inst_t {base} = {{', f'\t.f = {base}_parsed,', '\t.data = NULL,',
                f'\t.help_str = "{self.help}",', '\t.tokens = {']
        out += [f'\t\t(void *)&{base}_{t.field}_tok,' for t in self.tokens] + ['\t\tNULL,', '\t}', '};', '']
        return '\n'.join(out)


def read(lines):
    commands, stems = [], {}
    for n, line in enumerate(lines, 1):
        text, _, comment = line.partition('#')
        if not text.strip():
            continue
        try:
            if re.search(r'[\0-\10\16-\37\177]', line):
                raise Bad('a character in it cannot be typed')
            c = Command(n, split(text), comment.strip())
            if c.stem in stems:
                raise Bad(f'cmd_{c.stem}_parsed is made of line {stems[c.stem]} already; name a variable __{c.tokens[-1].field}')
        except Bad as e:
            sys.exit(f'dpdk-cmdline-gen: line {n}: {e}')
        stems[c.stem] = n
        commands.append(c)
    if not commands:
        sys.exit('dpdk-cmdline-gen: the list has no commands: a program made with it could do nothing')
    return commands


def lines_of(infile):
    with sys.stdin.buffer if infile == '-' else open(infile, 'rb') as f:
        text = f.read()
    try:
        return re.split('\r\n|\r|\n', text.decode('utf-8-sig'))
    except UnicodeDecodeError as e:
        n = 1 + len(re.findall(b'\r\n|\r|\n', text[:e.start]))
        sys.exit(f'dpdk-cmdline-gen: line {n}: byte 0x{text[e.start]:02x} is no UTF-8, which a list is written in')


def header(commands, context):
    guard = 'GENERATED_COMMANDS_H'
    out = [f'/* made by {os.path.basename(sys.argv[0])}: change the list of commands, not this */', f'#ifndef {guard}',
           f'#define {guard}', '', '#include <stddef.h>', '#include <stdint.h>', '']
    out += [f'#include <{h}>' for h in HEADERS] + ['']
    out += [c.definition() for c in commands]
    out += [f'static __rte_used cmdline_parse_ctx_t {context}[] = {{'] + [f'\t&cmd_{c.stem},' for c in commands]
    return '\n'.join(out + ['\tNULL', '};', '', f'#endif /* {guard} */', ''])


def stubs(commands, name):
    out = [f'#include "{os.path.basename(name)}"', '']
    for c in commands:
        out += [c.proto(), '{', '\t/* to do */', '\tRTE_SET_USED(parsed_result);', '\tRTE_SET_USED(cl);',
                '\tRTE_SET_USED(data);', '}', '']
    return '\n'.join(out)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('infile', nargs='?', default='-', help='the list of commands; default standard input')
    p.add_argument('--stubs', action='store_true', help='also write empty functions, beside the header; it must be named X.h')
    p.add_argument('--output-file', '-o', default='-', help='the header; default standard output')
    p.add_argument('--context-name', default='ctx', help='the name of the context in it; default ctx')
    a = p.parse_args()
    if not re.fullmatch(r'[A-Za-z_]\w*', a.context_name, re.A) or a.context_name in KEYWORDS:
        sys.exit(f"dpdk-cmdline-gen: --context-name: '{a.context_name}' is no name in C")
    if a.stubs and not a.output_file.endswith('.h'):
        sys.exit('dpdk-cmdline-gen: --stubs wants --output-file=NAME.h')
    try:
        commands = read(lines_of(a.infile))
        sys.stdout.reconfigure(encoding='utf-8')
        with sys.stdout if a.output_file == '-' else open(a.output_file, 'w', encoding='utf-8') as f:
            f.write(header(commands, a.context_name))
        if a.stubs:
            with open(a.output_file[:-2] + '.c', 'w', encoding='utf-8') as f:
                f.write(stubs(commands, a.output_file))
    except OSError as e:
        sys.exit(f'dpdk-cmdline-gen: {e.filename}: {e.strerror}')


if __name__ == '__main__':
    main()
