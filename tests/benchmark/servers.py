"""Who takes part in the benchmark, and how each is started."""

import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@dataclass
class Server:
    """A command that serves the route /ask, and the package that it needs."""

    command: str
    needs: str = "flask"
    folder: Path = ROOT

    def start(self, port, readers, provider):
        """Start it on the port, for so many readers; return the process."""
        values = {"python": sys.executable, "port": port, "room": readers + 100}
        settings = {
            "PORT": str(port),
            "NODE_ENV": "production",
            "PYTHONPATH": str(HERE),
            "MODEL": "openai:benchmark",
            "OPENAI_BASE_URL": provider,
            "ANSWERS_AT_ONCE": str(readers),
        }
        return subprocess.Popen(
            [word.format(**values) for word in self.command.split()],
            cwd=self.folder,
            env=without_proxies(os.environ) | settings,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def missing(self):
        """Return why it cannot take part, or an empty text."""
        if self.needs == "node":
            installed = (HERE / "node_modules").exists()
            return "" if installed else "npm ci --prefix tests/benchmark"
        return "" if find_spec(self.needs) else f"pip install {self.needs}"


def without_proxies(environment):
    """Return an environment in which no proxy stands before the provider."""
    return {
        name: value
        for name, value in environment.items()
        if not name.lower().endswith("_proxy")
    }


FLASK = "{python} -m flask --app %s run --port {port}"
GUNICORN = """{python} -m gunicorn --bind 127.0.0.1:{port} --worker-class %s
    --threads {room} --worker-connections {room} %s:app"""
PEER = "Express, LangChain.js"
LIBRARY = "library_client"  # our program without fast/: see its file
SERVERS = {
    PEER: Server("node express.mjs", "node", HERE),
    "flask run": Server(FLASK % "app"),
    "gunicorn, gthread": Server(GUNICORN % ("gthread", "app"), "gunicorn"),
    "gunicorn, gevent": Server(GUNICORN % ("gevent", "app"), "gevent"),
    "flask run, no fast/": Server(FLASK % LIBRARY),
    "gthread, no fast/": Server(GUNICORN % ("gthread", LIBRARY), "gunicorn"),
    "gevent, no fast/": Server(GUNICORN % ("gevent", LIBRARY), "gevent"),
}
