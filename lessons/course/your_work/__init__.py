"""What the course knows about a student's work: its files and verdicts."""
