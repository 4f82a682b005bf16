"""Triage: a playbook and what the probes found in, a diagnosis out. Pure: it runs no probe and reads no clock."""
