"""For developers: the command that makes the folder of a new lesson."""
