"""What many pieces cost the page, in a real browser."""

import shutil

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from support.browser import FLAGS
from support.servers import running

READ = """const [pieces, done] = arguments;
const piece = new TextEncoder().encode("letters ");
let left = pieces;
const pull = (body) => (left-- ? body.enqueue(piece) : body.close());
window.fetch = async () => new Response(new ReadableStream({ pull }));
const answer = document.querySelector("#answer");
const prompt = document.querySelector("#prompt");
const begun = performance.now();
new MutationObserver((_, observer) => {
  if (answer.getAttribute("aria-busy") !== "false") return;
  observer.disconnect();
  done([performance.now() - begun, answer.textContent.length]);
}).observe(answer, { attributeFilter: ["aria-busy"] });
prompt.value = "Hello?";
prompt.form.requestSubmit();"""


def page_cost(pieces):
    """Say what four times as many pieces cost the page, in a real browser."""
    driver = shutil.which("chromedriver")
    if not driver:
        return "The page is left out: no chromedriver is installed."
    options = webdriver.ChromeOptions()
    for flag in FLAGS:
        options.add_argument(flag)
    browser = webdriver.Chrome(options, Service(driver))
    took = {}
    with browser as page, running("run", MODEL="practice") as address:
        page.set_script_timeout(600)
        for count in (pieces, 4 * pieces):
            page.get(address)
            took[count], letters = page.execute_async_script(READ, count)
            assert letters == count * len("letters ")
    few, many = took.values()
    return f"The page takes {many / 1000:.1f} s for {4 * pieces:,} pieces that are " + (
        f"there at once, {many / few:.1f} times as long as for {pieces:,}."
    )
