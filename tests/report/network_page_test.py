"""The page of a network study in a browser: its charts compared with the study's files.

Usage: network_page_test.py TESSERA SCREENSHOT_FOLDER [unittest arguments]. Exit code 77: skipped.
"""

import csv
import json
import subprocess
import unittest

from browser import run_tests

# A sweep of a mesh in bins, with replies on a virtual network of their own; and routers that stand on no grid.
SWEEP = ['--size', '4x4', '--rate', '0.6', '--sweep', '0.2', '--seeds', '2', '--bins', '500', '--cycles', '2000', '--reply-flits', '2']
LINKS = '''
routers: 3
links { from: 0 to: 1 } links { from: 1 to: 0 }
links { from: 1 to: 2 } links { from: 2 to: 1 }
'''

# A name that a table quotes and that HTML would take for an element.
NAMED = '''
topology: MESH columns: 3 rows: 3
virtual_networks { name: "<b>x</b>, y" vcs: 2 }
'''

tessera_program = None
screenshots = None
folder = None
browser = None


def study(name, *options):
    subprocess.run([tessera_program, 'noc', *options, '--out', folder / name], check=True, capture_output=True)


class Page(unittest.TestCase):
    def open(self, name, dark=False):
        self.out = folder / name
        self.result = json.loads((self.out / 'result.json').read_text())
        browser.open(self.out / 'report.html', dark)

    def rows(self, name):
        with (self.out / name).open() as file:
            return list(csv.DictReader(file))

    def links(self):
        return [row for row in self.rows('links.csv') if row['kind'] == 'link']

    def utilisation_from(self, cycle):
        """Of every link in the bin that begins there."""
        bin = {row['wire']: float(row['utilisation']) for row in self.rows('link_series.csv') if row['bin_start_cycle'] == cycle}
        return [bin.get(row['wire'], 0) for row in self.links()]

    def check_map(self, expected):
        shown = [entry[4] for entry in browser.series('links')[0]['data']]
        self.assertEqual(len(shown), len(expected))
        for one, other in zip(shown, expected):
            self.assertAlmostEqual(one, other, places=6)

    def test_curves_are_those_of_the_result(self):
        for dark in (False, True):
            self.open('sweep', dark)
            curve = self.result['curve']
            self.assertGreater(len(curve), 2)
            load = [point['offered_flits_per_node_cycle'] for point in curve]
            mean, most, bars = browser.series('latency-curve')
            self.assertEqual([point['value'] for point in mean['data']],
                             [[x, point['mean_packet_latency_cycles']] for x, point in zip(load, curve)])
            self.assertEqual(most['data'], [[x, point['p95_packet_latency_cycles']] for x, point in zip(load, curve)])
            self.assertEqual([bar[2] for bar in bars['data']], [point['mean_packet_latency_ci95_cycles'] for point in curve])
            accepted = browser.series('accepted-curve')[0]
            self.assertEqual(accepted['data'], [[x, point['accepted_flits_per_node_cycle']] for x, point in zip(load, curve)])
            for chart in browser.charts():
                self.assertGreater(browser.colours(chart), 3, chart)
            self.assertEqual(browser.loaded(), [])
            browser.screenshot(screenshots / f'network-{"dark" if dark else "light"}.png')
            self.assertEqual(browser.complaints(), [])

    def test_latencies_add_up(self):
        self.open('sweep')
        classes = {row['virtual_network']: row for row in self.rows('classes.csv')}
        self.assertEqual(len(classes), 2)
        for series in browser.series('histogram'):
            self.assertEqual(sum(series['data']), int(classes[series['name']]['packets']))
        parts = browser.series('latency-parts')
        for i, row in enumerate(classes.values()):
            self.assertAlmostEqual(sum(part['data'][i] for part in parts), float(row['mean_latency_cycles']), places=3)

    def test_links_of_the_whole_run_and_of_a_bin(self):
        self.open('sweep')
        links = self.links()
        self.check_map([float(row['utilisation']) for row in links])
        browser.set_input('link-metric', 'credits')
        self.check_map([float(row['credit_stall_cycles']) / self.result['cycles'] for row in links])
        browser.set_input('link-metric', 'utilisation')
        self.assertEqual(int(browser.run('return document.getElementById("time").max')), -(-self.result['cycles'] // 500))
        browser.set_input('time', 2)
        self.check_map(self.utilisation_from('500'))
        self.assertEqual(browser.text('#time-name'), ['cycles from 500'])
        self.assertEqual(browser.complaints(), [])

    def test_two_links_from_one_router_to_another(self):
        self.open('twins')
        ways = [(row['from'], row['to']) for row in self.links()]
        self.assertLess(len(set(ways)), len(ways))
        browser.set_input('time', 1)
        expected = self.utilisation_from('0')
        self.check_map(expected)
        first, second = (i for i, way in enumerate(ways) if way == ('0', '1'))
        self.assertNotEqual(expected[first], expected[second])

    def test_energy_is_the_sum_of_its_parts(self):
        self.open('sweep')
        parts = sum(series['data'][0] for series in browser.series('energy'))
        self.assertAlmostEqual(parts / self.result['energy_pj']['total'], 1)

    def test_routers_without_a_grid(self):
        self.open('links')
        self.assertEqual(browser.charts(), ['histogram', 'latency-parts', 'links', 'energy'])
        self.assertIn('stand on no grid', browser.text('#links .note')[0])
        self.check_map([float(row['utilisation']) for row in self.links()])
        self.assertEqual(browser.complaints(), [])

    def test_names_are_shown_as_they_are(self):
        self.open('named')
        self.assertEqual([series['name'] for series in browser.series('histogram')], ['<b>x</b>, y'])
        packets = self.result['packet_latency_cycles']['count']
        self.assertEqual(sum(browser.series('histogram')[0]['data']), packets)
        tip = browser.run('''return stackTooltip(short)([{name: '8', value: 3, marker: '', seriesName: '<b>x</b>, y'}])''')
        self.assertIn('&lt;b>x&lt;/b>, y: 3', tip)
        self.assertEqual(browser.complaints(), [])

    def test_drawings_for_papers(self):
        self.open('sweep')
        self.assertEqual(len(browser.text('.save')), 2)
        for chart in ('latency-curve', 'accepted-curve', 'links'):
            drawing = browser.run('return tesseraReport.book.svg(arguments[0], 800, 500)', chart)
            self.assertTrue(drawing.startswith('<svg width="800" height="500"'), drawing[:60])
            self.assertGreater(drawing.count('<path'), 10)
        browser.run('for (const button of document.querySelectorAll(".save")) button.click()')
        self.assertEqual(browser.complaints(), [])

    def test_paper_and_rebuilding(self):
        for name in ('sweep', 'links'):
            self.open(name)
            self.assertGreater(len(browser.pdf()), 30_000)
            before = (self.out / 'report.html').read_bytes()
            (self.out / 'report.html').unlink()
            subprocess.run([tessera_program, 'report', self.out], check=True, capture_output=True)
            self.assertEqual((self.out / 'report.html').read_bytes(), before)


def set_up(tessera, pictures, place, opened):
    global tessera_program, screenshots, folder, browser
    tessera_program, screenshots, folder, browser = tessera, pictures, place, opened
    study('sweep', *SWEEP)
    (place / 'ring.textproto').write_text(LINKS)
    study('links', '--links', place / 'ring.textproto', '--rate', '0.05')
    (place / 'named.textproto').write_text(NAMED)
    (place / 'twins.textproto').write_text(LINKS + 'links { from: 0 to: 1 }')
    study('twins', '--links', place / 'twins.textproto', '--rate', '0.05', '--bins', '500', '--cycles', '1000')
    study('named', '--network', place / 'named.textproto', '--cycles', '1000')


if __name__ == '__main__':
    run_tests(set_up)
