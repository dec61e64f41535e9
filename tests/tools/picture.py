"""Take the README's picture of the page in mid-answer: python tests/tools/picture.py"""

import base64
import shutil
import sys
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS), str(TESTS.parent)]
PICTURE = TESTS / "page.webp"
QUESTION = "/wait 1 /silent 1 Why flush?"
SIZE = {"width": 860, "height": 900, "deviceScaleFactor": 2, "mobile": False}
PIECES = "return document.querySelectorAll('#wire tbody tr').length"


def main():
    """Ask, and take the picture when forty pieces have arrived."""
    # Here, for the server that is started imports this file, and chooses its own model.
    from support import LIMIT
    from support.browser import FLAGS
    from support.servers import running

    options = webdriver.ChromeOptions()
    for flag in FLAGS:
        options.add_argument(flag)
    driver = Service(shutil.which("chromedriver"))
    chrome = webdriver.Chrome(options, driver)
    with chrome as page, running("run", MODEL="practice") as address:
        page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", SIZE)
        page.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
        page.get(address)
        page.find_element(By.ID, "prompt").send_keys(QUESTION, Keys.ENTER)
        wait = WebDriverWait(page, LIMIT, poll_frequency=0.01)
        wait.until(lambda page: page.execute_script(PIECES) >= 40)
        webp = {"format": "webp", "quality": 80}
        taken = page.execute_cdp_cmd("Page.captureScreenshot", webp)
    PICTURE.write_bytes(base64.b64decode(taken["data"]))
    print(f"{PICTURE.name}: {PICTURE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
