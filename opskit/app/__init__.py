"""Use cases: each wires the rooms below for one command. The only room that reads the clock."""
