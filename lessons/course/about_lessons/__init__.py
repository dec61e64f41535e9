"""What the course knows of its lessons: their order, their files, and their answers."""
