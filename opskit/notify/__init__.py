"""Telling people: takes unsent flips from history, decides which are news, and hands those to a channel."""
