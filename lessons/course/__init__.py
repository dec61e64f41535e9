"""All that is around the lessons: pages, commands, checks, the bad network."""
