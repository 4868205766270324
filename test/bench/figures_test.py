#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The figures of ./dev bench channel, rings and pools: made-up measurements in, known medians, ratios, marks and verdicts out."""
import os
import sys
import types
import unittest
import xml.etree.ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'bench'))
import beside  # noqa: E402
import channel  # noqa: E402
import harness  # noqa: E402
import pools  # noqa: E402
import rings  # noqa: E402


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


def measured(peers, ns):
    """a Beside that has run: ns is {(row, peer): [a figure for each repeat]}"""
    b = beside.Beside.__new__(beside.Beside)
    b.ns, b.peers, b.noisy, b.a = ns, dict.fromkeys(peers), 0, types.SimpleNamespace(repeats=3)
    return b


def of_rings(ours, theirs, row=('MP/MC', 'two', 8)):
    return measured(['shoal', 'dpdk'], {(row, 'shoal'): ours, (row, 'dpdk'): theirs})


class Beside(unittest.TestCase):
    def test_what_is_slower_is_called_so(self):
        for theirs, want in ((9.4, 'x0.94 slower'), (9.5, 'x0.95 even'), (9.9, 'x0.99 even'), (10, 'x1.00'), (25, 'x2.50')):
            b = of_rings([10.0], [theirs])
            self.assertEqual(b.beside_dpdk(('MP/MC', 'two', 8)), want)
            self.assertEqual('slower' in ' '.join(line for line in rings.tables(b) if line.startswith('MP/MC')), theirs < 9.5)
            self.assertEqual('MP/MC, two, n=8: slower: 0.94' in rings.verdicts(b)[0], theirs < 9.5)

    def test_a_ratio_is_made_within_a_repeat(self):
        self.assertEqual(of_rings([10.0, 100.0, 10.0], [20.0, 200.0, 20.0]).ratio(('MP/MC', 'two', 8)), 2.0)

    def test_aims_are_met_at_the_limit(self):
        for theirs, want in ((14.9, 'missed'), (15.0, 'met')):
            lines, missed = rings.verdicts(of_rings([10.0], [theirs]))
            line = [x for x in lines if x.startswith('MP/MC, two, n=8: >=')][0]
            self.assertEqual((line.rsplit(': ')[-1], missed), (want, int(want == 'missed')))
            self.assertIn('SP/SC, two, n=1: >= 3: -: not measured', lines)

    def test_without_dpdk_nothing_is_slower(self):
        b = measured(['shoal'], {(('MP/MC', 'two', 8), 'shoal'): [1.0]})
        self.assertEqual(b.beside_dpdk(('MP/MC', 'two', 8)), '')
        self.assertNotIn('slower: ', rings.verdicts(b)[0])

    def test_concurrency_kit_is_asked_for_what_it_has(self):
        said = dict(rings.commands(1))
        self.assertIsNone(said['HTS', 'one', 1]('ck'))
        self.assertEqual(said['MP/MC', 'two', 128]('ck'), '3 128 two 500000')
        self.assertEqual(said['MP/MC', 'two', 128]('dpdk'), '3 128 two 5000000')
        self.assertEqual(said['MP/MC', 'over', 128]('ck'), said['MP/MC', 'over', 128]('shoal'))

    def test_aims_name_rows(self):
        self.assertEqual(set(rings.AIMS) - set(rings.all_rows()), set())

    def test_only_rows_with_a_word(self):
        self.assertTrue(beside.wanted(('MP/MC', 'two', 8), ['two', '8']))
        self.assertFalse(beside.wanted(('MP/MC', 'two', 8), ['one', '8']))
        self.assertTrue(beside.wanted('no cache, 1', ['no cache']))
        self.assertTrue(beside.wanted('no cache, 1', None))

    def test_pictures_are_well_formed_and_say_what_is_slower(self):
        ns = {((m, p, n), peer): [v] for m, p, n in rings.all_rows() for peer, v in (('shoal', 2.0), ('dpdk', 1.0 if n == 8 else 4.0))}
        xml.etree.ElementTree.fromstring(rings.draw(measured(['shoal', 'dpdk'], ns)))
        svg = rings.draw(measured(['shoal', 'dpdk', 'ck'], ns | {(('MP/SC', 'one', 1), 'ck'): [7.0]}))
        xml.etree.ElementTree.fromstring(svg)
        self.assertEqual((svg.count('>slower<'), svg.count('>x2.00<')), (16, 48))
        ns = {(row, peer): [v] for row in pools.all_rows() for peer, v in (('shoal', 2.0), ('dpdk', 1.0 if row[2] == 8 else 4.0))}
        ns |= {(('cache', 'one', n), 'tracked'): [6.0] for n in pools.SIZES}
        b = measured(['shoal', 'dpdk', 'tracked'], ns)
        svg = pools.draw(b)
        xml.etree.ElementTree.fromstring(svg)
        self.assertEqual((svg.count('>slower<'), svg.count('>x2.00<')), (16, 48))
        self.assertEqual(sum('slower' in line for line in pools.tables(b)), 1 + 4 * 9)
        self.assertEqual(pools.tracking(b)[-1].split(), ['one', 'core', 'cache'] + ['3.00'] * 4)
        self.assertEqual(beside.slower(b, pools.all_rows())[1], 36)

    def test_tracking_is_measured_where_it_can_be(self):
        said = dict(pools.commands(1))
        self.assertIsNone(said['ring_sp_sc', 'one', 1]('tracked'))
        self.assertEqual(said['cache', 'two', 8]('tracked'), '7 8 two 1 40000')
        self.assertEqual(said['cache', 'two', 8]('dpdk'), '7 8 two 0 40000')


if __name__ == '__main__':
    unittest.main()
