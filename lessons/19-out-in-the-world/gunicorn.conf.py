"""How gunicorn runs the program: gunicorn finds this file by the name after -c.

Each name here is one of gunicorn's settings.
"""

from dotenv import load_dotenv

load_dotenv()  # the settings in .env, which `flask run` reads by itself

bind = "127.0.0.1:8001"  # nginx on this machine reaches it, and nobody else
# This class has a thread for each answer. With "gevent", any number of answers take
# turns in one thread. The default, "sync", writes one answer at a time: others wait.
worker_class = "gthread"
threads = 100  # answers at once, and a few for the page
workers = 1  # one process: what the limiter counts is in its memory
# On a restart, the answers that are being written have this many seconds to end.
graceful_timeout = 130
keepalive = 75  # longer than nginx keeps a connection that it may use again
