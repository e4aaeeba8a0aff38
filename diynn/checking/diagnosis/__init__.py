"""Diagnosis: known mistakes, the readings of a loss, and the right formulas."""
