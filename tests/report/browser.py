"""A headless Chromium with a report open in it, and the start of the test scripts that use one."""

import base64
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time
import unittest

SKIPPED = 77  # exit code

CHARTS_OF_A_RUN = ['stack-time', 'stack-layers', 'stack-tiles', 'cause-map', 'links', 'tiles', 'roofline',
                   'energy-layers', 'buffers', 'dram-time', 'dram-channels']


def missing():
    """What is needed and not there; None when all is."""
    try:
        import selenium  # noqa: F401
    except ImportError:
        return 'python3-selenium is not installed'
    for program in ('chromium', 'chromedriver'):
        if shutil.which(program) is None:
            return f'{program} is not installed'
    if os.environ.get('TESSERA_CHARTS', '1') == '0':
        return 'tessera was built without the chart library'
    return None


def run_tests(set_up):
    """The main program of a test script: set_up(tessera, screenshots, folder, browser), then its unit tests.

    Arguments of the command line: the program, the folder for screenshots, those of unittest.
    """
    reason = missing()
    if reason is not None:
        print(f'SKIPPED: {reason}')
        sys.exit(SKIPPED)
    tessera, screenshots = sys.argv[1], pathlib.Path(sys.argv[2])
    screenshots.mkdir(parents=True, exist_ok=True)
    browser = Browser()
    try:
        with tempfile.TemporaryDirectory() as folder:
            set_up(tessera, screenshots, pathlib.Path(folder), browser)
            ended = unittest.main(argv=[sys.argv[0], *sys.argv[3:]], exit=False)
    finally:
        browser.close()
    sys.exit(0 if ended.result.wasSuccessful() else 1)


class Browser:
    def __init__(self):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which('chromium')
        for argument in ('--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
                         '--hide-scrollbars', '--window-size=1500,1000'):
            options.add_argument(argument)
        options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
        self.driver = webdriver.Chrome(service=Service(shutil.which('chromedriver')), options=options)

    def close(self):
        self.driver.quit()

    def open(self, page, dark=False):
        features = [{'name': 'prefers-color-scheme', 'value': 'dark' if dark else 'light'}]
        self.driver.execute_cdp_cmd('Emulation.setEmulatedMedia', {'features': features})
        self.driver.get(f'file://{page}')

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def complaints(self):
        """Everything that the console has been told since it was last asked."""
        return [entry['message'] for entry in self.driver.get_log('browser')]

    def loaded(self):
        """Addresses of everything that the page has fetched beside itself."""
        return self.run('return performance.getEntriesByType("resource").map((entry) => entry.name)')

    def charts(self):
        return self.run('return [...tesseraReport.book.charts.keys()]')

    def series(self, chart):
        """Series of a chart as it is drawn now: a list of {name, data}."""
        text = self.run('''
            const option = tesseraReport.book.charts.get(arguments[0]).instance.getOption();
            return JSON.stringify(option.series.map(({name, data}) => ({name, data})));''', chart)
        return json.loads(text)

    def picture(self, chart):
        return self.run('return tesseraReport.book.charts.get(arguments[0]).instance.getDataURL()', chart)

    def colours(self, chart):
        """How many different colours the chart's canvas has, up to 1000."""
        return self.run('''
            const canvas = tesseraReport.book.charts.get(arguments[0]).instance.getDom().querySelector('canvas');
            const pixels = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer);
            const seen = new Set();
            for (let i = 0; i < pixels.length && seen.size < 1000; i += 3) seen.add(pixels[i]);
            return seen.size;''', chart)

    def set_input(self, control, value):
        """As a person does: the control's value, then the event that says so."""
        self.run('''
            const control = document.getElementById(arguments[0]);
            control.value = arguments[1];
            control.dispatchEvent(new Event(control.tagName === 'SELECT' ? 'change' : 'input', {bubbles: true}));''',
                 control, str(value))

    def text(self, selector):
        return self.run('return [...document.querySelectorAll(arguments[0])].map((node) => node.textContent)', selector)

    def screenshot(self, path, width=1500):
        height = self.run('return document.documentElement.scrollHeight')
        self.driver.set_window_size(width, height + 150)
        time.sleep(0.5)
        path.write_bytes(base64.b64decode(self.driver.get_screenshot_as_base64()))
        self.driver.set_window_size(width, 1000)

    def pdf(self):
        result = self.driver.execute_cdp_cmd('Page.printToPDF', {'printBackground': True})
        return base64.b64decode(result['data'])
