"""Envelopes → batches: the messages of each, by which rule they are decoded, and the series of their readings."""
