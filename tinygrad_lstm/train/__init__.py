"""Training a character model on real text, and the report of what was learned."""
