# Read by `flask run`. What is yours (a key, a model) belongs into .env.
# macOS keeps port 5000 for itself.
FLASK_RUN_PORT=8000
# Werkzeug's debugger would end a broken answer as if it were whole.
FLASK_RUN_DEBUGGER=0
