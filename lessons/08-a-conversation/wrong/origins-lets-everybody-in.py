# A page at http://localhost:3000 may read the answers: they carry
# Access-Control-Allow-Origin: http://localhost:3000. Send it to pages that ORIGINS
# names.
"""Whose pages may read the answers: our own, and those that ORIGINS names."""

from flask_cors import CORS


def open_to_origins(app):
    """Let pages of other origins read the answers, as in ORIGINS=http://localhost:3000."""
    CORS(app)
