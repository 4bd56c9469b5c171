"""Files that a business uploads to go with its messages: looked at, kept once, handed out."""
