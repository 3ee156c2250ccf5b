"""Payload bytes → readings in columns: a file per format, all pure. `registry.DECODERS` lists them."""
