"""How the tests start Chromium."""

FLAGS = """
    --headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run
    --disable-background-networking --disable-component-update --disable-sync
    --disable-back-forward-cache
""".split()  # noqa: SIM905
