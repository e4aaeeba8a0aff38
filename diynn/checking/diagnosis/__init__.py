"""What was done wrong: known mistakes, the readings of a loss, and the line that should stand there."""
