"""Noise for the daily totals, drawn by OpenDP; only the daily process loads it."""
