"""A real JupyterLab in a real browser, for the tests of the explorers."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from emolib.explore.lab import QUIET

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# An explorer is an output of the notebook with controls in it. Moves one of its controls as a
# person would, waits until its pictures are others and decoded, and says how many milliseconds that
# took.
MOVE = """async ([order, label, pictured]) => {
  const here = [...document.querySelectorAll('.jp-OutputArea-output')].filter(e => e.querySelector('.widget-inline-hbox'))[order];
  const shown = here.querySelectorAll('.widget-html-content')[pictured];
  const found = [...here.querySelectorAll('.widget-inline-hbox')].filter(e => e.querySelector('.widget-label')?.textContent === label);
  if (found.length !== 1) throw new Error(`${found.length} controls are called ${label}`);
  const handle = found[0].querySelector('.noUi-handle'), list = found[0].querySelector('select');
  let observer;
  const changed = new Promise((done, fail) => {
    observer = new MutationObserver(done);
    observer.observe(shown, {childList: true, subtree: true, characterData: true});
    setTimeout(() => fail(new Error(`${label}: the picture stays as it was`)), 120000);
  });
  const start = performance.now();
  if (handle) {
    const [high, now] = ['aria-valuemax', 'aria-valuenow'].map(name => parseFloat(handle.getAttribute(name)));
    handle.dispatchEvent(new KeyboardEvent('keydown', {key: now < high ? 'PageUp' : 'PageDown', bubbles: true}));
  } else {
    list.selectedIndex = (list.selectedIndex + 1) % list.options.length;
    list.dispatchEvent(new Event('change', {bubbles: true}));
  }
  await changed;
  observer.disconnect();
  await Promise.all([...shown.querySelectorAll('img')].map(e => e.decode()));
  return performance.now() - start;
}"""
LABELS = """() => [...document.querySelectorAll('.jp-OutputArea-output')].filter(e => e.querySelector('.widget-inline-hbox')).map(
  here => [...here.querySelectorAll('.widget-inline-hbox .widget-label')].map(e => e.textContent).filter(text => text))"""


def browser() -> str | None:
    """Path of a Chromium, or None."""
    return os.environ.get("EMOLIB_BROWSER") or next(
        (found for name in NAMES if (found := shutil.which(name))), None
    )


@contextmanager
def lab(notebook: Path, folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """A JupyterLab with a copy of a notebook in an empty folder; yields the address that opens it."""
    shutil.copy(notebook, folder)
    token, port = secrets.token_hex(16), _free_port()
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        f"--ServerApp.root_dir={folder}",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        *QUIET,
        "--LabApp.expose_app_in_browser=True",
        "--allow-root",
    ]
    with (folder / "lab.log").open("w") as log:
        server = subprocess.Popen(
            command, env=os.environ | environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait(f"http://127.0.0.1:{port}/api?token={token}", server)
            yield f"http://127.0.0.1:{port}/lab/tree/{notebook.name}?token={token}"
        finally:
            server.terminate()
            server.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(address: str, server: subprocess.Popen) -> None:
    for _ in range(300):
        if server.poll() is not None:
            raise RuntimeError("JupyterLab ended before it began")
        try:
            with urlopen(address, timeout=5):
                return
        except URLError:
            time.sleep(0.2)
    raise TimeoutError("JupyterLab does not answer")


@contextmanager
def opened(address: str, pictures: int = 7):
    """A page with the notebook run to its end, when so many ``pictures`` stand; yields it and the
    list of errors that it reported.
    """
    from playwright.sync_api import sync_playwright

    flags = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=browser(), args=flags)
        page = chromium.new_page(viewport={"width": 1366, "height": 900})
        page.set_default_timeout(240_000)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        page.wait_for_function(
            "window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
        )
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
        # all is run when the last explorer stands, with its picture
        page.wait_for_function(
            "n => document.querySelectorAll('.jp-OutputArea-output .widget-html-content img').length >= n",
            arg=pictures,
        )
        yield page, errors
        chromium.close()
