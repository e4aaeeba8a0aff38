"""Results, reports, tables and pages, and the messages in two languages."""
