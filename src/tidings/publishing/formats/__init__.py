"""The formats of feeds and lists, one a module; `registry` lists them."""
