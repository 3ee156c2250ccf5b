"""`sens import`: a file of readings, read in bounded memory and brought in by the API."""
