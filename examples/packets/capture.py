# SPDX-License-Identifier: BSD-3-Clause
"""Captures for demo.py: made, read, and which worker each packet belongs to by the Toeplitz hash as it is published."""
import functools
import random
import struct

MAGIC = {b'\xd4\xc3\xb2\xa1': '<', b'\x4d\x3c\xb2\xa1': '<', b'\xa1\xb2\xc3\xd4': '>', b'\xa1\xb2\x3c\x4d': '>'}
ETHERNET = 1
KEY = bytes.fromhex('6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa')


class Bad(Exception):
    """What is wrong with a capture."""


def packets(path):
    """the bytes of each packet"""
    with open(path, 'rb') as f:
        data = f.read()
    order = MAGIC.get(data[:4])
    if order is None or len(data) < 24:
        raise Bad(f'{path} is no capture of the classic format; "editcap -F pcap {path} NEW" makes one')
    if struct.unpack(order + 'I', data[20:24])[0] & 0xffff != ETHERNET:
        raise Bad(f'{path} holds no Ethernet frames')
    at, out = 24, []
    while at < len(data):
        n = struct.unpack(order + 'I', data[at + 8:at + 12])[0] if at + 16 <= len(data) else 0
        if at + 16 + n > len(data) or n < 14:
            raise Bad(f'{path}: packet {len(out) + 1} is not whole')
        out.append(data[at + 16:at + 16 + n])
        at += 16 + n
    if not out:
        raise Bad(f'{path} holds no packets')
    return out


def flow(rng):
    """all of a packet up to its payload, but for lengths: Ethernet, perhaps a VLAN, IPv4 or IPv6, UDP"""
    ether = bytes(rng.choices(range(0, 256, 2), k=12)) + rng.choice((b'', b'', b'\x81\x00\x00\x07'))
    ports = struct.pack('>HH', rng.randrange(1024, 65536), rng.choice((53, 443, 4789)))
    if rng.random() < 0.3:
        return ether + b'\x86\xdd', rng.randbytes(32), ports
    return ether + b'\x08\x00', rng.randbytes(8), ports


def frame(ether, addresses, ports, payload):
    udp = ports + struct.pack('>HH', len(payload) + 8, 0) + payload
    if len(addresses) == 32:
        return ether + struct.pack('>IHBB', 6 << 28, len(udp), 17, 64) + addresses + udp
    return ether + struct.pack('>BBHIBBH', 0x45, 0, len(udp) + 20, 0, 64, 17, 0) + addresses + udp


def make(path, n, flows=200):
    """n packets of many flows, mixed; some are no IP. Each says its number, so that no two are alike"""
    rng = random.Random(n)
    all_ = [flow(rng) for _ in range(flows)]
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 1 << 18, ETHERNET))
        for i in range(n):
            payload = struct.pack('>I', i) + b'.' * rng.choice((14, 60, 500, 1400))
            ether, addresses, ports = rng.choice(all_)
            pkt = frame(ether, addresses, ports, payload) if i % 50 else ether[:12] + b'\x88\xb5' + payload
            f.write(struct.pack('<IIII', 1600000000 + i // 10000, i % 10000 * 100, len(pkt), len(pkt)) + pkt)


@functools.lru_cache(maxsize=None)
def toeplitz(data):
    key, h = int.from_bytes(KEY, 'big'), 0
    for i in range(len(data) * 8):
        if data[i // 8] & 0x80 >> i % 8:
            h ^= key >> len(KEY) * 8 - 32 - i & 0xffffffff
    return h


def queue_of(pkt, n):
    """symmetric_mp asks for RTE_ETH_RSS_IP: addresses alone, a table of 128 that deals n queues in turn; what is no IP has no hash"""
    kind, at = pkt[12:14], 14
    while kind in (b'\x81\x00', b'\x88\xa8'):
        kind, at = pkt[at + 2:at + 4], at + 4
    if kind == b'\x08\x00' and len(pkt) >= at + 20:
        return toeplitz(pkt[at + 12:at + 20]) % 128 % n
    if kind == b'\x86\xdd' and len(pkt) >= at + 40:
        return toeplitz(pkt[at + 8:at + 40]) % 128 % n
    return 0
