"""Showing: values in, text out. Nothing here reads or writes; the command line prints what it gets."""
