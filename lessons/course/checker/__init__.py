"""The checks of a program: run in a Python of their own, and reported one by one."""
