"""What the program does because it runs behind nginx, for many readers."""

from math import ceil
from time import time

from flask_limiter import Limiter, RateLimitExceeded
from flask_limiter.util import get_remote_address
from werkzeug.exceptions import TooManyRequests
from werkzeug.middleware.proxy_fix import ProxyFix

from failures import as_json


def stand_behind_nginx(app):
    """Let the app know its readers, limit each, and say whether more may come."""
    # The app trusts one proxy, nginx. With more, it would trust what readers claim.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)
    limit_each_address(app)
    tell_how_it_is(app)


def limit_each_address(app):
    """Refuse an address that asks too often, and say when it may ask again."""
    limiter = Limiter(get_remote_address, app=app, storage_uri="memory://")
    limit = limiter.limit(f"{app.config['ASKS_A_MINUTE']} per minute")
    app.view_functions["ask"] = limit(app.view_functions["ask"])

    @app.errorhandler(RateLimitExceeded)
    def asks_too_often(error):
        seconds = ceil(limiter.current_limit.reset_at - time())
        sentence = f"You ask too often: ask again in {seconds} s."
        return as_json(TooManyRequests(sentence, retry_after=seconds))


def tell_how_it_is(app):
    """Say whether the program is alive, and whether it can take more readers."""

    @app.get("/health")
    def health():
        return {"alive": True}

    @app.get("/ready")
    def ready():
        if app.config["STOPPING"].exists():
            return {"error": "This server is about to stop."}, 503
        return {"ready": True}
