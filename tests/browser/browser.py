# A headless browser, and what the tests with it need of the cluster.
import contextlib
import json
import os
import shutil
import time
import urllib.request

from playwright.sync_api import sync_playwright

API = os.environ["LAPTOP_API"]
DASK = f"{API}/apis/kubernetes.dask.org/v1/namespaces/default"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]


def ask(path, body=None, kind="application/merge-patch+json", method="PATCH"):
    """Read an object of the API server, or write to it."""
    data = None if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
    request = urllib.request.Request(path, data, {"Content-Type": kind}, method="GET" if data is None else method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def until(what, look, seconds=60):
    """Look until there is something, and return it."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {seconds} s: {what}")
        time.sleep(0.2)


def workers():
    """Return how many workers of the example are ready."""
    status = ask(f"{DASK}/daskworkergroups/example-default").get("status", {})
    return status.get("workers", {}).get("ready", 0)


def address():
    """Return the address of the example's scheduler."""
    service = ask(f"{API}/api/v1/namespaces/default/services/example-scheduler")
    return service["spec"]["clusterIP"]


@contextlib.contextmanager
def page(failure, width=1400, height=900):
    """Open a page; if what is done with it fails, a picture of it is left there."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        try:
            new = browser.new_page(viewport={"width": width, "height": height})
            new.set_default_timeout(60_000)
            try:
                yield new
            except BaseException:
                new.screenshot(path=failure)
                raise
        finally:
            browser.close()


def is_drawn(page):
    """Wait until Dask's dashboard has drawn its figures; their text is in shadow roots."""
    drawn = """() => {
        const roots = [document], texts = [];
        for (const root of roots)
            for (const element of root.querySelectorAll("*")) {
                if (element.shadowRoot) roots.push(element.shadowRoot);
                if (element.tagName === "CANVAS") texts.push("canvas");
            }
        return texts.length >= 4;
    }"""
    page.wait_for_function(drawn)
    assert page.title() == "Dask: Status", page.title()
