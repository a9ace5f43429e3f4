"""From bytes to clean values, in children that can be killed."""
