"""A program beside the notes: imported, kept up to date, and ended."""
