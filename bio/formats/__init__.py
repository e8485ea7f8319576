"""Files of sequences, annotation and tracks: reading, writing, and finding out which format one is in."""
