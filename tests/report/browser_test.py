"""Reports opened in a browser: nothing complains, every chart holds the numbers of the run's files, controls work.

Usage: browser_test.py TESSERA SCREENSHOT_FOLDER [unittest arguments]. Exit code 77: skipped.
"""

import csv
import json
import pathlib
import subprocess
import unittest

from browser import CHARTS_OF_A_RUN, run_tests

CAUSES = ['compute', 'array_fill_drain', 'buffer_and_delivery', 'vector', 'control', 'wait_dram',
          'wait_shared_buffer', 'wait_network', 'wait_peer', 'idle']
COMPONENTS = ['mac', 'register_file', 'array', 'buffer', 'vector_unit', 'network', 'dram', 'shared_buffer', 'static']
BUS = ['data', 'refresh', 'row', 'turnaround', 'group_spacing', 'arbitration', 'no_requests']
SHARED_BUFFER = """
shared_buffers { name: "sram" at { row: 0 column: 0 } bytes: 524288 bytes_per_cycle: 16 latency_cycles: 4 }
"""

tessera_program = None
screenshots = None
work = None
browser = None


def tessera(*arguments, code=0):
    done = subprocess.run([tessera_program, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == code, f'tessera {arguments}: exit code {done.returncode}: {done.stderr}'
    return done.stderr


class RunFolder:
    """What a run left, as written."""

    def __init__(self, name, accelerator, network, *more):
        self.path = work / name
        if not self.path.exists():
            tessera('run', '--accelerator', accelerator, '--network', network, '--out', self.path, *more)
        self.page = self.path / 'report.html'
        self.result = json.loads((self.path / 'result.json').read_text())
        self.history = json.loads((self.path / 'history.json').read_text())
        self.tiles = self.table('tiles.csv')
        self.links = self.table('links.csv')
        self.title = f'{self.result["network"]} on {self.result["accelerator"]}, schedule {self.result["schedule"]}'

    def table(self, name):
        return list(csv.DictReader((self.path / name).read_text().splitlines()))

    @property
    def shares(self):
        """Whether its machine has shared buffers."""
        return len(self.history['shared_buffers']) > 0

    @property
    def charts(self):
        return CHARTS_OF_A_RUN + (['shared-buffers'] if self.shares else [])

    @property
    def bins(self):
        return len(self.history['cycle_stack'][0]['tile_cycles'])

    def bin_cycles(self, index):
        begin = index * self.history['bin_cycles']
        return min(self.history['cycles'], begin + self.history['bin_cycles']) - begin


def small():
    return RunFolder('small', 'tangram-4x4', 'small_cnn')


def narrow():
    """A mesh whose corner sends over links of half a flit."""
    steps = [(at, at + step) for at in range(16) for step in (-4, -1, 1, 4)]
    links = [(at, to) for at, to in steps if 0 <= to < 16 and (at // 4 == to // 4 or at % 4 == to % 4)]
    file = work / 'narrow.textproto'
    file.write_text('routers: 16 columns: 4\n' + '\n'.join(
        f'links {{ from: {at} to: {to} {"width_bytes: 8" if at == 0 else ""} }}' for at, to in links))
    return RunFolder('narrow', 'tangram-4x4', 'small_cnn', '--set', 'noc.topology=LINKS', '--set', 'noc.routing=SHORTEST_PATH',
                     '--set', f'noc.links_file={file}')


def middle():
    return RunFolder('middle', 'tangram-16x16', 'gemm512')


def large():
    return RunFolder('large', 'pes-32x32', 'gemm512')


class Charts(unittest.TestCase):
    """What the charts of one run hold."""

    def nearly(self, found, expected, what):
        self.assertEqual(len(found), len(expected), what)
        for one, other in zip(found, expected):
            self.assertAlmostEqual(one, other, delta=1e-9 * max(1.0, abs(other)), msg=what)

    def values(self, run, chart, name=None):
        return [series['data'] for series in browser.series(f'{chart}@{name or run.title}')]

    def check_run(self, run, name=None):
        self.check_stacks(run, name)
        self.check_energy(run, name)
        self.check_dram(run, name)
        self.check_buffers(run, name)
        self.check_roofline(run, name)
        self.check_maps(run, name)

    def check_stacks(self, run, name):
        layers, tiles = run.result['layers'], run.result['tiles']
        for cause, found in zip(CAUSES, self.values(run, 'stack-layers', name), strict=True):
            self.nearly(found, [layer['cycle_stack'][cause] / tiles for layer in layers], cause)
        for cause, found in zip(CAUSES, self.values(run, 'stack-tiles', name), strict=True):
            self.nearly(found, [int(tile[f'{cause}_cycles']) for tile in run.tiles], cause)
        for cause, found in zip(CAUSES, self.values(run, 'stack-time', name), strict=True):
            cycles = sum(share * run.bin_cycles(i) * tiles for i, share in enumerate(found))
            self.assertAlmostEqual(cycles, run.result['cycle_stack'][cause], delta=1e-3 + 1e-9 * cycles, msg=cause)
        shares = [point[4] for point in self.values(run, 'cause-map', name)[0]]
        self.nearly(shares, [int(tile['wait_dram_cycles']) / run.result['cycles'] for tile in run.tiles], 'cause map')

    def check_energy(self, run, name):
        for part, found in zip(COMPONENTS, self.values(run, 'energy-layers', name), strict=True):
            self.nearly(found, [layer['energy_pj'][part] / 1e6 for layer in run.result['layers']], part)
            self.assertAlmostEqual(sum(found) * 1e6, run.result['energy_pj'][part],
                                   delta=1e-6 * max(1.0, run.result['energy_pj'][part]), msg=part)

    def check_dram(self, run, name):
        channels = run.result['dram_channels']
        for cause, found in zip(BUS, self.values(run, 'dram-channels', name), strict=True):
            self.nearly(found, [bus['bus_cycles'][cause] / bus['cycles'] for bus in channels], cause)
        wholes = [sum(bus[cause][i] for bus in run.history['channels'] for cause in BUS) for i in range(run.bins)]
        for cause, found in zip(BUS, self.values(run, 'dram-time', name), strict=True):
            cycles = sum(share * whole for share, whole in zip(found, wholes, strict=True))
            expected = sum(bus['bus_cycles'][cause] for bus in channels)
            self.assertAlmostEqual(cycles, expected, delta=1e-3 + 1e-9 * expected, msg=cause)

    def check_buffers(self, run, name):
        self.check_occupancy(run, self.values(run, 'buffers', name), run.history['tiles'], run.result['peak_buffer_bytes'])
        if run.shares:
            self.check_occupancy(run, self.values(run, 'shared-buffers', name), run.history['shared_buffers'],
                                 max(buffer['peak_held_bytes'] for buffer in run.result['shared_buffers']))

    def check_occupancy(self, run, lines, memories, peak):
        fullest, mean, emptiest = lines
        self.assertEqual(len(mean), run.bins)
        for least, middle_value, most in zip(emptiest, mean, fullest):
            self.assertLessEqual(least, middle_value + 1e-6)
            self.assertLessEqual(middle_value, most + 1e-6)
        self.assertLessEqual(max(fullest), peak)
        held = sum(share * run.bin_cycles(i) for i, share in enumerate(mean)) * len(memories)
        expected = sum(sum(memory['held_byte_cycles']) for memory in memories)
        self.assertAlmostEqual(held, expected, delta=1e-6 * expected)

    def check_roofline(self, run, name):
        layers = [layer for layer in run.result['layers'] if layer['macs'] > 0 and layer['cycles'] > 0]
        _, predicted, simulated = self.values(run, 'roofline', name)
        self.nearly([point['value'][1] for point in simulated], [layer['macs'] / layer['cycles'] for layer in layers], 'simulated')
        self.assertEqual(len(predicted), len(layers))
        for point, layer in zip(simulated, layers):
            if layer['dram_bytes'] > 0:
                self.assertAlmostEqual(point['value'][0], layer['macs'] / layer['dram_bytes'], delta=1e-9 * point['value'][0])

    def check_maps(self, run, name):
        points = self.values(run, 'links', name)[0]
        self.nearly([point[4] for point in points], [float(link['utilisation']) for link in run.links], 'links')
        self.assertEqual(len(self.values(run, 'tiles', name)[0]), run.result['tiles'])

    def check_drawn(self, run):
        for chart in run.charts:
            self.assertGreater(browser.colours(f'{chart}@{run.title}'), 4, f'{chart} is blank')

    def check_page(self, run, picture):
        for dark in (False, True):
            browser.open(run.page, dark)
            self.assertEqual(browser.run('return document.documentElement.dataset.theme'), 'dark' if dark else 'light')
            self.assertEqual(sorted(browser.charts()), sorted(f'{chart}@{run.title}' for chart in run.charts))
            self.check_run(run)
            self.check_drawn(run)
            self.assertEqual(browser.loaded(), [])
            browser.screenshot(screenshots / f'{picture}-{"dark" if dark else "light"}.png')
            self.assertEqual(browser.complaints(), [])

    def test_of_16_tiles(self):
        self.check_page(small(), '4x4')

    def test_of_256_tiles(self):
        self.check_page(middle(), '16x16')

    def test_of_1024_tiles(self):
        self.check_page(large(), '32x32')

    def test_of_shared_buffers(self):
        preset = pathlib.Path(__file__).parents[2] / 'hw_models/description/presets/tangram-4x4.textproto'
        machine = work / 'shared.textproto'
        machine.write_text(preset.read_text() + SHARED_BUFFER)
        run = RunFolder('shared', machine, 'xr_kd_res8_narrow', '--set', 'tile.buffer.bytes=4096')
        self.assertGreater(run.result['shared_buffers'][0]['written_bytes'], 0)
        browser.open(run.page)
        self.assertEqual(sorted(browser.charts()), sorted(f'{chart}@{run.title}' for chart in run.charts))
        self.check_buffers(run, None)
        self.assertGreater(max(browser.series(f'shared-buffers@{run.title}')[0]['data']), 0)
        self.assertGreater(browser.colours(f'shared-buffers@{run.title}'), 4)
        browser.screenshot(screenshots / 'shared-buffers-light.png')
        self.assertEqual(browser.complaints(), [])


class Controls(unittest.TestCase):
    def test_slider_moves_links_and_tiles_through_time(self):
        run = small()
        browser.open(run.page)
        self.assertEqual(browser.text('#time-name'), ['whole run'])
        whole = browser.picture(f'links@{run.title}')
        self.assertEqual(int(browser.run('return document.getElementById("time").max')), run.bins)
        for position in (1, run.bins // 2, run.bins):
            browser.set_input('time', position)
            index = position - 1
            begin = index * run.history['bin_cycles']
            name = browser.text('#time-name')[0].replace('\u202f', '')
            self.assertEqual(name, f'cycles {begin} to {begin + run.bin_cycles(index)}')
            found = [point[4] for point in browser.series(f'links@{run.title}')[0]['data']]
            expected = [link['flits'][index] / run.bin_cycles(index) for link in run.history['links']]
            for one, other in zip(found, expected, strict=True):
                self.assertAlmostEqual(one, other)
            layers = [point[4] for point in browser.series(f'tiles@{run.title}')[0]['data']]
            self.assertEqual(layers, [tile['layer'][index] for tile in run.history['tiles']])
        self.assertNotEqual(browser.picture(f'links@{run.title}'), whole)
        self.assertEqual(browser.complaints(), [])

    def test_narrow_links_are_busy_for_longer(self):
        run = narrow()
        browser.open(run.page)
        width = [2 if link['from'] == '0' else 1 for link in run.links]
        found = [point[4] for point in browser.series(f'links@{run.title}')[0]['data']]
        for one, cycles, link in zip(found, width, run.links, strict=True):
            self.assertAlmostEqual(one, cycles * int(link['flits']) / run.result['cycles'])
        browser.set_input('link-metric', 'fill')
        found = [point[4] for point in browser.series(f'links@{run.title}')[0]['data']]
        for one, cycles, link in zip(found, width, run.links, strict=True):
            self.assertAlmostEqual(one, cycles * int(link['fill_flits']) / run.result['cycles'])
        browser.set_input('link-metric', 'utilisation')
        browser.set_input('time', run.bins // 2)
        index = run.bins // 2 - 1
        found = [point[4] for point in browser.series(f'links@{run.title}')[0]['data']]
        for one, cycles, link in zip(found, width, run.history['links'], strict=True):
            self.assertAlmostEqual(one, cycles * link['flits'][index] / run.bin_cycles(index))
        self.assertEqual(browser.complaints(), [])

    def test_metrics_change_what_the_maps_show(self):
        run = small()
        browser.open(run.page)
        browser.set_input('link-metric', 'queue')
        found = [point[4] for point in browser.series(f'links@{run.title}')[0]['data']]
        for one, link in zip(found, run.links, strict=True):
            self.assertAlmostEqual(one, int(link['occupancy_flit_cycles']) / run.result['cycles'])
        for traffic in ('fill', 'forward', 'rotation', 'sums', 'store', 'control'):
            browser.set_input('link-metric', traffic)
            found = [point[4] for point in browser.series(f'links@{run.title}')[0]['data']]
            for one, link in zip(found, run.links, strict=True):
                self.assertAlmostEqual(one, int(link[f'{traffic}_flits']) / run.result['cycles'])
        browser.set_input('tile-metric', 'busy')
        found = [point[4] for point in browser.series(f'tiles@{run.title}')[0]['data']]
        for one, tile in zip(found, run.history['tiles'], strict=True):
            self.assertAlmostEqual(one, sum(tile['busy_cycles']) / run.result['cycles'])
        browser.set_input('cause', 'compute')
        found = [point[4] for point in browser.series(f'cause-map@{run.title}')[0]['data']]
        for one, tile in zip(found, run.tiles, strict=True):
            self.assertAlmostEqual(one, int(tile['compute_cycles']) / run.result['cycles'])
        browser.set_input('dram-channel', 1)
        data = browser.series(f'dram-time@{run.title}')[0]['data']
        bus = run.history['channels'][1]
        for index, share in enumerate(data):
            self.assertAlmostEqual(share, bus['data'][index] / sum(bus[cause][index] for cause in BUS))
        browser.set_input('layer-unit', 'shares')
        parts = [series['data'] for series in browser.series(f'stack-layers@{run.title}')]
        for shares in zip(*parts, strict=True):
            self.assertAlmostEqual(sum(shares), 1)
        self.assertEqual(browser.complaints(), [])

    def test_maps_are_drawings_for_papers_too(self):
        run = small()
        browser.open(run.page)
        self.assertEqual(len(browser.text('#mesh .save')), 2)
        for chart in ('links', 'tiles'):
            drawing = browser.run('return tesseraReport.book.svg(arguments[0], 800, 500)', f'{chart}@{run.title}')
            self.assertTrue(drawing.startswith('<svg width="800" height="500"'), drawing[:60])
            self.assertGreaterEqual(drawing.count('<path') + drawing.count('<polygon'), len(run.history['tiles']))
        browser.run('for (const button of document.querySelectorAll(".save")) button.click()')
        self.assertEqual(browser.complaints(), [])

    def test_play_button_runs_and_stops(self):
        browser.open(small().page)
        browser.run('document.getElementById("play").click()')
        self.assertEqual(browser.text('#play'), ['pause'])
        moved = browser.driver.execute_async_script('''
            const done = arguments[0];
            setTimeout(() => done(Number(document.getElementById('time').value)), 900);''')
        self.assertGreaterEqual(moved, 2)
        browser.run('document.getElementById("play").click()')
        self.assertEqual(browser.text('#play'), ['play'])
        self.assertEqual(browser.complaints(), [])

    def test_theme_button_and_paper(self):
        browser.open(small().page)
        before = browser.picture(f'links@{small().title}')
        browser.run('document.getElementById("theme").click()')
        self.assertEqual(browser.run('return document.documentElement.dataset.theme'), 'dark')
        self.assertNotEqual(browser.picture(f'links@{small().title}'), before)
        self.assertGreater(len(browser.pdf()), 100_000)
        self.assertEqual(browser.complaints(), [])


class Comparison(Charts):
    test_of_16_tiles = test_of_256_tiles = test_of_1024_tiles = None

    def test_of_two_runs_shows_both(self):
        runs = {'small': small(), 'torus': RunFolder('torus', 'tangram-4x4', 'small_cnn', '--set', 'noc.topology=TORUS')}
        page = work / 'both.html'
        tessera('report', runs['small'].path, runs['torus'].path, '--out', page)
        browser.open(page)
        self.assertEqual(sorted(browser.charts()),
                         sorted([f'{chart}@{name}' for chart in CHARTS_OF_A_RUN for name in runs] + ['compare-layers']))
        for name, run in runs.items():
            self.check_run(run, name)
        for found, run in zip(browser.series('compare-layers'), runs.values(), strict=True):
            self.assertEqual(found['data'], [layer['cycles'] for layer in run.result['layers']])
        self.check_figures([run.result['cycles'] for run in runs.values()])
        self.check_slider(runs)
        browser.screenshot(screenshots / 'comparison-light.png')
        self.assertEqual(browser.complaints(), [])

    def check_figures(self, cycles):
        rows = browser.run('return [...document.querySelectorAll("#figures tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent))')
        row = next(row for row in rows if row[0] == 'cycles')
        self.assertEqual(row[1].replace('\u202f', ''), str(cycles[0]))
        change = 100 * (cycles[1] / cycles[0] - 1)
        self.assertEqual(row[2].replace('\u202f', ''), f'{cycles[1]}{"+" if change >= 0 else chr(0x2212)}{abs(change):.1f} %')

    def check_slider(self, runs):
        """Runs of different length move together: the same share of each."""
        last = max(run.bins for run in runs.values())
        browser.set_input('time', last // 2)
        for name, run in runs.items():
            index = min(run.bins - 1, (last // 2 - 1) * run.bins // last)
            found = [point[4] for point in browser.series(f'links@{name}')[0]['data']]
            for one, link in zip(found, run.history['links'], strict=True):
                self.assertAlmostEqual(one, link['flits'][index] / run.bin_cycles(index))


class Ladder(unittest.TestCase):
    def test_is_drawn_from_validation_json(self):
        run = RunFolder('validated', 'tangram-4x4', 'small_cnn')
        (run.path / 'validation.json').write_text(json.dumps({
            'model': 'tangram', 'predicted_cycles': 6000,
            'ladder': [{'name': 'overlap', 'cycles': 1500}, {'name': 'array', 'cycles': -200},
                       {'name': 'dram', 'cycles': run.result['cycles'] - 7300}],
            'layers': [{'name': run.result['layers'][0]['name'], 'predicted_cycles': 100}]}))
        tessera('report', run.path)
        browser.open(run.page)
        base, ends, up, down = [series['data'] for series in browser.series(f'ladder@{run.title}')]
        rest = run.result['cycles'] - 7300
        self.assertEqual(ends, [6000, '-', '-', '-', run.result['cycles']])
        self.assertEqual(up, ['-', 1500, '-', rest, '-'])
        self.assertEqual(down, ['-', '-', 200, '-', '-'])
        self.assertEqual(base, [0, 6000, 7300, 7300, 0])
        predicted = browser.series(f'roofline@{run.title}')[1]
        self.assertEqual(predicted['name'], 'predicted by tangram')
        first = run.result['layers'][0]
        self.assertAlmostEqual(predicted['data'][0]['value'][1], first['macs'] / 100)
        self.assertEqual(browser.complaints(), [])


def set_up(*given):
    global tessera_program, screenshots, work, browser
    tessera_program, screenshots, work, browser = given


if __name__ == '__main__':
    run_tests(set_up)
