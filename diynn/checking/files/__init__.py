"""Files of students: finding their classes, building them, and judging each in a process of its own."""
