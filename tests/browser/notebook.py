# JupyterLab in a browser: a notebook's Client shows its dashboard's link and the cluster's workers, cores and memory, and
# the numbers change when the cluster grows. Usage: notebook.py FOLDER   (within `laptop`)
import json
import pathlib
import re
import socket
import subprocess
import sys
import tempfile

import browser

FOLDER = pathlib.Path(sys.argv[1])
EXAMPLES = pathlib.Path(__file__).resolve().parent.parent.parent / "examples"


def notebook(scheduler):
    """Return a notebook that connects to the scheduler and shows its client."""
    sources = [f'from dask.distributed import Client\nclient = Client("{scheduler}")\n'
               "client.wait_for_workers(1)\nclient",
               "client.wait_for_workers(3)\nclient"]
    cells = [{"cell_type": "code", "id": f"c{i}", "metadata": {}, "outputs": [], "execution_count": None, "source": s}
             for i, s in enumerate(sources)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def cluster(replicas):
    """Have the example's cluster with so many workers."""
    manifest = (EXAMPLES / "cluster.yaml").read_bytes()
    url = f"{browser.DASK}/daskclusters/example"
    browser.ask(f"{url}?fieldManager=notebook&force=true", manifest, "application/apply-patch+yaml")
    browser.ask(url, {"spec": {"worker": {"replicas": replicas}}})
    browser.until(f"{replicas} workers", lambda: is_there() and browser.workers() == replicas)


def is_there():
    try:
        return browser.ask(f"{browser.DASK}/daskworkergroups/example-default")
    except OSError:
        return None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def shown(page, cell):
    """Return what a cell's output says, once it tells the cluster's memory."""
    output = page.locator(".jp-Cell").nth(cell).locator(".jp-OutputArea-output").last
    output.locator("summary", has_text="Scheduler Info").click()
    browser.until("the client's numbers", lambda: "Total memory" in output.inner_text())
    text = re.sub(r"\s+", " ", output.inner_text())
    number = {name: re.search(rf"{name}:\s*([\d.]+)", text) for name in ("Workers", "Total threads", "Total memory")}
    assert all(number.values()), text
    return {name: float(found[1]) for name, found in number.items()}, output


def run(page, cell):
    page.locator(".jp-Cell").nth(cell).locator(".jp-InputArea").click()
    page.keyboard.press("Shift+Enter")


def look(page, url):
    """Do in JupyterLab what a person does."""
    page.goto(f"{url}/lab/tree/client.ipynb")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.wait_for_selector("text=| Idle")  # before its kernel is there, running a cell does nothing
    run(page, 0)
    before, output = shown(page, 0)
    assert before["Workers"] == 1 and before["Total threads"] == 1, before
    link = output.locator("a", has_text="8787").first.get_attribute("href")
    assert link.endswith(":8787/status"), link

    cluster(3)
    run(page, 1)
    after, _ = shown(page, 1)
    assert after["Workers"] == 3 and after["Total threads"] == 3, after
    assert after["Total memory"] == 3 * before["Total memory"], (before, after)
    page.screenshot(path=FOLDER / "notebook.png")
    page.goto(link)
    browser.is_drawn(page)
    print(f"JupyterLab: {before}, and after the cluster grew {after}; the link {link} opens the dashboard")


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    cluster(1)
    port = free_port()
    with tempfile.TemporaryDirectory() as home:
        file = pathlib.Path(home) / "client.ipynb"
        file.write_text(json.dumps(notebook(f"tcp://{browser.address()}:8786")), encoding="utf-8")
        command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--port={port}",
                   "--ip=127.0.0.1", "--IdentityProvider.token=", f"--notebook-dir={home}"]
        log = open(FOLDER / "jupyter.log", "w", encoding="utf-8")
        server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            browser.until("JupyterLab", lambda: answers(port))
            with browser.page(FOLDER / "failure.png") as page:
                look(page, url)
        finally:
            server.terminate()
            server.wait(20)


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main()
