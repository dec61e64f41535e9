"""What the program does because it runs behind nginx, for many readers."""


def stand_behind_nginx(app):
    """Let the app know its readers, limit each, and say whether more may come."""
