"""End the installation with a sentence. Any Python 3 can read this file."""

import sys

sys.exit(
    "Word by Word needs Python 3.11 or later, and this is Python {}.{}: install a"
    " newer one from python.org, delete the folder .venv, and paste the command"
    " again.".format(*sys.version_info)
)
