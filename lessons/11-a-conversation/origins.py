"""Whose pages may read the answers: our own, and those that ORIGINS names."""

import os


def open_to_origins(app):
    """Let pages of other origins read the answers, as in ORIGINS=http://localhost:3000."""
    origins = os.environ.get("ORIGINS", "").split()
    if origins:
        from flask_cors import CORS  # only those who need it have to install it

        CORS(app, resources="/ask", origins=origins, expose_headers="Retry-After")
