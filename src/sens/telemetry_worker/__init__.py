"""JetStream → PostgreSQL: decodes envelopes in batches and stores each of their messages once."""
