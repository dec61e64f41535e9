"""What is between the server and its readers does not change the stream.

The checks put the real nginx, with the student's nginx.conf, in front of the program,
which one of Python's servers runs. Where nginx is not installed they are skipped.
"""

import logging
import os
import re
import runpy
import shutil
import socket
import subprocess
import sys
import time as clock
import zlib
from contextlib import contextmanager
from time import monotonic, sleep
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
import requests
from flask import request, request_started
from langchain_core.exceptions import ModelConnectionError, ModelRateLimitError
from werkzeug.exceptions import TooManyRequests

from failures import RATE_LIMIT
from lessons.course.for_checks.loading import load
from lessons.course.for_checks.local_server import Quiet, free_port, listens, served
from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.scripted_model import Gate
from lessons.course.for_checks.still_there import (
    a_body_that_is_too_large_is_refused,
    a_foreign_name_gets_nothing,
    a_foreign_page_gets_nothing,
    whatever_is_not_a_prompt_is_refused,
)

PATIENCE = 5  # seconds
PLACES = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/bin"]
READER = "203.0.113.7"  # an address that is reserved for examples
# Others, each for one check: some limits are not forgotten between two of them.
OTHER = "203.0.113.8"
THIRD = "203.0.113.9"
EAGER = "203.0.113.10"
JSON = "application/json"
REFUSED = 'the page shows the sentence of a JSON body like {"error": "..."}'


def path_of(name):
    """Return where a program is installed, or None."""
    return shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *PLACES]))


class Handler(Quiet):
    """A request that is answered in the HTTP that it came in, as gunicorn does."""

    def run_wsgi(self):
        self.protocol_version = min(self.request_version, "HTTP/1.1")
        super().run_wsgi()


def configuration(folder):
    """Return the text of the student's nginx.conf."""
    path = folder / "nginx.conf"
    assert path.exists(), (
        f"There is no {folder.name}/nginx.conf. flask start puts one there."
    )
    return path.read_text(encoding="utf-8")


def has_port(text, port):
    """Whether a configuration names a port, comments aside."""
    return re.search(rf"\b{port}\b", re.sub("#.*", "", text))


def says_which_http(text):
    """Whether a configuration says which version of HTTP the program is asked in."""
    return "proxy_http_version" in re.sub("#.*", "", text)


@contextmanager
def nginx(folder, tmp_path, app_port, silence=None):
    """Run nginx with the student's nginx.conf on free ports; yield the addresses.

    `silence` replaces the time that nginx waits in one, for what nobody waits for.
    """
    if not path_of("nginx"):
        pytest.skip("nginx is not installed, and this check needs it for nginx.conf.")
    text = configuration(folder)
    assert has_port(text, 8080), (
        "nginx.conf has no port 8080, where readers connect. Write listen"
        " 127.0.0.1:8080;"
    )
    assert has_port(text, 8001), (
        "nginx.conf has no port 8001, where the program listens. Write proxy_pass"
        " http://127.0.0.1:8001;"
    )
    ports = {8001: app_port, 8080: free_port(), 8443: free_port()}
    for port, instead in ports.items():
        text = re.sub(rf"\b{port}\b", str(instead), text)
    if not says_which_http(text):  # as all do before 1.29.7, which took 1.1
        text = re.sub(
            r"^\s*http\s*{", r"\g<0> proxy_http_version 1.0;", text, flags=re.M
        )
    if silence:
        text = re.sub(r"proxy_read_timeout\s+[^;]+;", "", text)
        text = re.sub(r"proxy_pass\s", rf"proxy_read_timeout {silence}; \g<0>", text)
    # Where it keeps its own things is not what is checked.
    text = re.sub(r"^[ \t]*(daemon|pid|error_log)\s[^;]*;", "", text, flags=re.M)
    certificate = make_certificate(tmp_path)
    text = re.sub(r"\b(ssl_certificate)\s+[^;]+;", r"\1 certificate.pem;", text)
    text = re.sub(r"\b(ssl_certificate_key)\s+[^;]+;", r"\1 key.pem;", text)
    (tmp_path / "nginx.conf").write_text(text, encoding="utf-8")
    own = "daemon off; pid nginx.pid; error_log stderr;"
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        own += " user root;"
    command = [path_of("nginx"), "-p", tmp_path, "-c", tmp_path / "nginx.conf"]
    command += ["-e", "stderr", "-g", own]
    tried = subprocess.run(
        [*command, "-t"], capture_output=True, encoding="utf-8", errors="replace"
    )
    assert tried.returncode == 0, sentence_of_nginx(tried.stderr, tmp_path)
    running = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = monotonic() + PATIENCE
        while not listens(ports[8080]):
            assert running.poll() is None and monotonic() < until, (
                "nginx accepted nginx.conf, but does not listen on any port. Write"
                " listen 127.0.0.1:8080;"
            )
            sleep(0.01)
        yield SimpleNamespace(
            url=f"http://127.0.0.1:{ports[8080]}",
            secure=f"https://localhost:{ports[8443]}",
            certificate=certificate,
        )
    finally:
        running.terminate()
        running.wait(PATIENCE)


def sentence_of_nginx(said, tmp_path):
    """Return what nginx finds wrong with a configuration, in a sentence."""
    wrong = re.search(r"\[emerg\] (?:\d+#\d+: )?(.+)", said)
    what = wrong[1] if wrong else said.strip()
    what = what.replace(f"{tmp_path}{os.sep}", "").replace("nginx.conf:", "line ")
    return (
        f"nginx rejected nginx.conf: {what}. Check that line and the one above it: a"
        " directive ends in a semicolon, and each { needs its }."
    )


def make_certificate(folder):
    """Make a certificate for localhost in a folder, as the notes do."""
    if not path_of("openssl"):
        pytest.skip(
            "openssl is not installed, and this check needs it for nginx's certificate."
        )
    words = "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", folder / "key.pem", "-out", folder / "certificate.pem"]
    command = [path_of("openssl"), *words.split(), *names, *files]
    subprocess.run(command, capture_output=True, check=True)
    return folder / "certificate.pem"


@pytest.fixture(scope="module")
def front(program, folder, tmp_path_factory):
    """Return nginx before the program; its url is where readers come in."""
    logging.getLogger("werkzeug").setLevel("CRITICAL")  # a body that breaks is no news
    with served(program.app, Handler) as address:
        port = urlsplit(address).port
        with nginx(folder, tmp_path_factory.mktemp("nginx"), port) as found:
            yield found


@pytest.fixture(autouse=True)
def nobody_has_asked_yet(program):
    """Let each check begin without questions that were counted before."""
    for limiter in program.app.extensions.get("limiter", ()):
        limiter.reset()


@pytest.fixture
def seen(program):
    """Return a list of what the program sees of each request."""
    requests_seen = []

    def note(_, **__):
        known = SimpleNamespace(
            address=request.remote_addr,
            scheme=request.scheme,
            host=request.host,
            prefix=request.root_path,
        )
        requests_seen.append(known)

    with request_started.connected_to(note, program.app):
        yield requests_seen


def post(front, stream=True, prompt="Hello?", **options):
    """Ask through nginx for a stream that is not compressed."""
    headers = {"Accept-Encoding": "identity"} | options.pop("headers", {})
    return requests.post(
        f"{front.url}/ask",
        json={"prompt": prompt},
        headers=headers,
        stream=stream,
        allow_redirects=False,
        timeout=2 * PATIENCE,
        **options,
    )


def ends_with_the_connection(folder):
    """Whether a configuration turns off HTTP chunks, the last of which is the end."""
    text = re.sub("#.*", "", configuration(folder))
    return re.search(r"chunked_transfer_encoding\s+off\s*;", text)


def break_again(client):
    """Let the program break once more as it did behind nginx, which shows no words."""
    try:
        client.post("/ask", json={"prompt": "Hello?"}).close()
    except RecursionError as error:
        error.add_note(
            "app calls itself without end. Let ProxyFix wrap app.wsgi_app, not app."
        )
        raise


def inherited(folder, name, values):
    """Say why nginx may not have set a header that nginx.conf sets."""
    text = re.sub("#.*", "", configuration(folder))
    if not re.search(rf"proxy_set_header\s+{name}\s+({values})\s*;", text):
        return ""
    return (
        " nginx.conf has that line, but it does not apply to this request. A location"
        " inherits no proxy_set_header from another location. It inherits those in"
        " server only if it has none of its own. Write all of them in each location"
        " that has a proxy_pass."
    )


# nginx.conf


def test_an_answer_passes_through_nginx(front, client, answer_with):
    answer_with("Tragödie 👋", "\n", "  two")
    answer = post(front, stream=False)
    answer.encoding = "utf-8"
    if answer.status_code == 500:
        break_again(client)
    assert (answer.status_code, answer.text) == (200, "Tragödie 👋\n  two"), (
        f"The model wrote 'Tragödie 👋\\n  two', and nginx sent a {answer.status_code}"
        f" with {short(answer.text)}. Write proxy_pass http://127.0.0.1:8001;"
    )


def test_the_first_piece_passes_through_nginx_before_the_second_is_made(
    front, folder, answer_with
):
    # Without this line pieces can come one by one by chance, so it is looked for.
    text = re.sub("#.*", "", configuration(folder))
    assert re.search(r"proxy_buffering\s+off\s*;", text), (
        "Nothing in nginx.conf stops nginx from collecting the answer before it sends"
        " any of it. Write proxy_buffering off;"
    )
    gate = Gate()
    model = answer_with("one", gate, " two")
    with post(front) as answer:
        first = answer.raw.read1()  # it needs no HTTP chunks
        made = model.made
        gate.set()
    assert first.startswith(b"one") and made == 1, (
        f"When nginx sent the first bytes, the model had made {made} of 2 texts: nginx"
        " collects the answer. Write proxy_buffering off; in location / or around it."
    )


def test_a_broken_answer_breaks_behind_nginx_too(front, folder, answer_with):
    answer_with("one", ModelConnectionError("no"))
    with post(front) as answer:
        try:
            came, broke = answer.content, False
        except requests.RequestException:
            came, broke = b"", True
    unsaid = ""
    if not says_which_http(configuration(folder)):
        unsaid = (
            " Before version 1.29.7, nginx uses it unless nginx.conf says otherwise."
        )
    assert broke or not ends_with_the_connection(folder), (
        f"The model failed after 'one', but nginx sent {short(came.decode())} as if it"
        " were complete. Remove chunked_transfer_encoding off; because without chunks"
        " a reader cannot tell a break from an end."
    )
    assert broke, (
        "The model failed after 'one' and the program broke its body, but nginx sent"
        f" {short(came.decode())} as if it were complete. With HTTP/1.0 nginx cannot"
        f" tell a break from an end.{unsaid} Write proxy_http_version 1.1;"
    )


def test_a_reader_who_leaves_is_noticed_through_nginx(front, answer_with):
    words = []
    for number in range(1500):
        words += [f"word{number} ", lambda: sleep(0.005)]
    model = answer_with(*words)
    with post(front) as answer:
        next(answer.iter_content(None), b"")
    model.closed.wait(PATIENCE)
    assert model.closed_early, (
        "The reader left after the first piece, but the model kept writing to the end."
        " nginx closes its connection to the program when the reader leaves, unless"
        " proxy_ignore_client_abort or proxy_buffering prevents it: turn both off."
    )


def test_a_refusal_from_the_program_passes_through_nginx_unchanged(
    front, client, answer_with
):
    model = answer_with(ModelConnectionError("no"))
    direct = client.post("/ask", json={"prompt": "Hello?"})
    asked = len(model.prompts)
    through = post(front, stream=False)
    assert len(model.prompts) == 2 * asked, (
        "The model failed and the program refused, and nginx asked the program again."
        " You may pay for each question. Remove proxy_next_upstream non_idempotent."
    )
    assert through.text == direct.text, (
        f"The program refused with {short(direct.text)}, and nginx sent"
        f" {short(through.text)}. With proxy_intercept_errors on; nginx replaces the"
        " program's sentences. Remove it: only the program knows why it refused."
    )


def test_the_program_gets_the_host_name_that_was_asked_for(
    front, seen, folder, answer_with
):
    model = answer_with("one")
    foreign = post(front, stream=False, headers={"Host": "foreign.example"})
    names = [each.host.partition(":")[0] for each in seen]
    assert "foreign.example" not in names or foreign.status_code == 400, (
        "A request for foreign.example reached the program under that name. Expected"
        f' status 400, got {foreign.status_code}. Keep app.config["TRUSTED_HOSTS"] ='
        " trusted_hosts() in app.py: it lists the names that the program answers to."
    )
    assert foreign.status_code == 400 and not model.prompts, (
        "A request for foreign.example: expected status 400, got"
        f" {foreign.status_code}. The program knows its own names, but nginx passes it"
        " another name. nginx needs proxy_set_header Host"
        f" $http_host;{inherited(folder, 'Host', '[$]http_host|[$]host')}"
    )
    post(front, stream=False)
    assert seen[-1].host.partition(":")[0] == "127.0.0.1", (
        "A request for 127.0.0.1 reaches the program as one for"
        f" {seen[-1].host.partition(':')[0]}. Write proxy_set_header Host $http_host;"
    )


def test_files_are_compressed_and_answers_still_come_piece_by_piece(front, answer_with):
    """Files are compressed, and answers still come piece by piece."""
    takes_gzip = {"Accept-Encoding": "gzip"}
    file = requests.get(
        f"{front.url}/static/ask.js", headers=takes_gzip, timeout=PATIENCE
    )
    assert file.headers.get("Content-Encoding") == "gzip", (
        "The reader accepts gzip, but static/ask.js is not compressed. Write gzip on;"
        " and gzip_types text/css text/javascript; because nginx compresses only HTML"
        " by default."
    )
    gate = Gate()
    answer_with("one", gate, " two")
    came = b""
    with post(front, headers=takes_gzip) as answer:
        is_packed = answer.headers.get("Content-Encoding") == "gzip"
        unpack = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        while not came:
            piece = answer.raw.read1(decode_content=False)
            came += unpack.decompress(piece) if is_packed else piece
            if not piece:
                break
        waited = not gate.is_set()
        gate.set()
    assert came == b"one" and waited, (
        f"Expected 'one' first from the compressed answer, got {short(came.decode())}."
        " With proxy_buffering off; nginx flushes its compressor for each piece."
    )


def test_a_prompt_that_is_too_long_is_a_413_as_json(front, seen, answer_with):
    """A prompt that is too long gets a 413 as JSON."""
    answer_with("one")
    for size in 70_000, 2_000_000:
        try:
            refused = post(front, stream=False, prompt="a" * size)
        except requests.ConnectionError:  # the program hangs up before it has it all
            refused = None
        assert not seen and refused is not None, (
            f"A prompt of {size} bytes reached the program. Expected nginx to refuse"
            " it: write client_max_body_size 64k;"
        )
        assert refused.status_code != 500, (
            f"A prompt of {size} bytes got a 500: error_page 413 names a location that"
            " does not exist. Use the same name for both, such as @too_long."
        )
        assert refused.status_code == 413 or "error" not in json_of(refused), (
            f"A prompt of {size} bytes: expected status 413, got {refused.status_code}"
            f" with {short(refused.text)}. Write only the location's name after"
            " error_page 413, without an =: that keeps the status."
        )
        assert refused.status_code == 413, (
            f"A prompt of {size} bytes: expected status 413, got {refused.status_code}."
            " Write client_max_body_size 64k;"
        )
        kind = refused.headers.get("Content-Type", "nothing")
        assert "error" not in json_of(refused) or kind.startswith(JSON), (
            f"A prompt of {size} bytes got a 413 whose JSON has the Content-Type"
            f" {kind}. Write default_type application/json; in the location that"
            " returns it."
        )
        assert "error" in json_of(refused), (
            f"A prompt of {size} bytes got a 413 with {short(refused.text)}, but"
            f" {REFUSED}. Let error_page 413 point to a location that returns one, with"
            " default_type application/json;"
        )
    answer = post(front, stream=False, prompt="a" * 40_000)
    assert answer.status_code == 200, (
        f"A prompt of 40000 bytes: expected status 200, got {answer.status_code}. The"
        " program accepts up to 64 KiB. Write client_max_body_size 64k;"
    )


def json_of(answer):
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def test_a_program_that_is_gone_is_a_502_as_json(folder, tmp_path):
    """If the program is gone, the answer is a 502 as JSON."""
    with nginx(folder, tmp_path, free_port()) as front:
        answer = post(front, stream=False)
        too_long = post(front, stream=False, prompt="a" * 70_000)
    assert answer.status_code != 500, (
        "The program was not running, and nginx answered 500: error_page 502 504 names"
        " a location that does not exist. Use the same name for both, such as @gone."
    )
    assert answer.status_code in (502, 503) and "error" in json_of(answer), (
        f"The program was not running, and nginx answered {answer.status_code} with"
        f" {short(answer.text)}, but {REFUSED}. Let error_page 502 504 point to a"
        " location that returns one."
    )
    kind = answer.headers.get("Content-Type", "nothing")
    assert kind.startswith(JSON), (
        "The program was not running, and nginx answered with JSON that has the"
        f" Content-Type {kind}. Write default_type application/json; in the location"
        " that returns it."
    )
    sentence = json_of(answer)["error"]
    assert json_of(too_long).get("error") != sentence, (
        "nginx sent the same sentence when the program was not running and when a"
        f" prompt was too long: {short(sentence)}. A reader can change only the prompt."
        " Give each a location of its own, with a sentence that says what to do."
    )


def test_a_program_that_says_nothing_is_a_504_as_json(folder, tmp_path):
    """If the program says nothing, the answer is a 504 as JSON."""
    with socket.create_server(("127.0.0.1", 0)) as silent:  # which takes, and waits
        port = silent.getsockname()[1]
        with nginx(folder, tmp_path, port, silence="300ms") as front:
            answer = post(front, stream=False)
    assert answer.status_code >= 500 and "error" in json_of(answer), (
        "The program was silent for longer than nginx waits, and nginx answered"
        f" {answer.status_code} with {short(answer.text)}, but {REFUSED}. Let"
        " error_page 502 504 point to a location that returns one for both."
    )


def test_nginx_waits_longer_than_the_program_does(folder):
    text = re.sub("#.*", "", configuration(folder))
    for time in re.findall(r"proxy_read_timeout\s+[\"']?(\w+)", text):
        assert seconds_in(time) > 30, (
            f"nginx gives up after {time} of silence. The program waits 30 s for its"
            " model and then says why, so nginx must wait longer. Write"
            " proxy_read_timeout 60s;"
        )


def test_a_reader_who_stops_reading_cannot_hold_nginx_for_long(folder):
    text = re.sub("#.*", "", configuration(folder))
    times = re.findall(r"\bsend_timeout\s+[\"']?(\w+)", text)
    other = ""
    if "proxy_send_timeout" in text:
        other = (
            " proxy_send_timeout applies between nginx and the program, not between"
            " nginx and the reader."
        )
    assert times, (
        "nginx.conf does not say how long nginx waits for a reader who stops reading"
        f" without leaving.{other} Write send_timeout 30s; in server."
    )
    for time in times:
        assert 0 < seconds_in(time) <= 300, (
            f"If a reader stops reading without leaving, nginx waits {time}. That keeps"
            " a thread and the model busy all that time. Write send_timeout 30s;"
        )


def seconds_in(time):
    """Return the seconds in a time as nginx writes it, such as 90 or 1m30s."""
    units = {"ms": 0.001, "m": 60, "h": 3600, "d": 86400}
    parts = re.findall(r"(\d+)([a-z]*)", time)
    return sum(int(number) * units.get(unit, 1) for number, unit in parts)


def test_the_same_works_over_tls(front, seen, folder, answer_with):
    """The same works over TLS."""
    answer_with("one", " two")
    assert has_port(configuration(folder), 8443), (
        "nginx.conf has no port 8443, for readers who use TLS. Write listen"
        " 127.0.0.1:8443 ssl;"
    )
    try:
        answer = requests.post(
            f"{front.secure}/ask",
            json={"prompt": "Hi"},
            verify=str(front.certificate),
            timeout=PATIENCE,
        )
    except requests.RequestException as error:
        raise AssertionError(
            f"No answer over TLS ({type(error).__name__}). Write listen 127.0.0.1:8443"
            " ssl; with ssl_certificate and ssl_certificate_key."
        ) from None
    assert (answer.status_code, answer.text) == (200, "one two"), (
        "Over TLS, expected the answer 'one two' with status 200, got"
        f" {answer.status_code} with {short(answer.text)}. Write listen 127.0.0.1:8443"
        " ssl; in the same server as listen 127.0.0.1:8080;"
    )


# behind_nginx.py


def from_nginx(client, address, path="/ask", **headers):
    """Send what nginx sends for a reader at an address."""
    known = {"X-Forwarded-For": address, "X-Forwarded-Proto": "https"} | headers
    if path == "/ask":
        return client.post(path, json={"prompt": "Hi"}, headers=known)
    return client.get(path, headers=known)


def test_the_program_knows_the_address_of_its_reader(client, seen):
    from_nginx(client, READER, "/")
    known = seen[-1].address
    assert known == READER, (
        f"nginx said that the reader is at {READER}, but the program sees every reader"
        f" at {known}. Write app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)."
    )
    from_nginx(client, f"6.6.6.6, {READER}", "/")
    known = seen[-1].address
    assert known == READER, (
        "There is one proxy, so anybody may have written the part of '6.6.6.6,"
        f" {READER}' before the last address. The program sees the reader at {known}."
        " Write ProxyFix(app.wsgi_app, x_for=1, x_proto=1)."
    )
    assert seen[-1].scheme == "https", (
        "nginx said that the reader used https, but the program sees"
        f" {seen[-1].scheme}. Write ProxyFix(app.wsgi_app, x_for=1, x_proto=1)."
    )


def test_nobody_can_forge_an_address(front, seen, folder):
    forged = {"X-Forwarded-For": "6.6.6.6"}
    requests.get(front.url, headers=forged, timeout=PATIENCE)
    assert seen, (
        "GET / did not reach the program through nginx. Write proxy_pass in location /."
    )
    assert seen[-1].address == "127.0.0.1", (
        "A reader at 127.0.0.1 sent X-Forwarded-For: 6.6.6.6, and the program sees the"
        f" address {seen[-1].address}. A reader that can choose an address has no"
        " limit. nginx needs proxy_set_header X-Forwarded-For"
        f" $remote_addr;{inherited(folder, 'X-Forwarded-For', '[$]remote_addr')}"
    )
    believed = seen[-1]
    for name, value, parameter in [
        ("X-Forwarded-Host", "foreign.example", "x_host"),
        ("X-Forwarded-Port", "6666", "x_port"),
        ("X-Forwarded-Prefix", "/forged", "x_prefix"),
    ]:
        page = requests.get(front.url, headers={name: value}, timeout=PATIENCE)
        known = seen[-1].host, seen[-1].prefix
        assert page.status_code == 200 and known == (believed.host, believed.prefix), (
            f"A reader sent {name}: {value}, and the program believes it, because"
            " nginx.conf does not replace it. Write ProxyFix(app.wsgi_app, x_for=1,"
            f" x_proto=1), without {parameter}."
        )
    forged = {"X-Forwarded-Proto": "https"}
    requests.get(front.url, headers=forged, timeout=PATIENCE)
    assert seen[-1].scheme == "http", (
        "A reader used http and sent X-Forwarded-Proto: https, and the program believes"
        " it. Write proxy_set_header X-Forwarded-Proto $scheme;"
    )
    certificate = str(front.certificate)
    requests.get(front.secure, verify=certificate, timeout=PATIENCE)
    assert seen[-1].scheme == "https", (
        f"A reader used https, but the program sees {seen[-1].scheme}. Write"
        " proxy_set_header X-Forwarded-Proto $scheme;"
    )


def ask_until_refused(client, most, addresses):
    """Ask as often as is allowed, and once more; return the last answer and its number.

    `addresses` are what nginx says of the reader, one after the other.
    """
    for number in range(1, most + 2):
        try:
            answer = from_nginx(client, addresses[number % len(addresses)])
        except TooManyRequests as error:
            error.add_note(
                "An error handler returns the answer instead of raising another error."
                " Write return as_json(TooManyRequests(...))."
            )
            raise
        if answer.status_code != 200:
            return answer, number
    return answer, most + 1


def per_minute(seconds):
    """Say what makes a time too long, or nothing."""
    if seconds.isdecimal() and int(seconds) in (3600, 3601, 86400, 86401):
        return " The limit is per minute."
    return ""


def how_to_limit(program, status):
    """Say what may be missing in a program that does not refuse with a 429."""
    if status != 200:
        return "Return as_json(TooManyRequests(sentence, retry_after=seconds))."
    if not program.app.extensions.get("limiter"):
        return "No Limiter got the app. Does stand_behind_nginx call your function?"
    return 'limiter.limit(...) takes the view "ask" and returns it with a limit.'


def test_asking_too_often_is_refused_with_a_sentence(client, program, answer_with):
    model = answer_with("one")
    most = program.app.config["ASKS_A_MINUTE"]
    refused, number = ask_until_refused(client, most, [EAGER])
    assert refused.status_code == 429, (
        f"Expected status 429 after {most} questions from one address within a minute."
        f" Question {number} got a {refused.status_code} with {short(refused.text)}."
        f" {how_to_limit(program, refused.status_code)}"
    )
    assert number == most + 1, (
        f"ASKS_A_MINUTE is {most}, but question {number} within a minute was refused."
        " Count each address separately, and each question once."
    )
    assert len(model.prompts) == most, (
        f"{most} questions were answered, but the program asked the model"
        f" {len(model.prompts)} times. Refuse before you ask the model."
    )
    seconds = refused.headers.get("Retry-After", "")
    assert seconds.isdecimal() and 1 <= int(seconds) <= 62, (
        "Expected Retry-After with the seconds until the reader may ask again, got"
        f" {seconds or 'nothing'}. Use limiter.current_limit.reset_at - time(), rounded"
        " up, in a function below"
        f" @app.errorhandler(RateLimitExceeded).{per_minute(seconds)}"
    )
    sentence = json_of_client(refused).get("error")
    assert isinstance(sentence, str) and len(sentence.split()) > 2, (
        f"The body of the 429 is {short(refused.text)}, but {REFUSED}. Make it with"
        " as_json(TooManyRequests(sentence, retry_after=seconds))."
    )
    assert not re.search(r"per \d+ (second|minute)", sentence), (
        f"The 429 says {sentence!r}: these are the limiter's words for its limit. Write"
        " your own sentence that says when the reader may ask again."
    )
    other = from_nginx(client, OTHER)
    assert other.status_code == 200, (
        f"One reader had asked too often, and another reader, at {OTHER}, got a"
        f" {other.status_code}. Apply the limit to each address, with"
        " get_remote_address."
    )
    page = from_nginx(client, EAGER, "/")
    assert page.status_code == 200, (
        "A reader had asked too often, and their page returned status"
        f" {page.status_code}. Limit only POST /ask."
    )


def test_a_busy_model_is_not_blamed_on_the_reader(client, answer_with):
    answer_with(ModelRateLimitError("no"))
    refused = from_nginx(client, THIRD)
    expected = RATE_LIMIT.sentence.partition("{")[0].strip()
    assert refused.status_code == 429 and expected in refused.text, (
        "The model was too busy, and the reader had asked only once. Expected a 429"
        f" with {expected!r}, got a {refused.status_code} with {short(refused.text)}."
        " Register your function for the limiter's error only:"
        " @app.errorhandler(RateLimitExceeded)."
    )


FEW = 3  # questions in a minute
# Headers in which other proxies send an address. Ours passes on what a reader sends.
ADDRESSES = [
    "X-Real-IP",
    "X-Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "Forwarded",
]


@pytest.fixture
def few(started_with, answer_with):
    """Return a client of the program, started with a lower limit for each address."""
    program = started_with(ASKS_A_MINUTE=FEW)
    answer_with("one")
    return program.app.test_client()


def test_the_limit_is_the_one_in_the_setting(few):
    refused, number = ask_until_refused(few, FEW, [READER])
    assert (refused.status_code, number) == (429, FEW + 1), (
        f"ASKS_A_MINUTE was {FEW} in .env, and question {number} from one address got a"
        f" {refused.status_code}. Use app.config['ASKS_A_MINUTE'] as the limit."
    )


def test_a_forged_address_does_not_get_round_the_limit(few):
    """A forged X-Forwarded-For does not get round the limit."""
    forged = [f"6.6.6.{number}, {READER}" for number in range(FEW + 1)]
    refused, _ = ask_until_refused(few, FEW, forged)
    assert refused.status_code == 429, (
        f"One reader, at {READER}, sent a different X-Forwarded-For with each question,"
        f" and was never refused. Only the last address comes from nginx: {forged[0]!r}"
        " starts with what anybody can write. Let ProxyFix take the last one:"
        " get_remote_address returns it."
    )


def test_no_other_header_gets_round_the_limit(few, folder):
    text = configuration(folder).lower()
    names = [name for name in ADDRESSES if name.lower() not in text]  # not set there
    for number in range(FEW + 1):
        forged = {name: f"6.6.6.{number}" for name in [*names, "User-Agent"]}
        answer = from_nginx(few, READER, **forged)
    assert answer.status_code == 429, (
        f"One reader, at {READER}, changed headers such as X-Real-IP and User-Agent"
        " with each question, and was never refused. nginx.conf does not set them, so"
        " anybody can. Tell readers apart with get_remote_address alone."
    )


@pytest.fixture
def later(few, program, monkeypatch):
    """Return a function that moves time.time() forward by some seconds.

    In between, time stands still: the checks know it to the fraction of a second.
    """
    now = clock.time
    times = [int(now()) + 0.85]

    def time():
        return times[-1]

    monkeypatch.setattr(clock, "time", time)
    for name, module in list(sys.modules.items()):
        is_its_own = name.startswith(few.application.import_name.rpartition(".")[0])
        if is_its_own and getattr(module, "time", None) is now:
            monkeypatch.setattr(module, "time", time)  # from time import time
    return lambda seconds: times.append(times[-1] + seconds)


def how_to_round_up(app):
    """Say why the time that a program told a reader may be too short."""
    limiters = app.extensions.get("limiter", ())
    if any(getattr(each, "_headers_enabled", False) for each in limiters):
        return "Remove headers_enabled: it replaces your Retry-After, rounded down."
    return "Round up with ceil: a moment too early is too early."


def test_a_minute_later_the_address_may_ask_again(few, later):
    first, _ = ask_until_refused(few, FEW, [READER])
    later(30.75)  # 29.25 s are left, which shows how they are rounded
    second = from_nginx(few, READER)
    if second.status_code == 429:  # otherwise a minute of the clock ended in between
        told, still = (int(each.headers["Retry-After"]) for each in (first, second))
        assert still < told, (
            f"The first 429 had Retry-After: {told}, and half a minute later another"
            f" had {still}. Expected the time that is left. Use"
            " limiter.current_limit.reset_at - time(), rounded up."
        )
        later(still)
        on_time = from_nginx(few, READER)
        assert on_time.status_code == 200, (
            f"A 429 had Retry-After: {still}. A reader came back after {still} s, and"
            f" was refused once more. {how_to_round_up(few.application)}"
        )
    else:
        third, _ = ask_until_refused(few, FEW, [READER])
        told = [int(each.headers.get("Retry-After", 0)) for each in (first, third)]
        assert third.status_code == 429 and told[0] <= 30 < told[1] + 5, (
            f"ASKS_A_MINUTE was {FEW}. That many questions were asked, and half a"
            " minute later one more was allowed. The two 429s had Retry-After:"
            f" {told[0]} and {told[1]}. Apply the limit per minute."
        )
    later(61)
    again = from_nginx(few, READER).status_code
    assert again == 200, (
        f"A minute after its last question, a reader got a {again}. Apply the limit per"
        " minute: after that time, earlier questions no longer count."
    )


def json_of_client(answer):
    found = answer.get_json(silent=True)
    return found if isinstance(found, dict) else {}


def how_to_answer(path, status, folder):
    """Say why a program may not answer a GET for a path."""
    view = f'@app.get("{path}")'
    if status not in (404, 405):
        return "If a view returns nothing but a dictionary, the status is 200."
    programs = [each.read_text(encoding="utf-8") for each in folder.glob("*.py")]
    if any(view in text for text in programs):
        return (
            f"The line {view} is there, but Python did not reach it. Check how far it"
            " is indented, and call its function in stand_behind_nginx."
        )
    return f"Write a view with {view}."


def client_of_a_copy(folder, model, tmp_path):
    """Start a copy of a program; return a client of it, and the file that stops it."""
    files = tmp_path / folder.name
    unneeded = shutil.ignore_patterns("__pycache__", "*.pem", "nginx-temp", "stopping")
    shutil.copytree(folder, files, ignore=unneeded)
    app = load(files, model).app
    return app.test_client(), app.config["STOPPING"]


def test_the_program_says_whether_it_is_alive_and_whether_it_is_ready(
    client, program, folder, answer_with, tmp_path, monkeypatch
):
    model = answer_with("one")
    stopping = tmp_path / "stopping"
    monkeypatch.setitem(program.app.config, "STOPPING", stopping)
    for path in "/health", "/ready":
        for _ in range(program.app.config["ASKS_A_MINUTE"] + 1):
            status = client.get(path).status_code
        assert status != 429, (
            f"GET {path} returned status 429: its requests are counted like questions."
            " Limit only the view of POST /ask."
        )
        assert (path, status) != ("/ready", 503), (
            "GET /ready: expected status 200, got 503. There is no file at"
            ' app.config["STOPPING"]. Call its exists(), with the parentheses.'
        )
        assert status == 200, (
            f"GET {path}: expected status 200 every time, got {status}."
            f" {how_to_answer(path, status, folder)}"
        )
    assert not model.prompts, (
        "The check asked whether the server is alive, but the program asked the model."
        " Answer without it."
    )
    stopping.touch()
    status = client.get("/ready").status_code
    if status == 200:  # it may have read the setting once, when it started
        copy, its_file = client_of_a_copy(folder, model, tmp_path)
        if its_file.is_relative_to(tmp_path):
            client, stopping = copy, its_file
            stopping.touch()
            status = client.get("/ready").status_code
    assert status == 503, (
        f"The file {stopping.name} exists, so the server is about to stop. GET /ready:"
        f' expected status 503, got {status}. Check app.config["STOPPING"].exists().'
    )
    status = client.get("/health").status_code
    assert status == 200, (
        f"The server is about to stop. GET /health: expected status 200, got {status}."
        " The server is still alive. If it denies that, it is killed, and its answers"
        " are lost."
    )
    status = from_nginx(client, THIRD).status_code
    assert status == 200, (
        "The server is about to stop, and a question that still arrived got a"
        f" {status}. /ready sends new readers elsewhere: answer the ones that are here."
    )
    stopping.unlink()
    status = client.get("/ready").status_code
    assert status == 200, (
        f"The file is gone again. GET /ready: expected status 200, got {status}. Check"
        " for the file at each request."
    )


# gunicorn.conf.py, and what every lesson after the eighth keeps


@pytest.fixture
def gunicorn_settings(folder):
    """Return the settings in the student's gunicorn.conf.py."""
    path = folder / "gunicorn.conf.py"
    assert path.exists(), (
        f"There is no {folder.name}/gunicorn.conf.py any more. Restore it."
    )
    return runpy.run_path(str(path))


def test_gunicorn_lets_answers_stream_and_nobody_round_nginx(gunicorn_settings):
    """gunicorn lets answers stream, and lets nobody get round nginx."""
    binds = gunicorn_settings.get("bind", "127.0.0.1:8000")
    for address in [binds] if isinstance(binds, str) else binds:
        assert re.match(r"127\.|localhost|\[::1\]|unix:", address), (
            f"gunicorn.conf.py binds {address}, which others can reach. Without nginx"
            " in between, they can send any X-Forwarded-For, and no limit applies to"
            ' them. Write bind = "127.0.0.1:8001"'
        )
    kind = gunicorn_settings.get("worker_class", "sync")
    assert kind != "sync" or gunicorn_settings.get("threads", 1) > 1, (
        "gunicorn.conf.py has the worker_class sync, which writes one answer at a time"
        ' while all others wait. Write worker_class = "gthread" with threads, or'
        ' "gevent"'
    )
    grace = gunicorn_settings.get("graceful_timeout", 30)
    assert grace >= 120, (
        f"gunicorn.conf.py has a graceful_timeout of {grace} s. An answer may take 120"
        " s, and a restart would cut it off. Write graceful_timeout = 130"
    )


def test_all_questions_are_counted_in_one_place(gunicorn_settings, program):
    workers = gunicorn_settings.get("workers", 1)
    limiters = program.app.extensions.get("limiter", ())
    storages = [str(getattr(each, "_storage_uri", "")) for each in limiters]
    in_memory = all(uri.startswith("memory:") or not uri for uri in storages)
    assert workers == 1 or not in_memory, (
        f"gunicorn.conf.py has {workers} workers, and each counts in its own memory, so"
        f" a reader may ask {workers} times as often. Write workers = 1, or a"
        " storage_uri that they share."
    )


def test_the_headers_and_limits_from_lesson_08_still_apply(client, answer_with):
    """The headers and limits from lesson 08 still apply."""
    a_body_that_is_too_large_is_refused(client, answer_with)
    a_foreign_name_gets_nothing(client, answer_with)
    a_foreign_page_gets_nothing(client, answer_with)
    whatever_is_not_a_prompt_is_refused(client, answer_with)
