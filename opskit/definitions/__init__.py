"""Definitions: YAML that people write, read strictly into the model values."""
