"""Words of up to six letters, as symbols."""

import numpy as np

from hmmseq.bio import DNA
from hmmseq.bio.words import LENGTH, NUMBER, WIDTH, encode_words, reverse_complements


def test_a_symbol_is_the_longest_known_word():
    symbols = encode_words(DNA.encode("ACGTNACGTACGT"))
    assert LENGTH[symbols].tolist() == [1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 6, 6, 6]
    for position, symbol in enumerate(symbols):
        word = "ACGTNACGTACGT"[position + 1 - LENGTH[symbol] : position + 1]
        assert NUMBER[symbol] == sum(int(c) * 4**i for i, c in enumerate(reversed(DNA.encode(word))))


def test_a_reverse_complement_twice_is_the_word():
    other = reverse_complements(WIDTH)
    atg, cat = (int(DNA.encode(text) @ np.array([16, 4, 1], np.uint8)) for text in ("ATG", "CAT"))
    assert (other[other] == np.arange(4**WIDTH)).all() and reverse_complements(3)[atg] == cat
