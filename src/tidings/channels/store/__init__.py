"""SQL of channels."""
