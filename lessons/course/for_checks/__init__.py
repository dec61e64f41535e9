"""All that a check.py may use: the program under test, its model, and shared checks."""
