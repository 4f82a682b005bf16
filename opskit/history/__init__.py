"""The memory: takes verdicts, states and flips from the judging side and hands them to notify, report and status."""
