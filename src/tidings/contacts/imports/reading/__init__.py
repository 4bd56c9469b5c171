"""Reads an uploaded file into rows with verdicts. Runs in a process of its own (`python -m tidings.contacts.imports.reading`):
a file made to eat memory or time, or to crash a parser, ends that process and nothing else."""
