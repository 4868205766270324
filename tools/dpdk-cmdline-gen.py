#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Make a header of cmdline definitions from a list of commands.

The list: one command a line, '#' begins its help text; a line of comment alone is skipped. A word stands for itself;
<TYPE>name is a variable of STRING, UINT8 .. UINT64, INT8 .. INT64, IP, IPv4, IPv6 or ETHER; <(one,two)>name is one of these
words. The function called is cmd_WORDS_parsed, of the words before the first variable; a variable whose name begins with __ counts
as a word of it, without the __.
"""
import argparse
import os
import re
import sys

HEADERS = ['cmdline.h', 'cmdline_parse_etheraddr.h', 'cmdline_parse_ipaddr.h', 'cmdline_parse_num.h',
           'cmdline_parse_string.h', 'cmdline_socket.h', 'rte_common.h']
STRING = ('cmdline_fixed_string_t', 'cmdline_parse_token_string_t', 'TOKEN_STRING_INITIALIZER')
IP = ('cmdline_ipaddr_t', 'cmdline_parse_token_ipaddr_t')
TYPES = {
    'STRING': STRING + ('NULL',),
    'IP': IP + ('TOKEN_IPADDR_INITIALIZER', None),
    'IPADDR': IP + ('TOKEN_IPADDR_INITIALIZER', None),
    'IPV4': IP + ('TOKEN_IPV4_INITIALIZER', None),
    'IPV6': IP + ('TOKEN_IPV6_INITIALIZER', None),
    'ETHER': ('struct { uint8_t addr_bytes[6]; }', 'cmdline_parse_token_etheraddr_t', 'TOKEN_ETHERADDR_INITIALIZER', None),
}
for n in ('UINT8', 'UINT16', 'UINT32', 'UINT64', 'INT8', 'INT16', 'INT32', 'INT64'):
    TYPES[n] = (n.lower() + '_t', 'cmdline_parse_token_num_t', 'TOKEN_NUM_INITIALIZER', 'RTE_' + n)


# no name of a field
KEYWORDS = set('auto break case char const continue default do double else enum extern float for goto if inline int long register '
               'restrict return short signed sizeof static struct switch typedef union unsigned void volatile while bool true '
               'false nullptr constexpr alignas alignof static_assert thread_local typeof class delete namespace new operator '
               'private protected public template this throw try using virtual catch friend explicit export mutable'.split())


class Bad(Exception):
    """What is wrong with a line."""


def plain(word):
    name = re.sub(r'[^A-Za-z0-9_]', '_', word)
    return '_' + name if name[0].isdigit() else name


def c_name(word):
    name = plain(word)
    return name + '_' if name in KEYWORDS else name


def token(word):
    """(field, is it a variable, C type, token type, initializer, its third argument)"""
    m = re.fullmatch(r'<([^>]*)>([A-Za-z_]\w*)', word, re.A)
    if not m:
        if '<' in word or '>' in word:
            raise Bad(f"'{word}': a variable is <TYPE>name")
        if not re.fullmatch(r'[^"\\]+', word):
            raise Bad(f"'{word}': no quotes or backslashes in words")
        return (c_name(word), False) + STRING + (f'"{word}"',)
    kind, name = m.groups()
    if name in KEYWORDS:
        raise Bad(f"'{word}': {name} is a word of C or C++ and can be no variable")
    if kind.startswith('(') and kind.endswith(')'):
        choices = [c.strip() for c in kind[1:-1].split(',')]
        if not all(re.fullmatch(r'[^\s"\\#]+', c) for c in choices):
            raise Bad(f"'{word}': choices are words with commas between")
        return (name, True) + STRING + ('"' + '#'.join(choices) + '"',)
    if kind.upper() not in TYPES:
        raise Bad(f"'{word}': no type {kind}; there are STRING, UINT8..64, INT8..64, IP, IPv4, IPv6, ETHER and (a,b,c)")
    return (name, True) + TYPES[kind.upper()]


class Command:
    def __init__(self, words, help_text):
        if words[0].startswith('<'):
            raise Bad('a command begins with a word, not with a variable')
        self.tokens = [token(w) for w in words]
        self.help = help_text.replace('\\', '\\\\').replace('"', '\\"')
        stem = []
        for word, (field, variable, *_) in zip(words, self.tokens):
            if variable and not field.startswith('__'):
                break
            stem.append(field[2:] if variable else plain(word))
        self.stem = '_'.join(stem)
        taken = set()
        # two of the same name are two fields: a variable has its name, a word another
        for i in sorted(range(len(self.tokens)), key=lambda k: not self.tokens[k][1]):
            field, n = self.tokens[i][0], 1
            while (field if n == 1 else f'{field}_{n}') in taken:
                n += 1
            if n > 1:
                if self.tokens[i][1]:
                    raise Bad(f"two variables have the name {field}")
                self.tokens[i] = (f'{field}_{n}',) + self.tokens[i][1:]
            taken.add(self.tokens[i][0])

    def proto(self):
        return f'void cmd_{self.stem}_parsed(void *parsed_result, struct cmdline *cl, void *data)'

    def definition(self):
        base = f'cmd_{self.stem}'
        out = [f'extern {self.proto()};', '', f'struct {base}_result {{']
        out += [f'\t{t[2]} {t[0]};' for t in self.tokens] + ['};', '']
        for field, _, _, tok, init, arg in self.tokens:
            out.append(f'static {tok} {base}_{field}_tok =')
            out.append(f'\t{init}(struct {base}_result, {field}{", " + arg if arg else ""});')
        out += ['', f'static cmdline_parse_inst_t {base} = {{', f'\t.f = {base}_parsed,', '\t.data = NULL,',
                f'\t.help_str = "{self.help}",', '\t.tokens = {']
        out += [f'\t\t(void *)&{base}_{t[0]}_tok,' for t in self.tokens] + ['\t\tNULL,', '\t}', '};', '']
        return '\n'.join(out)


def read(lines):
    commands, stems = [], {}
    for n, line in enumerate(lines, 1):
        text, _, comment = line.partition('#')
        if not text.strip():
            continue
        try:
            words = re.findall(r'<[^>]*>\S*|\S+', text)
            c = Command(words, comment.strip())
            if c.stem in stems:
                raise Bad(f'cmd_{c.stem}_parsed is made of line {stems[c.stem]} already; name a variable __{c.tokens[-1][0]}')
        except Bad as e:
            sys.exit(f'dpdk-cmdline-gen: line {n}: {e}')
        stems[c.stem] = n
        commands.append(c)
    if not commands:
        sys.exit('dpdk-cmdline-gen: the list has no commands: a program made with it could do nothing')
    return commands


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
        with sys.stdin if a.infile == '-' else open(a.infile, encoding='utf-8') as f:
            commands = read(f)
        with sys.stdout if a.output_file == '-' else open(a.output_file, 'w', encoding='utf-8') as f:
            f.write(header(commands, a.context_name))
        if a.stubs:
            with open(a.output_file[:-2] + '.c', 'w', encoding='utf-8') as f:
                f.write(stubs(commands, a.output_file))
    except OSError as e:
        sys.exit(f'dpdk-cmdline-gen: {e.filename}: {e.strerror}')


if __name__ == '__main__':
    main()
