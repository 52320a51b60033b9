# The demo as a person sees it: its dashboard in a browser while four workers are busy, and its timeline. Checks both, and
# makes the README's pictures of them. Usage: dashboard.py FOLDER   (within `laptop`)
import html
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading

import browser

FOLDER = pathlib.Path(sys.argv[1])
STORY = pathlib.Path(__file__).resolve().parent.parent / "demo" / "story.py"
LINES = 44  # of the timeline, in its picture
STYLE = "background:#101418;color:#d8dee9;font:14px/1.35 'DejaVu Sans Mono',monospace;padding:16px 20px;margin:0"


def dashboard(page):
    """Look at the scheduler's dashboard while it works."""
    page.goto(f"http://{browser.address()}:8787/status")
    browser.is_drawn(page)
    page.wait_for_timeout(4000)  # for the picture: some seconds of the task stream
    page.screenshot(path=FOLDER / "dashboard.png")


def timeline(page, lines):
    """Show the timeline as a terminal does."""
    begin = next(i for i, line in enumerate(lines) if "queued" in line)
    text = html.escape("\n".join(lines[begin:begin + LINES]))
    page.set_viewport_size({"width": 860, "height": 400})
    page.set_content(f"<body style=\"{STYLE}\"><pre style='font:inherit;margin:0'>{text}</pre>")
    page.locator("body").screenshot(path=FOLDER / "timeline.png")


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    story = subprocess.Popen([sys.executable, STORY, "--once"], stdout=subprocess.PIPE, text=True,
                             start_new_session=True)
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(line.rstrip() for line in iter(story.stdout.readline, "")))
    reader.start()
    try:
        with browser.page(FOLDER / "failure.png") as page:
            browser.until("four workers", lambda: story.poll() is not None or workers_are_four())
            dashboard(page)
            browser.until("a long timeline", lambda: len(lines) > LINES + 10)
            timeline(page, lines)
    finally:
        os.killpg(story.pid, signal.SIGTERM)  # with the timeline and the workflow
        story.wait()
    text = "\n".join(lines)
    assert re.search(r"z = 25 after 2\.\d\d s", text), f"x and y did not run at the same time: {text}"


def workers_are_four():
    try:
        return browser.workers() == 4
    except OSError:
        return False  # there is no group yet


if __name__ == "__main__":
    main()
