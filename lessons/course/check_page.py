"""Run a lesson's check.js in Chrome without a window, and report each check.

run_checks.py starts this as a Python of its own, and reads what it writes.
"""

import argparse
import os
import shutil
from pathlib import Path

from flask import Flask, send_file
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from lessons.course.explain import sentence_for
from lessons.course.folders import COURSE
from lessons.course.load_program import load
from lessons.course.local_server import served
from lessons.course.run_checks import as_line, never_ends
from lessons.course.scripted_model import ScriptedModel

MISSING = (
    "The page was not checked: {}. It can be in your own browser:"
    " flask run, and open the lesson's page."
)
FLAGS = [
    "--headless=new",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
RUN = """
    const [done] = arguments;
    const found = [];
    const report = (check) => found.push(check);
    import("/checks.js")
        .then(({ runChecks }) => runChecks("/mine/", "/check.js", report))
        .then(() => done(found), (error) => done(String(error)));
"""


def beside(app, check):
    """Return a WSGI app that has a program below /mine/, and its checks beside it."""
    pages = Flask("checks", static_folder=None)

    @pages.get("/")
    def empty_page():
        return ""

    @pages.get("/checks.js")
    def all_checks():
        return send_file(COURSE / "static" / "checks.js")

    @pages.get("/check.js")
    def checks_of_the_lesson():
        return send_file(check)

    return DispatcherMiddleware(pages, {"/mine": app})


def open_browser():
    """Return Chrome without a window, driven by Selenium."""
    from selenium import webdriver  # most students have none, and need none

    options = webdriver.ChromeOptions()
    for name in "google-chrome", "chromium-browser", "chromium":
        path = shutil.which(name)
        if path:
            options.binary_location = path
    for flag in FLAGS:
        options.add_argument(flag)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
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
    parser = argparse.ArgumentParser()
    parser.add_argument("check", type=Path)
    parser.add_argument("--program", type=Path)
    parser.add_argument("--seconds", type=float)
    arguments = parser.parse_args()
    folder = arguments.program.resolve()
    browser = None
    try:
        app = load(folder, ScriptedModel()).app
        browser = open_browser()
        found = checks_in(browser, arguments.check, app, arguments.seconds)
    except ImportError as error:
        found = MISSING.format(f"python -m pip install {error.name} is missing")
    except Exception as error:
        found = sentence_for(error, folder)
    if isinstance(found, str):
        found = [{"sentence": "The page runs", "outcome": "red", "message": found}]
    write_report(announced=[check["sentence"] for check in found])
    for check in found:
        write_report(**check)
    if browser:
        browser.quit()  # last, for a page that hangs can hold it up


def write_report(**report):
    print(as_line(**report), end="", flush=True)


if __name__ == "__main__":
    main()
