"""A real JupyterLab in a real browser, for the tests of the explorers."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from emolib.explore.lab import QUIET

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Until then something is wrong, however busy the machine is; no test waits for it.
SECONDS = 900
# An explorer is an output of the notebook with controls in it. Moves one of its controls as a
# person would, by a key or to the next entry of a list, and waits until a picture is another one.
MOVE = """async ([order, label, pictured, key, seconds]) => {
  const outputs = [...document.querySelectorAll('.jp-OutputArea-output')];
  const here = outputs.filter(e => e.querySelector('.widget-inline-hbox'))[order];
  const shown = here.querySelectorAll('.widget-html-content')[pictured];
  const found = [...here.querySelectorAll('.widget-inline-hbox')].filter(
    e => e.querySelector('.widget-label')?.textContent === label);
  if (found.length !== 1) throw new Error(`${found.length} controls are called ${label}`);
  const handle = found[0].querySelector('.noUi-handle'), list = found[0].querySelector('select');
  let observer, guard;
  const changed = new Promise((done, fail) => {
    observer = new MutationObserver(done);
    observer.observe(shown, {childList: true, subtree: true, characterData: true});
    guard = setTimeout(() => fail(new Error(`${label}: the picture stays`)), 1000 * seconds);
  });
  if (handle) {
    const [high, now] = ['aria-valuemax', 'aria-valuenow'].map(
      name => parseFloat(handle.getAttribute(name)));
    const own = key || (now < high ? 'PageUp' : 'PageDown');
    handle.dispatchEvent(new KeyboardEvent('keydown', {key: own, bubbles: true}));
  } else {
    list.selectedIndex = (list.selectedIndex + 1) % list.options.length;
    list.dispatchEvent(new Event('change', {bubbles: true}));
  }
  await changed;
  observer.disconnect();
  clearTimeout(guard);
  await Promise.all([...shown.querySelectorAll('img')].map(e => e.decode()));
}"""
LABELS = """() => [...document.querySelectorAll('.jp-OutputArea-output')].filter(
  e => e.querySelector('.widget-inline-hbox')).map(
  here => [...here.querySelectorAll('.widget-inline-hbox .widget-label')].map(
    e => e.textContent).filter(text => text))"""


def browser() -> str | None:
    """Path of a Chromium, or None."""
    found = filter(None, map(shutil.which, NAMES))
    return os.environ.get("EMOLIB_BROWSER") or next(found, None)


@contextmanager
def lab(notebook: Path, folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """A JupyterLab with a copy of a notebook in an empty folder; yields the address to open."""
    shutil.copy(notebook, folder)
    runtime = folder / "runtime"
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", *QUIET]
    command += [f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True"]
    own = os.environ | environment | {"JUPYTER_RUNTIME_DIR": str(runtime)}
    with (
        (folder / "lab.log").open("w") as log,
        subprocess.Popen(command, env=own, stdout=log, stderr=subprocess.STDOUT) as server,
    ):
        try:
            known = _started(runtime, server)
            yield f"{known['url']}doc/tree/{notebook.name}?token={known['token']}"
        finally:
            server.terminate()  # JupyterLab ends its kernels; `with` waits for it


def _started(runtime: Path, server: "subprocess.Popen[bytes]") -> dict[str, str]:
    """Address and token of a JupyterLab, from the file that it writes when it listens."""
    for _ in range(10 * SECONDS):
        for file in runtime.glob("jpserver-*.json"):
            with suppress(ValueError):  # half written
                return json.loads(file.read_text())
        with suppress(subprocess.TimeoutExpired):
            server.wait(0.1)
            raise RuntimeError("JupyterLab ended before it began")
    raise TimeoutError("JupyterLab does not answer")


@contextmanager
def opened(address: str, pictures: int = 7):
    """A page with the notebook run to its end, when so many ``pictures`` stand; yields it and the
    list of errors that it reported.
    """
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    flags += ["--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=browser(), args=flags, timeout=0)
        try:
            page = chromium.new_page(viewport={"width": 1366, "height": 768})
            page.set_default_timeout(1000 * SECONDS)
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(address)
            page.wait_for_function(
                "window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status"
                " === 'idle'"
            )
            # it runs itself; all is run when the last explorer stands, with its picture
            shown = "document.querySelectorAll('.jp-OutputArea-output .widget-html-content img')"
            page.wait_for_function(f"n => {shown}.length >= n", arg=pictures)
            yield page, errors
        finally:
            chromium.close()
