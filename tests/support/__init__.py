"""What the tests share: servers that stand for others, and readers of pages."""
