"""NATS and JetStream: the log of raw envelopes, its consumer, leases, live messages, source states.

The only importer of nats; its exceptions end here as those of `sens.stream.errors`.
"""
