"""Scheduling: which checks run together, how often, and when first. Pure; the daemon in app owns the clock."""
