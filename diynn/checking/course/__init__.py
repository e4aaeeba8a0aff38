"""A course: what is asked for and what it is worth, who its students are, and what is written of them."""
