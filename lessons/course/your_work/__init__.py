"""What the course knows of a student's work: its files, versions and verdicts."""
