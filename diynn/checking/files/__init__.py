"""Files of students: find their classes, run them in worker processes, and judge them."""
