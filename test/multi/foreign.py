#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
foreign.py RUNDIR LAYOUT [--hostile|--burst] - a peer that knows nothing but DPDK's datagrams (LAYOUT 332: 22.11, 340: 26.11)

Talks to the primary that listens at RUNDIR/mp_socket and has the actions of foreign_test.c. Prints a line for each thing that
was as it should be; ends with status 1 at the first that was not. With --hostile it sends what no sane peer would, and after
each kind asks whether the primary still answers. With --burst it only receives 1000 numbered messages.
"""
import array
import os
import random
import socket
import struct
import sys
import threading

MSG, REQ, REP, IGN = range(4)
rundir, layout = sys.argv[1], int(sys.argv[2])
server = os.path.join(rundir, "mp_socket")
# 22.11 packs the message behind the type; 26.11 aligns it to 8 and ends with the first 4 bytes of an array of fds
FORM = {332: "=i64sii256s", 340: "=i4x64sii256s4x"}[layout]
MAX_FDS = {332: 8, 340: 253}[layout]

sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
me = os.path.join(rundir, "mp_socket_%d_%x" % (os.getpid(), random.getrandbits(48)))
sock.bind(me)
sock.settimeout(20)


def die(what):
    print("WRONG:", what, file=sys.stderr)
    sys.stdout.flush()
    os.unlink(me)
    os._exit(1)


def ok(what):
    print("ok", what, flush=True)


def build(kind, name, param=b"", num_fds=0, len_param=None):
    return struct.pack(FORM, kind, name, len(param) if len_param is None else len_param, num_fds, param)


def send(data, fds=(), to=server, s=None):
    s = s or sock
    # DPDK always attaches a control message, also for no fds
    s.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))], 0, to)


def receive():
    """(type, name, param, fds) of the next datagram, which must have our layout"""
    fds = array.array("i")
    data, anc, _, sender = sock.recvmsg(4096, socket.CMSG_SPACE(253 * 4))
    for level, kind, body in anc:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(body[: len(body) - len(body) % 4])
    if len(data) != layout:
        die("a datagram of %d bytes, not in kind" % len(data))
    if sender != server:
        die("the sender's path is %r" % sender)
    kind, name, len_param, num_fds, param = struct.unpack(FORM, data)
    if num_fds != len(fds):
        die("num_fds %d, but %d came" % (num_fds, len(fds)))
    if param[len_param:].strip(b"\0"):
        die("bytes behind len_param are not zero")
    return kind, name.rstrip(b"\0"), param[:len_param], list(fds)


def ask(name, param=b"", fds=()):
    send(build(REQ, name, param, len(fds)), fds)
    kind, rname, rparam, rfds = receive()
    if (kind, rname) != (REP, name):
        die("asked %r, got type %d name %r" % (name, kind, rname))
    return rparam, rfds


def echo_works(after):
    word = os.urandom(random.randint(1, 256))
    if ask(b"f_echo", word)[0] != word:
        die("echo of other bytes after " + after)


def fd_with(text):
    fd = os.memfd_create("foreign")
    os.write(fd, text)
    return fd


def sane():
    # what lies behind len_param is not the receiver's to see
    send(build(MSG, b"f_msg", b"hello from %d" % layout + b"\xff" * 200, len_param=14))
    for size in (0, 1, 255, 256):
        word = os.urandom(size)
        if ask(b"f_echo", word)[0] != word:
            die("echo of %d bytes" % size)
    ok("requests are answered in kind, 0 to 256 bytes")
    r, w = os.pipe()
    fd = fd_with(b"text of the foreign peer")
    param, fds = ask(b"f_fd", b"", (w, fd))
    os.close(w)
    os.close(fd)
    if os.read(r, 100) != b"from the primary" or os.read(r, 1) != b"":
        die("what the primary wrote into our pipe")
    if param != b"text of the foreign peer" or len(fds) != 1:
        die("what the primary read from our fd: %r, %d fds" % (param, len(fds)))
    if os.pread(fds[0], 100, 0) != b"text of the primary":
        die("what is in the primary's fd")
    os.close(fds[0])
    ok("fds go both ways")
    many = [os.dup(0) for _ in range(MAX_FDS)]
    if ask(b"f_count", b"", many)[0] != b"%d" % MAX_FDS:
        die("%d fds at once" % MAX_FDS)
    for fd in many:
        os.close(fd)
    ok("%d fds at once" % MAX_FDS)
    # and the other way round: the primary asks everybody, us too
    send(build(MSG, b"f_ask_me"))
    kind, name, param, fds = receive()
    if (kind, name, param) != (REQ, b"f_question", b"what layout?") or len(fds) != 1:
        die("the primary's question: %d %r %r, %d fds" % (kind, name, param, len(fds)))
    if os.pread(fds[0], 100, 0) != b"text of the primary":
        die("the fd in the primary's question")
    os.close(fds[0])
    fd = fd_with(b"text of the foreign peer")
    send(build(REP, name, b"%d" % layout, 1), (fd,))
    os.close(fd)
    kind, name, param, fds = receive()
    if (kind, name, param, fds) != (MSG, b"f_news", b"one answered", []):
        die("the primary's broadcast: %d %r %r" % (kind, name, param))
    ok("the primary asks us and tells us")


def pipeline():
    """200 requests at once; a thread reads the answers all the while, as DPDK's does"""
    words = [b"%d" % i for i in range(200)]
    came = []

    def reader():
        for _ in words:
            came.append(receive()[2])

    thread = threading.Thread(target=reader)
    thread.start()
    for word in words:
        send(build(REQ, b"f_echo", word))
    thread.join()
    if came != words:
        die("answers to many requests at once: %r" % came)
    ok("200 requests at once")


def hostile():
    rnd = random.Random(4711)
    good = build(REQ, b"f_echo", b"x")
    for size in (0, 1, 3, 4, 75, 331, 333, 336, 339, 341, 360, 1352, 65000):
        send((good + bytes(65000))[:size])
    echo_works("wrong lengths")
    ok("wrong lengths")
    for kind in (4, -1, 2**31 - 1, -(2**31)):
        send(build(kind, b"f_echo", b"x"))
    for n in (-1, 257, 2**31 - 1, -(2**31)):
        send(build(REQ, b"f_echo", b"x", len_param=n))
    echo_works("types and lengths out of range")
    ok("types and lengths out of range")
    some = [os.dup(0) for _ in range(5)]
    for claim, sent in ((8, 0), (0, 3), (1, 5), (5, 1), (-1, 1), (254, 2), (2**31 - 1, 0), (-(2**31), 5)):
        send(build(MSG, b"f_lies", b"lies", claim), some[:sent])
    echo_works("lies about fds")
    for fd in some:
        os.close(fd)
    ok("lies about fds")
    # the first one is logged, the others are too many in one second
    for name in (b"\x1b[2J\nEAL: forged", b"", b"A" * 64, b"\xff" * 63, b"%s%n%s%n", b"../../etc/passwd"):
        send(build(MSG, name, b"x"))
        send(build(REQ, name, b"x"))
    sock.settimeout(0.2)  # a refusal may come for the names nobody has; it is none of our business
    try:
        while True:
            receive()
    except TimeoutError:
        pass
    sock.settimeout(20)
    echo_works("names")
    ok("empty, unterminated and strange names")
    for name in (b"f_echo", b"nobody_asked"):
        fd = os.dup(0)
        send(build(REP, name, b"x", 1), (fd,))
        send(build(IGN, name, b"x", 1), (fd,))
        os.close(fd)
    echo_works("replies nobody asked for")
    ok("replies nobody asked for")
    bare = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    send(build(REQ, b"f_echo", b"no way to answer"), s=bare)
    gone = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    gone.bind(me + "_gone")
    send(build(REQ, b"f_echo", b"nobody there any more"), s=gone)
    gone.close()
    os.unlink(me + "_gone")
    echo_works("requests that cannot be answered")
    ok("requests that cannot be answered")
    # one that asks and asks and never listens: its queue fills, nobody else's does
    deaf = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    deaf.bind(me + "_deaf")
    for _ in range(100):
        send(build(REQ, b"f_echo", b"deaf"), s=deaf)
    echo_works("a deaf peer")
    deaf.close()
    os.unlink(me + "_deaf")
    ok("a deaf peer")
    for i in range(10000):
        if i % 2:
            data = rnd.randbytes(rnd.choice((0, 17, 332, 340, 341)))
        else:
            data = bytearray(build(rnd.randint(0, 3), b"f_none", b"flood"))
            data[rnd.randrange(len(data))] ^= 1 << rnd.randrange(8)
        fds = (0,) if i % 10 == 0 else ()
        send(bytes(data), fds)
    sock.settimeout(0.2)
    try:
        while True:
            sock.recvmsg(4096, socket.CMSG_SPACE(253 * 4))
    except TimeoutError:
        pass
    sock.settimeout(20)
    echo_works("a flood of 10000")
    ok("a flood of 10000")


def burst():
    send(build(MSG, b"f_msg", b"here I am"))
    for i in range(1000):
        kind, name, param, _ = receive()
        if (kind, name, param) != (MSG, b"f_news", b"%d" % i):
            die("message %d is %d %r %r" % (i, kind, name, param))


if "--burst" in sys.argv:
    burst()
else:
    sane()
    pipeline()
if "--hostile" in sys.argv:
    hostile()
os.unlink(me)
ok("end")
