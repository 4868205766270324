# SPDX-License-Identifier: BSD-3-Clause
"""Datagrams of several flows from one host to another, each looked at: whole, as it was sent, in the order of its flow.

datagrams.py receive ADDRESS               says 'ready', then answers, until its input ends
datagrams.py send ADDRESS MESSAGES SEED    prints how many messages were answered, and how many there were

A message is up to 64 datagrams of any one length, the last one shorter, which the kernel cuts (UDP_SEGMENT) or which are sent one by
one, with a checksum or without. The receiver answers the last datagram of a message, with how many of it came before that: so
nothing is sent faster than it arrives.
"""
import random
import selectors
import socket
import struct
import sys
import zlib

PORT, FLOWS, ROW, MOST = 9000, 8, 3, 1350  # of a flow, so many messages in a row; bytes that fit through a tunnel
UDP_SEGMENT, SO_NO_CHECK = 103, 11
HEAD = struct.Struct('>HIHHI')  # flow, number, of how many in this message, bytes; the checksum of all behind it


def make(r, flow, number, of, size):
    data = r.randbytes(size - HEAD.size)
    return HEAD.pack(flow, number, of, size, zlib.crc32(data)) + data


def read(data, last):
    """an answer, or None; ends the program where a datagram is not as it was sent"""
    flow, number, of, size, crc = HEAD.unpack_from(data)
    if size != len(data) or zlib.crc32(data[HEAD.size:]) != crc:
        sys.exit(f'flow {flow}: datagram {number} of {size} bytes came with {len(data)}, or with others')
    if number <= last.get(flow, (0, 0))[0]:
        sys.exit(f'flow {flow}: datagram {number} came behind {last[flow][0]}')
    count = last.get(flow, (0, 0))[1] + 1
    if of == 0:  # not the last one
        last[flow] = (number, count)
        return None
    last[flow] = (number, 0)
    return struct.pack('>IHH', number, of, count)


def udp(address):
    return socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, socket.SOCK_DGRAM)


def receive(address):
    s = udp(address)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.bind((address, PORT))
    last = {}
    with selectors.DefaultSelector() as wait:
        wait.register(s, selectors.EVENT_READ)
        wait.register(sys.stdin, selectors.EVENT_READ)
        print('ready', flush=True)
        while True:
            for key, _ in wait.select():
                if key.fileobj is sys.stdin:
                    return
                data, back = s.recvfrom(65536)
                answer = read(data, last)
                if answer:
                    s.sendto(answer, back)


def message(r, flow, number):
    """its datagrams"""
    size, n = r.choice((HEAD.size + 4, r.randint(HEAD.size + 4, MOST))), r.randint(1, 40)
    sizes = [size] * (n - 1) + [r.randint(HEAD.size + 1, size)]
    return [make(r, flow, number + i, n if i == n - 1 else 0, k) for i, k in enumerate(sizes)]


def give(s, r, parts):
    how = r.randint(0, 3)
    s.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, int(how == 3))
    s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, len(parts[0]) if how < 2 else 0)
    for part in [b''.join(parts)] if how < 2 else parts:
        s.send(part)


def send(address, messages, seed):
    r, answered = random.Random(seed), 0
    flows = [udp(address) for _ in range(FLOWS)]
    numbers = [1] * FLOWS
    for s in flows:
        s.connect((address, PORT))
        s.settimeout(1)
    for _ in range(messages // FLOWS // ROW):
        sent = []
        for f, s in enumerate(flows):
            sent.append([])
            for _ in range(ROW):
                parts = message(r, f, numbers[f])
                numbers[f] += len(parts)
                give(s, r, parts)
                sent[f].append(struct.pack('>IHH', numbers[f] - 1, len(parts), len(parts)))
        for s, want in zip(flows, sent):
            try:
                got = s.recv(100)
                while got[:4] < want[-1][:4]:
                    answered += got in want
                    got = s.recv(100)
                answered += got in want
            except TimeoutError:
                pass
    print(answered, messages // FLOWS // ROW * FLOWS * ROW)


if __name__ == '__main__':
    if sys.argv[1] == 'receive':
        receive(sys.argv[2])
    else:
        send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
