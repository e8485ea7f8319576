"""Genes without introns: bacteria, archaea and their phages."""
