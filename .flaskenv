# `flask run` reads this file. Your own settings (a key, a model) go in .env.
# macOS uses port 5000 itself.
FLASK_RUN_PORT=8000
# Werkzeug's debugger would end a broken answer as if it were complete.
FLASK_RUN_DEBUGGER=0
