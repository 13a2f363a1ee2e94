#!/usr/bin/env python3
"""Writes tests/shared/import/tokenizer.json, a byte-level BPE that Hugging Face's tokenizers learned from a few lines,
and tokenizer_texts.json: texts of several scripts with the tokens that it makes of them.

    pip install tokenizers && python tools/parity/tokenizer_fixture.py
"""

import json
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

OUT = Path(__file__).resolve().parents[2] / "tests" / "shared" / "import"
LINES = ["the cat sat on the mat", "the dog ate the bone, didn't it?", "she'll sell 1234 sea shells", "naïve café",
         "  two spaces\tand a tab\n\nlines", "the theme of the thesis"] * 3
TEXTS = ["the cat", " the  cat", "they'll don't WE'RE", "a\n\n b \t c  ", "12 345½ Ⅷ x²", "naïve café – “quote”",
         "日本語のテキスト", "हिन्दी में लिखा", "Ⓐ🅐 and 😀!", "\u00a0nbsp\u3000wide", "", "   ", "e\u0301 combining",
         "<|endoftext|", "tab\there", "\u0bcd\u0cc0 marks"]


def main():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=["<|endoftext|>"], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(LINES, trainer)
    tokenizer.save(str(OUT / "tokenizer.json"), pretty=False)
    made = [{"text": text, "tokens": tokenizer.encode(text).ids} for text in TEXTS]
    (OUT / "tokenizer_texts.json").write_text(json.dumps(made, indent=None) + "\n")
    print((OUT / "tokenizer.json").stat().st_size, made[:3])


if __name__ == "__main__":
    main()
