"""From values to bytes: feeds, pages, lists."""
