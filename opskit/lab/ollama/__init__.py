"""Ollama's native API over runner processes of its own, with its log and its faults."""
