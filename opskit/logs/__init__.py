"""Reads logs and nothing else: files to lines, lines to requests and events. No clock, no network, no judgement."""
