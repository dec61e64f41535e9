"""Run a lesson's check.js in Chrome without a window, and report each check.

flask check --browser starts this as a Python of its own, and reads lines of JSON.
"""

import argparse
import json
import os
import shutil
from pathlib import Path

from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.shared_data import SharedDataMiddleware
from werkzeug.wrappers import Response

from lessons.course.explain import sentence_for
from lessons.course.folders import COURSE
from lessons.course.load_program import load
from lessons.course.local_server import served
from lessons.course.run_checks import never_ends
from lessons.course.scripted_model import ScriptedModel

MISSING = (
    "The page was not checked: {}. It can be in your own browser:"
    " flask run, and open the lesson's page."
)
FLAGS = """
    --headless=new --disable-gpu --no-first-run --disable-background-networking
    --disable-component-update --disable-sync
""".split()  # noqa: SIM905
RUN = """
    const [done] = arguments, found = [];
    const report = (check) => found.push(check);
    import("/checks.js")
        .then(({ runChecks }) => runChecks("/mine/", "/check.js", report))
        .then(() => done(found), (error) => done(String(error)));
"""


def beside(app, check):
    """Return a WSGI app that has a program below /mine/, and its checks beside it."""
    files = {
        "/checks.js": str(COURSE / "static" / "checks.js"),
        "/check.js": str(check),
    }
    empty = SharedDataMiddleware(Response("", mimetype="text/html"), files, cache=False)
    return DispatcherMiddleware(empty, {"/mine": app})


def open_browser():
    """Return Chrome without a window, driven by Selenium."""
    from selenium import webdriver  # most students have none, and need none

    options = webdriver.ChromeOptions()
    for name in "chromium", "chromium-browser", "google-chrome":
        options.binary_location = options.binary_location or shutil.which(name) or ""
    for flag in FLAGS:
        options.add_argument(flag)
    if hasattr(os, "geteuid") and not os.geteuid():
        options.add_argument("--no-sandbox")  # which root cannot have
    driver = shutil.which("chromedriver")
    service = webdriver.ChromeService(driver) if driver else None
    return webdriver.Chrome(options, service)


def checks_in(browser, check, app, seconds):
    """Return what check.js finds in the app's page: a list of dicts, or a problem."""
    from selenium.common.exceptions import TimeoutException

    browser.set_script_timeout(seconds)
    with served(beside(app, check)) as url:
        browser.get(url)
        try:
            return browser.execute_async_script(RUN)
        except TimeoutException:
            return never_ends("static/page.js", seconds)


def main():
    """Report on the command line's check.js and program."""
    options = argparse.ArgumentParser()
    options.add_argument("check", type=Path)
    options.add_argument("--program", type=Path)
    options.add_argument("--seconds", type=float)
    told = options.parse_args()
    browser, folder = None, told.program.resolve()
    try:
        app = load(folder, ScriptedModel()).app
        browser = open_browser()
        found = checks_in(browser, told.check, app, told.seconds)
    except ImportError as error:
        found = MISSING.format(f"python -m pip install {error.name} is missing")
    except Exception as error:
        found = sentence_for(error, folder)
    if isinstance(found, str):
        found = [{"sentence": "The page runs", "outcome": "red", "message": found}]
    for check in found:
        print(json.dumps(check), flush=True)
    if browser:
        browser.quit()  # last, for a page that hangs can hold it up


if __name__ == "__main__":
    main()
