"""Run a lesson's check.js in Chrome without a window, and report each check.

run_checks.py starts this as a Python of its own, and reads what it writes.
"""

import argparse
import os
import shutil
from pathlib import Path
from threading import Timer

from flask import Flask, send_file, send_from_directory
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from lessons.course.bounds import bound_memory_and_output, never_ends
from lessons.course.checker.reports import as_line
from lessons.course.explain import sentence_for
from lessons.course.folders import COURSE
from lessons.course.for_checks.loading import load
from lessons.course.for_checks.local_server import served
from lessons.course.for_checks.scripted_model import ScriptedModel

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
    const broken = (error) =>
        report({ sentence: "The checks run", outcome: "red", message: String(error) });
    import("/static/checks.js")
        .then(({ runChecks }) => runChecks("/mine/", "/check.js", report))
        .catch(broken)
        .then(() => done(found));
"""


def beside(app, check):
    """Return a WSGI app that has a program below /mine/, and its checks beside it."""
    pages = Flask("checks", static_folder=None)

    @pages.get("/")
    def empty_page():
        return ""

    @pages.get("/static/<name>")  # as in the course: check.js imports some of them
    def scripts(name):
        return send_from_directory(COURSE / "static", name)

    @pages.get("/check.js")
    def checks_of_the_lesson():
        return send_file(check)

    @pages.after_request
    def keep_nothing(response):
        """Another lesson's check.js has this address, when its port comes round."""
        response.headers["Cache-Control"] = "no-store"
        return response

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
    """Return what check.js finds in the app's page: a dict for each check."""
    browser.set_script_timeout(seconds)
    with served(beside(app, check)) as url:
        browser.get(url)
        return browser.execute_async_script(RUN)


def main():
    """Report on the command line's check.js and program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("check", type=Path)
    parser.add_argument("--program", type=Path)
    parser.add_argument("--seconds", type=float)
    arguments = parser.parse_args()
    try:
        browser = open_browser()
    except ImportError:
        why = "Selenium is missing. To install it, run python -m pip install selenium"
        report_problem("not checked", why)
    except Exception as error:
        words = str(error).strip().partition("\n")[0]
        why = f"Chrome or its driver did not start: {words}"
        report_problem("not checked", why)
    else:
        folder = arguments.program.resolve()
        check_in(browser, arguments.check, folder, arguments.seconds)


def check_in(browser, check, folder, seconds):
    """Report what check.js finds in the page of the program in a folder.

    A page can hang its browser so that no time limit of the browser's ends it; the
    timer is our own.
    """
    bound_memory_and_output()  # of the program: Chrome runs already
    timer = Timer(seconds, give_up, [folder, seconds])
    timer.daemon = True
    timer.start()
    try:
        app = load(folder, ScriptedModel()).app
        report_all(checks_in(browser, check, app, 2 * seconds))
    except Exception as error:
        report_problem("red", sentence_for(error, folder))
    browser.quit()  # last, for a page that hangs can hold it up


def give_up(folder, seconds):
    """Report that the page never ends; what started this Python then ends it."""
    where = f"{folder.name}/static/page.js"
    write_report(stopped=never_ends(where, seconds))


def report_problem(outcome, message):
    report_all([{"sentence": "The page runs", "outcome": outcome, "message": message}])


def report_all(checks):
    write_report(announced=[check["sentence"] for check in checks])
    for check in checks:
        write_report(**check)


def write_report(**report):
    print(as_line(**report), end="", flush=True)


if __name__ == "__main__":
    main()
