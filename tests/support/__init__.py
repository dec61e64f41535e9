"""What the tests share: servers that stand for others, and readers of pages.

Whatever imports it, before anything of ours, never sees a student's key or settings.
"""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "tests" / "clients"
LIMIT = 20  # seconds; a test that waits longer has failed

for setting in list(os.environ):
    ours = "MODEL", "OPENAI_", "ANTHROPIC_", "ANSWER", "READERS_", "TRUSTED_", "REDIS_"
    others = "_API_KEY", "_PROXY"
    if setting.startswith(ours) or setting.upper().endswith(others):
        del os.environ[setting]
os.environ["PYTHON_DOTENV_DISABLED"] = "1"
