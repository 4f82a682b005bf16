"""Probes: each observes one subject. `collect` is the only I/O, `read` is pure, so live and replay judge alike."""
