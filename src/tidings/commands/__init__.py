"""What `tidings …` can do: one file a command. `tidings.cli` puts them together.

Heavy libraries are imported where a command uses them, not at the top: `tidings --help` is to answer at once.
"""
