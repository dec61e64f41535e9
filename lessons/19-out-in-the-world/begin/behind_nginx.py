"""What the program does because it stands behind nginx, before many readers."""


def stand_behind_nginx(app):
    """Let the app know its readers, limit each, and say whether more may come."""
