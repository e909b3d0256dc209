"""What becomes of a label's text before a model learns it; kept in the bundle beside the weights.

Training, evaluation and the scorer read the same ``text_rules.json``, so that all three mean the
same by a transcript. Nothing that is said is ever dropped in silence: digits, spoken symbols and
tags that stand for unwritten speech stay in the text, where the data check finds them.
"""

from __future__ import annotations

import dataclasses
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from training.labels.spoken import FORMS, language_of, verbalise
from training.scoring.normalize import clean as plain

if TYPE_CHECKING:
    from training.labels.vocabulary import Vocabulary

FILE = "text_rules.json"
Case = Literal["auto", "lower", "upper", "keep"]
_CHOICES = {
    "case": ("auto", "lower", "upper", "keep"),
    "punctuation": ("remove", "keep"),
    "numbers": ("quarantine", "verbalise"),
}
# What pens and keyboards write for one sign. U+2212, the minus, is said: it is no dash.
_VARIANTS = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201b\u02bc\u02bb\u2032\u00b4`", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\u2039\u203a", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015", "-")
)
# Marks that nobody says. Slash, at sign, asterisk and the like may be said: they are not here.
_QUIET = frozenset(".,;:!?\u00a1\u00bf\"'()-\u201a\u060c\u061b\u061f\u0964\u0965\u3001\u3002")
_ELLIPSIS = re.compile(r"\.{2,}")
# A point inside a name is said: example.com. In U.S.A. it is not.
_SAID_POINT = re.compile(r"[^\W\d_]{2}\.[^\W\d_]{2}")
# Sounds that are no speech, by the names that corpora give them. Whatever else stands in brackets
# may be speech that nobody wrote down ([inaudible], <unk>), and is left for the data check.
_SOUND = (
    r"applause|beep|blank[ _]audio|breath(?:ing|s)?|(?:clears|clearing)[ _]throat|cough(?:ing|s)?"
    r"|(?:ex|in)hales?|gasps?|laugh(?:ing|s|ter)?|lip[ _]?smack|music|nois|noises?|nsn|pause"
    r"|(?:phone[ _])?ringing|sighs?|sil|silence|sneezes?|sniffs?|static"
    r"|throat[ _]clearing|vocali[sz]ed[- _]noise|yawns?"
)
_TAG = re.compile(rf"(?:\[|<|\{{|\()\s*(?:{_SOUND})\s*/?(?:\]|>|\}}|\))", re.IGNORECASE)
_QUOTED = re.compile(r"(?<!\w)'(?=\w)([^']*(?:(?<=\w)'(?=\w)[^']*)*)(?<=[\w.,!?])'(?!\w)")
# Two are enough for what people write.
_PASSES = 8
_DOTTED = {"tr", "az"}


class TextRulesError(ValueError):
    """Text rules that cannot be used; the message shows the key and what was found."""


@dataclass(frozen=True, kw_only=True)
class TextRules:
    """How labels are written; ``clean`` gives the same for a text that is clean already."""

    language: str = "en"
    """BCP 47 tag: whose numbers, and whose small and capital letters."""
    case: Case = "auto"
    """``auto`` is the vocabulary's case, and lower case until there is one (``fitted``)."""
    punctuation: Literal["remove", "keep"] = "remove"
    """Signs that nobody says."""
    numbers: Literal["quarantine", "verbalise"] = "quarantine"
    """Digits and symbols stay as they are for the data check, or are written as they are said."""
    keep: str = "'"
    """Signs that are a part of words and stay inside them, though punctuation is removed."""
    drop: str = ""
    """Further signs that nobody says in these labels."""

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise TextRulesError(
                    f"{name} is {getattr(self, name)!r}; expected {', '.join(choices)}"
                )
        if self.numbers == "verbalise" and language_of(self.language) not in FORMS:
            raise TextRulesError(
                f"numbers is 'verbalise', and how they are said in {self.language!r} is not known; "
                f"known: {', '.join(FORMS)}. Write numbers out in the labels, or use 'quarantine'"
            )
        if self.numbers == "verbalise" and any(c.isdigit() for c in self.keep + self.drop):
            raise TextRulesError(
                f"numbers is 'verbalise', and keep {self.keep!r} or drop {self.drop!r} has digits; "
                "expected one or the other"
            )

    def clean(self, text: str) -> str:
        """The text as a model learns it: single spaces, no signs but those that are kept."""
        # What one pass takes away can uncover what the next one knows: "< laughter. >".
        for _ in range(_PASSES):
            before, text = text, self._pass(text)
            if text == before:
                break
        return text

    def _pass(self, text: str) -> str:
        text = _letters(plain(text)).translate(_VARIANTS)
        text = text.translate(dict.fromkeys(map(ord, self.drop), " "))
        text = _TAG.sub(" ", text)
        if self.numbers == "verbalise":
            text = verbalise(text, self.language)
        if self.punctuation == "remove":
            text = self._without_marks(text)
        return plain(self._cased(text))

    def leftovers(self, text: str) -> str:
        """The characters of a clean text that may be said and are in no letters, sorted.

        Digits, symbols, brackets: a person decides what was said there.
        """
        quiet = _QUIET if self.punctuation == "keep" else frozenset()
        found = {c for c in text if not self._written(c) and c not in quiet}
        held = (word for word in text.split() if _SAID_POINT.search(word))
        return "".join(sorted(found | ({"."} if any(held) and not quiet else set())))

    def fitted(self, vocabulary: Vocabulary) -> TextRules:
        """The rules with the case that the vocabulary writes; only ``auto`` changes."""
        if self.case != "auto":
            return self
        uppers = any(letter.isupper() for letter in vocabulary.letters)
        lowers = any(letter.islower() for letter in vocabulary.letters)
        case: Case = "keep" if uppers and lowers else "upper" if uppers else "lower"
        return dataclasses.replace(self, case=case)

    def as_json(self) -> str:
        """The rules as one JSON object; also the hyperparameter ``text_rules``."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    def write(self, folder: Path) -> None:
        """Write ``text_rules.json`` into a model's folder."""
        (folder / FILE).write_text(self.as_json() + "\n", "utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The rules of a model's folder; the defaults where it has none.

        Raises:
            TextRulesError: naming the file, the key and what was found.
        """
        path = folder / FILE
        return cls.parse(path.read_text("utf-8"), name=str(path)) if path.is_file() else cls()

    @classmethod
    def parse(cls, text: str, *, name: str = "text_rules") -> Self:
        """The rules of a JSON object; keys that are not there have their defaults.

        Raises:
            TextRulesError: naming ``name``, the key and what was found.
        """
        try:
            given = json.loads(text)
        except ValueError as error:
            raise TextRulesError(f"{name}: not JSON ({error})") from error
        if not isinstance(given, Mapping):
            raise TextRulesError(f"{name}: found {text[:60]!r}; expected a JSON object")
        try:
            return cls.of(given)
        except TextRulesError as error:
            raise TextRulesError(f"{name}: {error}") from error

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """The rules of keys and values.

        Raises:
            TextRulesError: an unknown key, or a value of the wrong kind.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for key, value in given.items():
            if key not in known:
                near = get_close_matches(key, known, 1)
                hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
                raise TextRulesError(f"unknown key {key!r}; {hint}")
            if not isinstance(value, str):
                raise TextRulesError(f"{key} is {value!r}; expected a string")
        return cls(**given)

    def _written(self, character: str) -> bool:
        """Whether a clean text may hold the character."""
        letter = unicodedata.category(character)[0] in "LM"
        return letter or character == " " or character in self.keep

    def _without_marks(self, text: str) -> str:
        text = _ELLIPSIS.sub(" ", text)
        words = [word if self._held(word) else self._unmarked(word) for word in text.split()]
        return _unquoted(" ".join(words)) if "'" in self.keep else " ".join(words)

    def _held(self, word: str) -> bool:
        """Whether something in the word may be said: then it stays as it was written."""
        strange = any(not self._written(c) and c not in _QUIET for c in word)
        return strange or bool(_SAID_POINT.search(word))

    def _unmarked(self, word: str) -> str:
        return "".join(self._mark(word, index) for index in range(len(word)))

    def _mark(self, word: str, index: int) -> str:
        """The character at an index, or what stands for a sign that nobody says."""
        sign = word[index]
        if sign not in _QUIET:
            return sign
        before = index > 0 and word[index - 1] not in _QUIET
        after = index + 1 < len(word) and word[index + 1] not in _QUIET
        if sign in self.keep and ((before and after) or (sign == "'" and (before or after))):
            return sign
        # don't is one word; well-known is two.
        return "" if sign == "'" else " "

    def _cased(self, text: str) -> str:
        if self.case == "keep":
            return text
        dotted = language_of(self.language) in _DOTTED
        if self.case == "upper":
            return (text.replace("i", "İ") if dotted else text).upper()
        # Turkish and Azerbaijani: I is the capital of ı.
        return (text.replace("İ", "i").replace("I", "ı") if dotted else text).lower()


def _letters(text: str) -> str:
    """Letters, spaces, signs and digits in their plain forms (ﬁ as fi, Ａ as A), nothing else.

    NFKC on the whole would make x² the word x2 and ½ the fraction 1⁄2, which read otherwise.
    """
    if text.isascii():
        return text
    return "".join(
        unicodedata.normalize("NFKC", c)
        if unicodedata.category(c)[0] in "LZP" or c.isdecimal()
        else c
        for c in text
    )


def _unquoted(text: str) -> str:
    """The text without pairs of apostrophes that are quotation marks."""
    while (found := _QUOTED.sub(r"\1", text)) != text:
        text = found
    return text
