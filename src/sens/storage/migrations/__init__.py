"""The schema's history: a pair of files a revision in `versions/`, SQL and the few lines that run it."""
