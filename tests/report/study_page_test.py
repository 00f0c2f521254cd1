"""The page of a parameter study in a browser: its points counted against sweep.json, its front against all pairs.

Usage: study_page_test.py TESSERA SCREENSHOT_FOLDER [unittest arguments]. Exit code 77: skipped.
"""

import json
import subprocess
import unittest

from browser import run_tests

# Flits of 32 bytes are wider than the buffer's ports allow: these points fail.
STUDY = '''
name: "links & <channels>"
fixed { key: "--accelerator" value: "tangram-4x4" }
fixed { key: "--network" value: "small_cnn" }
parameter { key: "noc.flit_bytes" value: "4" value: "8" value: "16" value: "32" }
parameter { key: "dram_channels" value: "1" value: "2" value: "4" }
metric: "cycles"
metric: "energy_pj.total"
metric: "utilisation"
cost { name: "pins" constant: 10 term { key: "noc.flit_bytes" weight: 2 } term { key: "dram_channels" weight: 40 } }
'''

tessera_program = None
screenshots = None
out = None
browser = None


def make_study():
    file = out.parent / 'study.textproto'
    file.write_text(STUDY)
    subprocess.run([tessera_program, 'sweep', file, '--out', out], check=True, capture_output=True)


class Study:
    """What the sweep left."""

    def __init__(self):
        self.json = json.loads((out / 'sweep.json').read_text())
        self.points = self.json['point']
        self.finished = [point for point in self.points if point['finished']]
        self.failed = [point for point in self.points if not point['finished']]

    @staticmethod
    def number(point, metric):
        return next(entry['value'] for entry in point['metric'] if entry['name'] == metric)

    def front(self, x, y, sign_x=1, sign_y=1):
        """By definition: every pair is compared."""
        def cost(point):
            return sign_x * self.number(point, x), sign_y * self.number(point, y)

        def beats(one, other):
            a, b = cost(one), cost(other)
            return a[0] <= b[0] and a[1] <= b[1] and a != b

        best = [point for point in self.finished if not any(beats(other, point) for other in self.finished)]
        return sorted((self.number(point, x), self.number(point, y)) for point in best)


class Page(unittest.TestCase):
    def setUp(self):
        self.study = Study()

    def open(self, dark=False):
        browser.open(out / 'report.html', dark)

    def rows(self, table):
        return browser.run('return [...document.querySelectorAll(arguments[0] + " tbody tr")]'
                           '.map((row) => [...row.cells].map((cell) => cell.textContent))', table)

    def check_points(self, x, y, key, sign_x=1, sign_y=1):
        front, *groups = browser.series('pareto')
        position = self.study.json['key'].index(key)
        values = list(dict.fromkeys(point['value'][position] for point in self.study.points))
        self.assertEqual([group['name'] for group in groups], [f'{key.split(".")[-1]} {value}' for value in values])
        for group, value in zip(groups, values):
            expected = [[self.study.number(point, x), self.study.number(point, y)]
                        for point in self.study.finished if point['value'][position] == value]
            self.assertEqual([point['value'] for point in group['data']], expected)
        self.assertEqual(sum(len(group['data']) for group in groups), len(self.study.finished))
        expected = self.study.front(x, y, sign_x, sign_y)
        self.assertEqual(sorted(tuple(point) for point in front['data']), expected)
        large = [tuple(point['value']) for group in groups for point in group['data'] if point['symbolSize'] > 10]
        self.assertEqual(sorted(large), expected)
        self.assertEqual(len(self.rows('#front-points')), len(expected))

    def test_points_and_front_are_those_of_the_study(self):
        self.assertEqual((len(self.study.finished), len(self.study.failed)), (9, 3))
        for dark in (False, True):
            self.open(dark)
            self.check_points('cycles', 'energy_pj.total', 'noc.flit_bytes')
            self.assertGreater(browser.colours('pareto'), 4)
            self.assertEqual(browser.loaded(), [])
            browser.screenshot(screenshots / f'study-{"dark" if dark else "light"}.png')
            self.assertEqual(browser.complaints(), [])

    def test_any_two_metrics_and_any_key(self):
        self.open()
        browser.set_input('x-metric', 'pins')
        self.check_points('pins', 'energy_pj.total', 'noc.flit_bytes')
        browser.set_input('y-metric', 'cycles')
        browser.set_input('colour', 1)
        self.check_points('pins', 'cycles', 'dram_channels')
        # More utilisation is better, and the page knows.
        browser.set_input('y-metric', 'utilisation')
        self.check_points('pins', 'utilisation', 'dram_channels', 1, -1)
        browser.set_input('x-better', 'more')
        self.check_points('pins', 'utilisation', 'dram_channels', -1, -1)
        browser.set_input('axes', 'log')
        self.check_points('pins', 'utilisation', 'dram_channels', -1, -1)
        self.assertEqual(browser.complaints(), [])

    def test_failed_points_are_listed_with_their_message(self):
        self.open()
        expected = [[*point['value'], str(point['failure']['exit_code']), point['failure']['message']] for point in self.study.failed]
        self.assertEqual(self.rows('#failed-points'), expected)
        self.assertIn('must be 1 to 16', expected[0][3])

    def test_all_points_are_listed_and_sorted_on_demand(self):
        self.open()
        rows = self.rows('#all-points')
        self.assertEqual([row[:2] for row in rows], [point['value'] for point in self.study.points])
        self.assertEqual([row[-1] for row in rows], [point['configuration_hash'] for point in self.study.points])
        click = 'document.querySelectorAll("#all-points th")[arguments[0]].click()'
        by_cycles = sorted(self.study.finished, key=lambda point: self.study.number(point, 'cycles'))
        browser.run(click, 2)
        self.assertEqual([row[-1] for row in self.rows('#all-points')][:9], [point['configuration_hash'] for point in by_cycles])
        browser.run(click, 0)
        self.assertEqual([int(row[0]) for row in self.rows('#all-points')], sorted(int(point['value'][0]) for point in self.study.points))

    def test_title_paper_drawing_and_rebuilding(self):
        self.open()
        self.assertEqual(browser.text('h1'), ['links & <channels>'])
        self.assertGreater(len(browser.pdf()), 50_000)
        drawing = browser.run('return tesseraReport.book.svg("pareto", 900, 480)')
        self.assertTrue(drawing.startswith('<svg'))
        self.assertIn('Pareto front', drawing)
        self.assertEqual(browser.complaints(), [])
        before = (out / 'report.html').read_bytes()
        (out / 'report.html').unlink()
        subprocess.run([tessera_program, 'report', out], check=True, capture_output=True)
        self.assertEqual((out / 'report.html').read_bytes(), before)


def set_up(tessera, pictures, folder, opened):
    global tessera_program, screenshots, out, browser
    tessera_program, screenshots, out, browser = tessera, pictures, folder / 'out', opened
    make_study()


if __name__ == '__main__':
    run_tests(set_up)
