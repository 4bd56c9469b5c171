"""Routes: ordered channels with rules, and what follows when a channel does not bring a message to its recipient."""
