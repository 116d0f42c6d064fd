"""Plans by topic."""
