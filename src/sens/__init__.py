"""SENS Platform: every acknowledged reading kept, exactly once."""
