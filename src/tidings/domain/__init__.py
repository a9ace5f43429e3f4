"""Values and decisions: frozen, pure, the standard library only; `now` is an argument."""
