"""Judging: numbers and rules in, states out. Pure: no clock, no files, no network."""
