"""What the course knows of a student's work: its files and verdicts."""
