"""The pages of the course: the notes, who may run programs, and what checks answer."""

import json
import re
import shutil
import subprocess
import sys
from urllib.parse import urljoin, urlsplit

import pytest
import requests
from support import ROOT
from support.course import (
    A_PAGE,
    A_SERVER,
    A_TERMINAL,
    HELLO,
    LESSONS,
    PAGE,
    PATIENCE,
    ROOTS,
    TURN,
    write,
)
from support.servers import running
from werkzeug import Response

from lessons.course.notes_as_html import to_html

# The notes


def test_the_way_through_leads_to_every_lesson(visit):
    page = visit.get("/lessons/").text
    for lesson in LESSONS:
        assert f"/lessons/{lesson}/" in page
    assert page.count(" minutes</span>") == len(LESSONS) > 2


@pytest.mark.parametrize("name", LESSONS)
def test_every_link_of_a_lesson_leads_somewhere(visit, name):
    here = f"/lessons/{name}/"
    page = visit.get(here)
    assert page.status_code == 200 and "<h1" in page.text
    for link in re.findall(r'(?:href|src)="(.*?)"', page.text):
        path = urlsplit(urljoin(here, link)).path
        if not link.startswith(("http", "data:", "vscode:")):
            assert visit.get(path).status_code == 200, link


def test_a_lesson_stands_between_its_neighbours(visit):
    page = visit.get(f"/lessons/{A_SERVER}/").text
    assert f'rel="prev" href="../../lessons/{A_TERMINAL}/"' in page
    assert f'rel="next" href="../../lessons/{A_PAGE}/"' in page
    assert 'rel="prev"' not in visit.get(f"/lessons/{A_TERMINAL}/").text
    assert 'rel="next"' not in visit.get(f"/lessons/{LESSONS[-1]}/").text
    assert visit.get("/lessons/99-nothing/").status_code == 404


def test_a_quotation_has_its_colours_and_its_name(visit):
    page = visit.get(PAGE).text
    assert "<figcaption>static/page.js</figcaption>" in page
    assert '<span class="kd">const</span>' in page
    assert "style=" not in page


def test_of_html_only_folds_survive_in_notes():
    notes = "a <b onclick=x>b</b>\n\n<details><summary>Hints</summary>\n\n*c*\n\n"
    html = to_html(notes + "</details>\n\n<script>d()</script>\n\n<details open>")
    assert "<details><summary>Hints</summary>" in html and "</details>" in html
    assert re.findall("<(?:b|script|details open)", html) == []
    assert "<em>c</em>" in html and "&lt;script&gt;" in html


def test_a_link_to_other_notes_leads_to_their_page():
    html = to_html(
        "[a](../02-b/README.md) [c](README.md#d) [e](https://f.org/README.md)"
    )
    assert re.findall('href="(.+?)"', html) == ["../02-b/", "#d", "https://f.org/"]


def test_pages_of_the_course_load_only_what_is_ours(visit):
    policy = visit.get(PAGE).headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert visit.get(f"{PAGE}static/page.js").status_code == 404
    assert visit.get(f"{PAGE}app.py").status_code == 404


PICTURE = "/lessons/04-letters-that-stay-whole/letter.svg"


def test_a_picture_shows_its_own_colours_and_runs_no_script(visit):
    policy = visit.get(PICTURE).headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "script-src" not in policy


HEADED = """from flask import Flask
app = Flask(__name__)
HEADERS = {
    "Content-Security-Policy": "default-src 'self'",
    "Service-Worker-Allowed": "/",
    "X-Content-Type-Options": "unknown",
}
@app.get("/")
def index():
    return "<title>Mine</title>Hello", HEADERS
@app.get("/worker.js")
def worker():
    return "", HEADERS | {"Content-Type": "text/javascript"}
"""
SENT = {
    "the way through": "/lessons/",
    "a lesson": PAGE,
    "a picture": PICTURE,
    "a script": "/lessons/static/lesson.js",
    "what is not there": "/lessons/99-nothing/",
    "a program": f"{PAGE}program/",
    "a program's script": f"{PAGE}program/static/page.js",
    "a program on a bad network": f"{PAGE}program/bad/",
    "the root, in a lesson": f"{ROOTS}program/",
    "a terminal": f"/lessons/{A_TERMINAL}/program/",
    "mine": f"{PAGE}mine/",
    "mine on a bad network": f"{PAGE}mine/bad/",
}


@pytest.mark.parametrize("path", SENT.values(), ids=SENT)
def test_nothing_that_is_sent_is_framed_elsewhere_or_guessed_at(visit, mine, path):
    write(mine, app=HEADED)
    headers = visit.get(path).headers
    assert "frame-ancestors 'self'" in headers.getlist("Content-Security-Policy")[-1]
    assert headers.getlist("X-Content-Type-Options") == ["nosniff"]


def test_the_sentence_for_a_broken_program_is_framed_by_us_only(visit, mine):
    broken = visit.get(f"{PAGE}mine/", headers={"Accept": "text/html"})
    assert broken.status_code == 500
    assert "frame-ancestors 'self'" in broken.headers["Content-Security-Policy"]


@pytest.mark.parametrize("network", ["", "bad/"])
def test_a_program_keeps_a_policy_of_its_own(visit, mine, network):
    write(mine, app=HEADED)
    headers = visit.get(f"{PAGE}mine/{network}").headers
    assert headers.getlist("Content-Security-Policy")[0] == "default-src 'self'"
    assert "Service-Worker-Allowed" not in headers


# What nobody but the student reaches

RUNNING = ["program/", "program/bad/", "mine/", "mine/bad/"]


@pytest.mark.parametrize("path", RUNNING)
def test_a_production_server_runs_no_program(visit, mine, monkeypatch, path):
    write(mine, app=HELLO)
    assert visit.get(PAGE + path).status_code == 200
    monkeypatch.delenv("FLASK_RUN_FROM_CLI")
    assert visit.get(PAGE + path).status_code == 404
    assert visit.post(f"{PAGE}{path}ask", json={"prompt": "Hi"}).status_code == 404


def test_a_production_server_checks_nothing(visit, monkeypatch):
    monkeypatch.delenv("FLASK_RUN_FROM_CLI")
    assert visit.post(f"{PAGE}check", json={}).status_code == 404
    assert visit.get(f"{PAGE}check.js").status_code == 404


def test_a_production_server_shows_the_notes_and_says_so(visit, monkeypatch):
    monkeypatch.delenv("FLASK_RUN_FROM_CLI")
    page = visit.get(PAGE).text
    assert "A page that reads it" in page and "On your own machine" in page
    assert "<iframe" not in page and "lesson.js" not in page
    proxied = visit.get(PAGE, headers={"Via": "1.1 proxy"}).text
    assert "COURSE_BEHIND_PROXY" not in proxied
    assert "way.js" not in visit.get("/lessons/").text


@pytest.mark.parametrize("path", [*RUNNING, "check.js"])
def test_another_machine_reaches_no_program(visit, mine, path):
    write(mine, app=HELLO)
    there = {"REMOTE_ADDR": "192.168.1.7"}
    assert visit.get(PAGE + path, environ_overrides=there).status_code == 404
    assert "<iframe" not in visit.get(PAGE, environ_overrides=there).text


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_reaches_its_programs_by_each_of_its_addresses(visit, address):
    here = {"REMOTE_ADDR": address}
    page = visit.get(f"{PAGE}program/", environ_overrides=here)
    assert page.status_code == 200
    assert "<iframe" in visit.get(PAGE, environ_overrides=here).text


PROXIED = [
    {"Forwarded": "for=192.0.2.7"},
    {"X-Forwarded-For": "192.0.2.7"},
    {"X-Forwarded-Host": "words.example"},
    {"X-Forwarded-Proto": "https"},
    {"X-Real-IP": "192.0.2.7"},
    {"Via": "1.1 proxy"},
    # Some say only who asked, or for whom they are.
    {"CF-Connecting-IP": "192.0.2.7"},
    {"CF-Ray": "8f0c-AMS"},
    {"Client-IP": "192.0.2.7"},
    {"DO-Connecting-IP": "192.0.2.7"},
    {"Fastly-Client-IP": "192.0.2.7"},
    {"Fly-Client-IP": "192.0.2.7"},
    {"Front-End-Https": "on"},
    {"True-Client-IP": "192.0.2.7"},
    {"WL-Proxy-Client-IP": "192.0.2.7"},
    {"X-Amzn-Trace-Id": "Root=1-67891233"},
    {"X-Appengine-User-IP": "192.0.2.7"},
    {"X-Azure-ClientIP": "192.0.2.7"},
    {"X-BlueCoat-Via": "4f2a"},
    {"X-Client-IP": "192.0.2.7"},
    {"X-Cluster-Client-IP": "192.0.2.7"},
    {"X-Envoy-External-Address": "192.0.2.7"},
    {"X-Original-Host": "words.example"},
    {"X-Originating-IP": "192.0.2.7"},
    {"X-Remote-Addr": "192.0.2.7"},
    {"X-Scheme": "https"},
    {"X-Varnish": "32770"},
    {"X-Vercel-Id": "fra1::4f2a"},
    {"X-Vercel-Forwarded-For": "192.0.2.7"},
    {"X-Request-Id": "4f2a"},
    {"X-B3-TraceId": "4f2a"},
    {"X-Auth-Request-User": "ada"},
    {"Ali-Cdn-Real-Ip": "192.0.2.7"},
    {"CloudFront-Viewer-Country": "NL"},
    {"EagleEye-TraceId": "4f2a"},
    {"Max-Forwards": "10"},
    {"Ngrok-Trace-Id": "4f2a"},
    {"OIDC-Claim-Sub": "ada"},
    {"Remote-User": "ada"},
    {"Request-Id": "4f2a"},
    {"Surrogate-Capability": "abc=ESI/1.0"},
    {"Baggage": "user=ada"},
    {"Traceparent": "00-4f2a-4f2a-01"},
    # Some say nothing at all, and pass on what the browser wrote.
    {"Origin": "https://words.example"},
]


@pytest.mark.parametrize("headers", PROXIED, ids=lambda headers: next(iter(headers)))
def test_who_comes_by_a_proxy_reaches_no_program(visit, mine, monkeypatch, headers):
    write(mine, app=HELLO)
    for path in [*RUNNING, "check.js"]:
        assert visit.get(PAGE + path, headers=headers).status_code == 404
    assert visit.post(f"{PAGE}check", json={}, headers=headers).status_code == 404
    page = visit.get(PAGE, headers=headers).text
    assert "<iframe" not in page and "COURSE_BEHIND_PROXY=1" in page
    monkeypatch.setenv("COURSE_BEHIND_PROXY", "0")
    assert visit.get(f"{PAGE}mine/", headers=headers).status_code == 404


def test_a_proxy_that_speaks_an_old_http_reaches_no_program(visit, mine):
    """Until 1.29.7, nginx did so by default, and added nothing else."""
    write(mine, app=HELLO)
    old = {"SERVER_PROTOCOL": "HTTP/1.0"}
    assert visit.get(f"{PAGE}mine/", environ_overrides=old).status_code == 404


@pytest.fixture
def trusts_all(site, monkeypatch):
    """Let the server be reached by any name, as with TRUSTED_HOSTS in .env."""
    monkeypatch.setitem(site.config, "TRUSTED_HOSTS", None)


@pytest.mark.usefixtures("trusts_all")
@pytest.mark.parametrize("host", ["words.example", "192.168.1.5:8000", "localhost.me"])
def test_a_name_that_is_not_this_machines_comes_by_a_proxy(visit, mine, host):
    write(mine, app=HELLO)
    page = visit.get(f"{PAGE}mine/", headers={"Host": host})
    assert page.status_code == 404


@pytest.mark.usefixtures("trusts_all")
@pytest.mark.parametrize(
    "host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "ada.localhost"]
)
def test_this_machine_reaches_its_programs_by_each_of_its_names(visit, mine, host):
    write(mine, app=HELLO)
    for headers in {"Host": host}, {"Host": host, "Origin": f"http://{host}"}:
        page = visit.get(f"{PAGE}mine/", headers=headers)
        assert page.status_code == 200


OF_A_BROWSER = {  # what Chromium and Firefox send, and what a page may add
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "nl,en;q=0.5",
    "Cache-Control": "no-cache",
    "Cookie": "a=1",
    "DNT": "1",
    "If-None-Match": '"1"',
    "Pragma": "no-cache",
    "Priority": "u=0, i",
    "Purpose": "prefetch",
    "Referer": "http://localhost/lessons/",
    "Save-Data": "on",
    "Sec-CH-UA-Platform": '"Linux"',
    "Sec-Fetch-Site": "same-origin",
    "Sec-GPC": "1",
    "TE": "trailers",
    "Upgrade-Insecure-Requests": "1",
    "X-Moz": "prefetch",
    "X-Requested-With": "XMLHttpRequest",
}


def test_a_browser_on_this_machine_is_not_taken_for_a_proxy(visit, mine):
    write(mine, app=HELLO)
    assert visit.get(f"{PAGE}mine/", headers=OF_A_BROWSER).status_code == 200


@pytest.mark.parametrize("headers", PROXIED, ids=lambda headers: next(iter(headers)))
def test_a_setting_lets_programs_run_behind_a_proxy(visit, mine, monkeypatch, headers):
    monkeypatch.setenv("COURSE_BEHIND_PROXY", "1")
    write(mine, app=HELLO)
    for path in [*RUNNING, "check.js"]:
        assert visit.get(PAGE + path, headers=headers).status_code == 200
    assert "<iframe" in visit.get(PAGE, headers=headers).text
    there = {"REMOTE_ADDR": "192.168.1.7"}
    page = visit.get(f"{PAGE}mine/", headers=headers, environ_overrides=there)
    assert page.status_code == 404


def test_the_setting_for_a_proxy_is_in_the_example():
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert "\n#COURSE_BEHIND_PROXY=1\n" in example


@pytest.mark.parametrize("path", RUNNING)
def test_a_foreign_name_reaches_no_program(visit, mine, path):
    write(mine, app=HELLO)
    refused = visit.get(PAGE + path, headers={"Host": "evil.example"})
    assert refused.status_code == 400 and "TRUSTED_HOSTS" in refused.text


@pytest.mark.parametrize("host", ["[::1", "]", "localhost:\xb2"])
def test_what_is_no_host_at_all_is_refused_like_a_foreign_one(visit, host):
    refused = visit.get(PAGE, headers={"Host": host})
    assert refused.status_code == 400 and "TRUSTED_HOSTS" in refused.text


@pytest.mark.parametrize("path", ["check", "mine/ask"])
def test_another_page_cannot_make_it_run_anything(visit, mine, path):
    shutil.copy(ROOT / "lessons" / A_TERMINAL / "app.py", mine)
    for form in {"prompt": "Hi"}, '{"prompt": "Hi"}':
        assert visit.post(f"/lessons/{A_TERMINAL}/{path}", data=form).status_code == 415


# Check my work


def checks(visit, lesson, **asked):
    answer = visit.post(f"/lessons/{lesson}/check", json=asked)
    assert answer.mimetype == "application/jsonl"
    return [json.loads(line) for line in answer.text.splitlines()]


def test_my_work_is_red_and_then_green(visit, mine):
    shutil.copytree(ROOT / "lessons" / A_SERVER, mine, dirs_exist_ok=True)
    right = (mine / "app.py").read_text(encoding="utf-8")
    write(
        mine,
        app=right.replace("Response(pieces(", "Response(''.join(pieces(", 1).replace(
            "), mimetype", ")), mimetype"
        ),
    )
    outcomes = [check["outcome"] for check in checks(visit, A_SERVER)]
    assert outcomes.count("red") == 1
    write(mine, app=right)
    assert {check["outcome"] for check in checks(visit, A_SERVER)} == {"green"}


def test_my_turn_is_red_and_then_green(turn, visit, mine):
    shutil.copytree(turn.parent, mine, dirs_exist_ok=True)
    right = (mine / "app.py").read_text(encoding="utf-8")
    [check] = checks(visit, turn.parent.name, turn=True)
    assert check["outcome"] == "red"
    assert check["message"].startswith("You have not started Your turn yet. ")
    write(mine, app=f"{right}\nb = 1\n")
    [check] = checks(visit, turn.parent.name, turn=True)
    assert (check["outcome"], check["message"]) == ("red", "Nothing says bye.")
    write(mine, app=f"{right}\nbye = True\n")
    [check] = checks(visit, turn.parent.name, turn=True)
    assert (check["sentence"], check["outcome"]) == ("It says bye", "green")


def test_of_my_turn_all_may_be_checked_in_the_browser(turn, visit, mine):
    write(mine, app=HELLO)
    (turn / "check.py").unlink()
    assert checks(visit, turn.parent.name, turn=True) == []
    script = visit.get(f"{PAGE}turn/check.js")
    assert script.text == TURN["check.js"] and script.mimetype == "text/javascript"


def test_a_lesson_whose_turn_has_no_checks_has_no_button_for_it(turn, visit):
    assert "Check your turn</button>" in visit.get(PAGE).text
    shutil.rmtree(turn)
    assert "Check your turn</button>" not in visit.get(PAGE).text
    assert visit.get(f"{PAGE}turn/check.js").status_code == 404
    assert visit.post(f"{PAGE}check", json={"turn": True}).status_code == 404


def test_nobody_elses_machine_checks_a_turn(turn, visit):
    there = {"REMOTE_ADDR": "192.168.1.7"}
    asked = {"json": {"turn": True}, "environ_overrides": there}
    assert visit.post(f"{PAGE}check", **asked).status_code == 404
    script = visit.get(f"{PAGE}turn/check.js", environ_overrides=there)
    assert script.status_code == 404


# What it costs


def test_the_first_page_waits_for_no_part_of_the_course():
    script = "import app, sys; print([name for name in sys.modules if name in"
    script += " ('markdown_it', 'pygments', 'pytest')])"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=PATIENCE)
    assert done.stdout.strip() == b"[]", done.stderr


@pytest.mark.slow
def test_flask_run_serves_the_course():
    with running("run") as url:
        page = requests.get(url + PAGE, timeout=PATIENCE).text
        assert "<iframe" in page
        address = f"{url}{PAGE}program/ask"
        answer = requests.post(address, json={"prompt": "/echo Hi"}, timeout=PATIENCE)
        assert answer.text == "Hi"


# In a browser


@pytest.mark.parametrize("path", SENT.values(), ids=SENT)
def test_a_page_of_another_server_frames_nothing_of_ours(reader, serve, mine, path):
    write(mine, app=HEADED)
    page = f'<title>Another</title><iframe src="{reader.url}{path}"></iframe>'
    reader.browser.get(serve(Response(page, mimetype="text/html")))
    reader.browser.switch_to.frame(0)
    try:
        assert reader.run("return location.href") == "chrome-error://chromewebdata/"
    finally:
        reader.browser.switch_to.default_content()
    complaints = reader.browser.get_log("browser")
    assert "frame-ancestors 'self'" in "".join(line["message"] for line in complaints)


def test_a_service_worker_of_mine_does_not_reach_beyond_mine(reader, mine):
    write(mine, app=HEADED)
    reader.open(PAGE)
    reader.choose("[value=mine]")
    reader.run(
        """const page = frames[0];
        const scope = "/lessons/";
        page.navigator.serviceWorker.register("worker.js", { scope }).then(
          () => (page.end = "registered"),
          (error) => (page.end = error.name),
        );"""
    )
    assert reader.until("frames[0].end") == "SecurityError"
    assert "path of the provided scope" in "".join(reader.complaints())
