"""Whose pages may read the answers: our own, and those that ORIGINS names."""

import os
import re  # patterns: [,;\s]+ is one or more commas, semicolons or spaces


def open_to_origins(app):
    """Let pages of other origins read the answers, as in ORIGINS=http://localhost:3000."""
    words = re.split(r"[,;\s]+", os.environ.get("ORIGINS", "").lower())
    origins = [word.rstrip("/") for word in words if word]  # as browsers send them
    if origins:
        from flask_cors import CORS  # only those who need it have to install it

        CORS(app, resources="/ask", origins=origins, expose_headers="Retry-After")
