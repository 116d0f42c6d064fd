"""A run held against something else: clusters that really exist."""
