"""What proteins look like along their chains."""
