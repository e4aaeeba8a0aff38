"""What was found, in words: results, reports, tables, and the catalogue in two languages."""
