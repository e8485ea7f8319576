"""Other libraries' interfaces over hmmseq: change an import, keep the script."""
