"""Arithmetic: recursions over packed arrays, compiled by Numba. See README.md in this folder for the contract."""
