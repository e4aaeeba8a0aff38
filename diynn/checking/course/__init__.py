"""The work of a course: course file, students, points, cache of verdicts, output files."""
