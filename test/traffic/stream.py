# SPDX-License-Identifier: BSD-3-Clause
"""Bytes over TCP from one host to another, in both directions at once.

stream.py listen ADDRESS BYTES     says 'ready', takes one connection
stream.py connect ADDRESS BYTES

Each side sends so many bytes and ends well only if what comes is what the other side sends.
"""
import hashlib
import socket
import sys
import threading

PORT = 9001


def content(side, size):
    return hashlib.shake_128(side.encode()).digest(size)


def talk(s, mine, theirs, size):
    def give():
        s.sendall(content(mine, size))
        s.shutdown(socket.SHUT_WR)
    giver = threading.Thread(target=give)
    giver.start()
    got = bytearray()
    while data := s.recv(1 << 18):
        got += data
    giver.join()
    want = content(theirs, size)
    if got != want:
        at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
        sys.exit(f'{len(got)} bytes came of {size}, the first wrong one is at {at}')


def main(side, address, size):
    six = ':' in address
    if side == 'connect':
        talk(socket.create_connection((address, PORT)), 'left', 'right', size)
        return
    with socket.create_server((address, PORT), family=socket.AF_INET6 if six else socket.AF_INET) as listener:
        print('ready', flush=True)
        talk(listener.accept()[0], 'right', 'left', size)


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
