"""The boundary to the web: conditional GET, the guard, politeness."""
