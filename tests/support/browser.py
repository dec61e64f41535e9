"""Chromium: how the tests start it, and what somebody does who uses a page in it."""

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from support import LIMIT

FLAGS = """
    --headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run
    --disable-background-networking --disable-component-update --disable-sync
    --disable-back-forward-cache
""".split()  # noqa: SIM905


class Page:
    """A page in the browser, in the words of somebody who uses it."""

    prompt = "[name=prompt]"  # where the question is written
    busy = "#answer"  # which says whether an answer is being written

    def __init__(self, browser, address):
        self.browser = browser
        self.run = browser.execute_script
        self.run_async = browser.execute_async_script
        browser.get(f"{address}/")

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector="body"):
        return self.find(selector).get_attribute("textContent")

    def until(self, happens, seconds=LIMIT):
        """Wait until happens() is true."""
        wait = WebDriverWait(self.browser, seconds, poll_frequency=0.02)
        wait.until(lambda _: happens(), self.text())

    def until_true(self, script):
        """Wait until a script returns what is true; return it."""
        wait = WebDriverWait(self.browser, LIMIT, poll_frequency=0.02)
        return wait.until(lambda _: self.run(f"return {script}"), script)

    def ask(self, prompt="Hello?"):
        field = self.find(self.prompt)
        field.clear()
        field.send_keys(prompt, Keys.ENTER)

    def ends(self, seconds=LIMIT):
        """Wait until the answer has ended."""
        answer = self.find(self.busy)
        self.until(lambda: answer.get_attribute("aria-busy") == "false", seconds)
