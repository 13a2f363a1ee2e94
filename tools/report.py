#!/usr/bin/env python3
"""Opens reports in headless Chromium and looks for what a reader would stumble over.

    tools/report.py [--shots DIR] PAGE.html…
    tools/report.py --faults PAGE.html

Each page is looked at 1400 and 400 pixels wide, light and dark, and as print, with everything unfolded: errors of the
console, requests to anything but the page, text that leaves its picture or the window or lies on other text, text too
small or too faint to read, a page of more than 3 MB. Prints what it finds, with the element, and exits with 1.
`--faults` plants one of each into a copy of the page and expects it to be found, and nothing else.
Needs Python's standard library and Chromium (tools/setup.sh --with browser).
"""

import argparse
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

MOST_BYTES = 3 << 20
MODES = [
    ("wide light", 1400, "screen", "light"),
    ("wide dark", 1400, "screen", "dark"),
    ("narrow light", 400, "screen", "light"),
    ("narrow dark", 400, "screen", "dark"),
    # The width that is left on A4 between margins of 1 cm.
    ("print", 718, "print", "light"),
]

CHECK = r"""(() => {
  const found = [], seen = new Set();
  const say = (what, element, text) => {
    const near = element.closest('figure, section, article, details')?.querySelector('h1, h2, h3, h4, h5, summary');
    const line = `${what}: “${text.trim().slice(0, 60)}” in ${element.tagName.toLowerCase()}` +
      (element.getAttribute('class') ? '.' + element.getAttribute('class') : '') +
      (near ? ` under “${near.textContent.trim().slice(0, 50)}”` : '');
    if (!seen.has(line)) { seen.add(line); found.push(line); }
  };
  const print = matchMedia('print').matches, width = document.documentElement.clientWidth;
  if (document.scrollingElement.scrollWidth > width + 1) found.push(
    `the page is ${document.scrollingElement.scrollWidth} pixels wide in a window of ${width}`);
  // Every line of text with its place.
  const texts = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode());) {
    const element = node.parentElement;
    if (!node.textContent.trim() || element.closest('script, style')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const svg = element.closest('svg');
    const boxes = svg ? [element.getBoundingClientRect()] : [...range.getClientRects()];
    for (const box of boxes) {
      if (box.width < 0.5 || box.height < 0.5) continue;
      texts.push({ element, svg, box, text: node.textContent, scrolls: !print && element.closest('.scroll') });
    }
  }
  if (texts.length === 0) found.push('there is no text on the page');
  for (const { element, svg, box, text, scrolls } of texts) {
    if (svg) {
      const frame = svg.getBoundingClientRect();
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 ||
          box.bottom > frame.bottom + 1) say('text leaves its picture', element, text);
    } else if (!scrolls && (box.left < -1 || box.right > width + 1)) say('text leaves the window', element, text);
    const scale = svg ? svg.getBoundingClientRect().width / (svg.viewBox.baseVal.width || 1) : 1;
    const size = parseFloat(getComputedStyle(element).fontSize) * scale;
    if (size < (print ? 6.5 : 9.5)) say(`text of ${size.toFixed(1)} pixels`, element, text);
  }
  // Text on text: a sweep downwards.
  const order = [...texts].sort((a, b) => a.box.top - b.box.top);
  let open = [];
  for (const one of order) {
    open = open.filter(other => other.box.bottom > one.box.top);
    for (const other of open) {
      const across = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
      const down = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
      const low = Math.min(one.box.height, other.box.height);
      if (across > 1 && down > 0.25 * low && one.element !== other.element && !one.scrolls && !other.scrolls)
        say(`text lies on “${other.text.trim().slice(0, 40)}”`, one.element, one.text);
    }
    open.push(one);
  }
  // What is hidden by its own box.
  for (const element of document.querySelectorAll('body *')) {
    const style = getComputedStyle(element);
    const hides = ['hidden', 'clip'].includes(style.overflowX) && !element.closest('svg');
    if (hides && element.scrollWidth > element.clientWidth + 1) say('text is cut off', element, element.textContent);
  }
  // Contrast, WCAG 2: 4.5 for text.
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const d = canvas.getImageData(0, 0, 1, 1).data;
    return [d[0], d[1], d[2], d[3] / 255];
  };
  const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3]));
  const light = c => c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const cache = new Map();
  const ground = element => {
    if (!element) return [255, 255, 255];
    if (cache.has(element)) return cache.get(element);
    const under = ground(element.parentElement);
    const all = over(rgba(getComputedStyle(element).backgroundColor), under);
    cache.set(element, all);
    return all;
  };
  for (const { element, svg, text } of texts) {
    const style = getComputedStyle(element), back = ground(svg ? svg.parentElement : element);
    const front = over(rgba(svg ? style.fill : style.color), back);
    const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) say(`contrast of ${contrast.toFixed(1)}`, element, text);
  }
  const loaded = performance.getEntriesByType('resource').map(entry => `loads ${entry.name}`);
  return JSON.stringify(found.concat(loaded));
})()"""


class Browser:
    """A Chromium that is spoken to through its pipe (the DevTools protocol)."""

    def __init__(self, program, folder):
        to_browser, self.out = os.pipe()
        self.into, from_browser = os.pipe()
        def wire():
            # The protocol wants file descriptors 3 and 4; neither end may be lost while they are put there.
            ends = [os.dup(to_browser), os.dup(from_browser)]
            high = [os.dup2(end, 60 + i) for i, end in enumerate(ends)]
            for i, end in enumerate(high):
                os.dup2(end, 3 + i, inheritable=True)
        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
             "--hide-scrollbars", "--disable-background-networking", f"--user-data-dir={folder}", "about:blank"],
            close_fds=False, preexec_fn=wire, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.number, self.rest, self.events = 0, b"", []

    def read(self):
        while b"\0" not in self.rest:
            some = os.read(self.into, 1 << 16)
            if not some:
                sys.exit("report.py: Chromium ended")
            self.rest += some
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session=None, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"report.py: {method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def wait(self, method):
        while all(event.get("method") != method for event in self.events):
            self.events.append(self.read())

    def close(self):
        self.call("Browser.close")
        self.process.wait()


def look(browser, page, shots):
    """Everything that is wrong with a page, each with the mode in which it is."""
    found = []
    size = page.stat().st_size
    if size > MOST_BYTES:
        found.append(f"{size} bytes, and {MOST_BYTES} are the most")
    for name, width, media, scheme in MODES:
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        do = lambda method, **params: browser.call(method, session, **params)
        for domain in ("Page", "Runtime", "Log", "Network"):
            do(f"{domain}.enable")
        do("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
        do("Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}])
        browser.events.clear()
        url = page.resolve().as_uri()
        do("Page.navigate", url=url)
        browser.wait("Page.loadEventFired")
        # On paper everything is unfolded by the page itself.
        if media == "screen":
            do("Runtime.evaluate", expression="document.querySelectorAll('details').forEach(d => d.open = true)")
        answer = do("Runtime.evaluate", expression=CHECK)
        if "exceptionDetails" in answer:
            sys.exit(f"report.py: {page}: {answer['exceptionDetails']}")
        found += [f"{name}: {line}" for line in json.loads(answer["result"]["value"])]
        for event in browser.events:
            params = event.get("params", {})
            if event.get("method") == "Network.requestWillBeSent" and params["request"]["url"].split("#")[0] != url:
                found.append(f"{name}: asks for {params['request']['url'][:80]}")
            if event.get("method") == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                found.append(f"{name}: console: {params['entry']['text'][:120]}")
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(f"{name}: a script failed: {params['exceptionDetails']['text']}")
        if shots:
            picture = do("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
            (shots / f"{page.stem}-{name.replace(' ', '-')}.png").write_bytes(base64.b64decode(picture))
            if media == "print":
                paper = do("Page.printToPDF", printBackground=True, paperWidth=8.27, paperHeight=11.69)["data"]
                (shots / f"{page.stem}.pdf").write_bytes(base64.b64decode(paper))
        browser.call("Target.closeTarget", targetId=target)
    return found


# What is planted, where it goes in front of, and the words that must be said of it.
FAULTS = [
    ('<div style="width: 3000px; height: 1px"></div>', "</main>", "pixels wide in a window"),
    ('<p style="position: absolute; left: -40px">out</p>', "</main>", "text leaves the window"),
    ('<svg viewBox="0 0 50 20" width="50" height="20"><text x="30" y="12" fill="currentColor">too long</text></svg>',
     "</main>", "text leaves its picture"),
    ('<p style="font-size: 6px">small</p>', "</main>", "text of 6.0 pixels"),
    ('<p style="margin-bottom: -1.2em; height: 1em"><b>below</b></p><p><b>above</b></p>', "</main>", "text lies on"),
    ('<p style="overflow: hidden; width: 30px; white-space: nowrap">a long line</p>', "</main>", "text is cut off"),
    ('<p style="color: #808080; background: #777">pale</p>', "</main>", "contrast of"),
    ('<img src="https://example.invalid/a.png" alt="">', "</main>", "asks for https://example.invalid"),
    ("<script>nothing.at.all()</script>", "</main>", "a script failed"),
    ("<!--" + "x" * MOST_BYTES + "-->", "</main>", "bytes, and"),
]


def plant(browser, page, folder):
    """Faults that were not found, and what else was said."""
    wrong = [f"without a fault: {line}" for line in look(browser, page, None)]
    text = page.read_text(encoding="utf-8")
    for fault, before, words in FAULTS:
        copy = pathlib.Path(folder) / "planted.html"
        copy.write_text(text.replace(before, fault + before, 1), encoding="utf-8")
        found = look(browser, copy, None)
        if not any(words in line for line in found):
            wrong.append(f"“{words}” was not said of {fault[:60]}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="+", type=pathlib.Path, metavar="PAGE.html")
    parser.add_argument("--shots", type=pathlib.Path, help="folder for pictures of what was looked at")
    parser.add_argument("--faults", action="store_true", help="plant faults, which must be found")
    parser.add_argument("--browser", default=os.environ.get("UNLEARN_BROWSER", "chromium"))
    given = parser.parse_args()
    program = shutil.which(given.browser)
    if program is None:
        sys.exit(f"report.py: there is no {given.browser}; tools/setup.sh --with browser installs Chromium")
    if given.shots:
        given.shots.mkdir(parents=True, exist_ok=True)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        browser = Browser(program, folder)
        for page in given.pages:
            found = plant(browser, page, folder) if given.faults else look(browser, page, given.shots)
            wrong += len(found)
            for line in found:
                print(f"{page}: {line}")
            what = f"faults that were planted, of {len(FAULTS)}, were not found" if given.faults else "faults"
            print(f"{page}: {len(found)} {what} in {len(MODES)} ways of looking at it")
        browser.close()
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
