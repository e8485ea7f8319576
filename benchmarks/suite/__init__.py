"""The engine beside every rival, on the same data in the same run: `make bench`."""
