#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The figures of ./dev bench channel: made-up measurements in, known medians, ratios, marks and verdicts out."""
import os
import sys
import types
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'bench'))
import channel  # noqa: E402
import harness  # noqa: E402


def bench(*measured):
    """a Bench that has run: (row, peer, repeat, noisy, values)"""
    b = channel.Bench.__new__(channel.Bench)
    b.raw = [dict(zip(('row', 'peer', 'repeat', 'noisy', 'values'), m)) for m in measured]
    b.absent, b.failed, b.a = {}, {}, types.SimpleNamespace(quick=False)
    return b


def verdict(b, aim):
    lines, done = channel.verdicts(b, channel.ROWS)
    for line, d in zip(lines, done):
        if d['aim'] == aim:
            assert line.endswith(d['verdict'])
            return d['verdict']
    raise AssertionError('no such aim: ' + aim)


class Figures(unittest.TestCase):
    def test_an_absolute_aim_is_met_at_the_limit_and_missed_above(self):
        for value, want in ((0.69, 'met'), (0.7, 'met'), (0.71, 'missed')):
            b = bench(('sync', 'shoal', 0, False, {'p50': value}))
            self.assertEqual(verdict(b, 'sync 64 B, both awake'), want)

    def test_what_was_not_measured_is_neither_met_nor_missed(self):
        self.assertEqual(verdict(bench(), 'sync 64 B, both awake'), 'not measured')
        b = bench(('bcast-16', 'shoal', 0, False, {'p50': 100.0}))
        self.assertEqual(verdict(b, 'broadcast to 16'), 'not measured')

    def test_a_ratio_is_made_within_a_repeat(self):
        # three repeats, the machine slower in the second: the ratio stays 2
        b = bench(*[('bcast-16', p, i, False, {'p50': f * v}) for i, f in enumerate((1.0, 10.0, 1.0))
                    for p, v in (('floor', 50.0), ('shoal', 100.0), ('dpdk', 1100.0))])
        self.assertEqual(b.ratio('bcast-16', 'p50', 'shoal', 'floor').med, 2.0)
        self.assertEqual(verdict(b, 'broadcast to 16'), 'missed')
        self.assertEqual(verdict(b, 'broadcast to 16, faster than DPDK'), 'met')

    def test_faster_than_dpdk_is_at_least(self):
        b = bench(('bcast-16', 'shoal', 0, False, {'p50': 101.0}), ('bcast-16', 'dpdk', 0, False, {'p50': 1000.0}))
        self.assertEqual(verdict(b, 'broadcast to 16, faster than DPDK'), 'missed')

    def test_noisy_repeats_are_left_out_or_marked(self):
        clean = [('sync', 'shoal', i, False, {'p50': 1.0}) for i in range(3)]
        noisy = [('sync', 'shoal', i, True, {'p50': 100.0}) for i in range(3, 5)]
        s = bench(*clean, *noisy).value('sync', 'shoal', 'p50')
        self.assertEqual((s.med, s.hi, s.noisy), (1.0, 1.0, False))
        s = bench(*clean[:2], *noisy).value('sync', 'shoal', 'p50')
        self.assertEqual((s.hi, s.noisy, s.text()[0]), (100.0, True, '~'))

    def test_the_gate_sees_who_used_the_time(self):
        g = harness.Gate(0, 0)
        g.mark = ((harness.busy()[0] - 1.0, harness.busy()[1]), harness.own_cpu(), harness.time.monotonic() - 2.0)
        self.assertTrue(g.close(0.0)[1])  # one second of two was used and we did not use it
        g.mark = ((harness.busy()[0] - 1.0, harness.busy()[1]), harness.own_cpu(), harness.time.monotonic() - 2.0)
        self.assertFalse(g.close(1.0)[1])

    def test_every_aim_names_a_row_and_a_metric(self):
        rows = {r[0]: [m for m, _ in r[5]] for r in channel.ROWS}
        for row, metric, *_ in channel.AIMS:
            self.assertIn(metric, rows[row])


if __name__ == '__main__':
    unittest.main()
