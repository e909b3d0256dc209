"""Numbers and symbols as they are said, where a text leaves one way only to say them.

The words of numbers are num2words'; what is said for a symbol, and which forms have more than one
reading, stands in the table below. A form with several readings is left as it is: which of them
was said is in the sound, and a label that guesses wrong teaches the model an error. That goes for
years and house numbers (1984), fractions and dates (3/4), times (10:30), ranges (5-10), ordinals
outside English, digits in names (B2B), long digit strings, and numbers side by side (555 12 34).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, kw_only=True)
class SpokenForms:
    """How one language says what is not written in letters."""

    decimal: str
    """The mark before decimals; the other of ``,`` and ``.`` groups thousands."""
    point: str
    spells_decimals: bool
    """Whether decimals are said digit by digit: 3.14 as "three point one four"."""
    units: Mapping[str, tuple[str, str]]
    """What is said for a symbol beside a number: after one, and after any other."""
    words: Mapping[str, str]
    """What is said for a symbol between words."""
    scales: frozenset[str] = frozenset()
    """Words that stand between an amount and its currency: $5 million."""
    inflected: str = r"(?!)"
    """Whole numbers whose form depends on a noun that is not known here."""

    @cached_property
    def amount(self) -> re.Pattern[str]:
        """A number with the symbols before and behind it."""
        grouped = "," if self.decimal == "." else "."
        unit = "|".join(sorted(map(re.escape, self.units), key=len, reverse=True))
        return re.compile(
            rf"(?P<minus>\u2212?)(?P<before>{unit})?"
            rf"(?P<whole>[0-9]{{1,3}}(?:{re.escape(grouped)}[0-9]{{3}})+|[0-9]+)"
            rf"(?:{re.escape(self.decimal)}(?P<decimals>[0-9]+))?(?P<after>{unit})?",
            re.IGNORECASE,
        )


_EURO = {"€": ("euro", "euros")}
# "1" is ein, eins or eine, and so is the end of 21 and 101; 11 has one form.
_ENDS_IN_ONE = r"(?:.*[^1])?1"
# Hundreds have a gender too: doscientos, doscientas; duzentos, duzentas.
_HUNDREDS = r".*[2-9][0-9]{2}"

FORMS: Mapping[str, SpokenForms] = {
    "en": SpokenForms(
        decimal=".",
        point="point",
        spells_decimals=True,
        units={
            "%": ("percent", "percent"),
            "$": ("dollar", "dollars"),
            "£": ("pound", "pounds"),
            "¥": ("yen", "yen"),
            "°C": ("degree celsius", "degrees celsius"),
            "°F": ("degree fahrenheit", "degrees fahrenheit"),
            "°": ("degree", "degrees"),
            **_EURO,
        },
        words={"&": "and", "@": "at", "+": "plus", "=": "equals"},
        scales=frozenset({"hundred", "thousand", "million", "billion", "trillion"}),
    ),
    "de": SpokenForms(
        decimal=",",
        point="Komma",
        spells_decimals=True,
        units={
            "%": ("Prozent", "Prozent"),
            "€": ("Euro", "Euro"),
            "$": ("Dollar", "Dollar"),
            "°C": ("Grad Celsius", "Grad Celsius"),
            "°": ("Grad", "Grad"),
        },
        words={"&": "und", "+": "plus", "=": "gleich"},
        inflected=_ENDS_IN_ONE,
    ),
    "fr": SpokenForms(
        decimal=",",
        point="virgule",
        spells_decimals=False,
        units={"%": ("pour cent", "pour cent"), "$": ("dollar", "dollars"), **_EURO},
        words={"&": "et", "+": "plus", "=": "égale"},
        inflected=_ENDS_IN_ONE,
    ),
    "es": SpokenForms(
        decimal=",",
        point="coma",
        spells_decimals=False,
        units={"%": ("por ciento", "por ciento"), **_EURO},
        words={"&": "y", "+": "más", "=": "igual a"},
        inflected=f"{_ENDS_IN_ONE}|{_HUNDREDS}",
    ),
    "it": SpokenForms(
        decimal=",",
        point="virgola",
        spells_decimals=False,
        units={"%": ("per cento", "per cento"), "€": ("euro", "euro")},
        words={"&": "e", "+": "più", "=": "uguale"},
        inflected=_ENDS_IN_ONE,
    ),
    "nl": SpokenForms(
        decimal=",",
        point="komma",
        spells_decimals=False,
        units={"%": ("procent", "procent"), "€": ("euro", "euro"), "$": ("dollar", "dollar")},
        words={"&": "en", "+": "plus", "=": "is"},
        inflected=_ENDS_IN_ONE,
    ),
    "pt": SpokenForms(
        decimal=",",
        point="vírgula",
        spells_decimals=False,
        units={"%": ("por cento", "por cento"), **_EURO},
        words={"&": "e", "+": "mais", "=": "igual a"},
        inflected=rf"(?:.*[^1])?[12]|{_HUNDREDS}",
    ),
}
# Nobody says more digits than these as one number.
_LONGEST = 15
_OPENING, _CLOSING = "\"'(", "\"').,;:!?"
_ORDINAL = re.compile(r"([0-9]{1,4})(?:st|nd|rd|th)", re.IGNORECASE)
# A capital and an ampersand inside a word are a name: AT&T, R&D.
_INSIDE = re.compile(r"(?<=[^\W\d_])&(?=[^\W\d_])")


def language_of(tag: str) -> str:
    """The primary language of a BCP 47 tag: ``en`` for ``en-GB``."""
    return tag.replace("_", "-").split("-")[0].lower()


def verbalise(text: str, language: str) -> str:
    """The text with its numbers and symbols in words, ambiguous ones left as they are.

    ``language`` is a BCP 47 tag whose primary language is in ``FORMS``.
    """
    forms = FORMS[language_of(language)]
    tokens = text.split()
    said: list[str] = []
    index = 0
    while index < len(tokens):
        used, words = _said(tokens, index, forms, language_of(language))
        said.append(words)
        index += used
    return " ".join(said)


def _said(tokens: list[str], index: int, forms: SpokenForms, language: str) -> tuple[int, str]:
    """How many tokens are said from here, and how."""
    token = tokens[index]
    core = token.lstrip(_OPENING).rstrip(_CLOSING)
    lead = token[: len(token) - len(token.lstrip(_OPENING))]
    trail = token.lstrip(_OPENING)[len(core) :]
    if not core:
        return 1, token
    if core in forms.words:
        return 1, f"{lead}{forms.words[core]}{trail}"
    if _has_digit(core):
        if _beside_a_number(tokens, index):
            return 1, token
        following = tokens[index + 1 : index + 2] if not trail else []
        used, words = _number(core, following, forms, language)
        return (used, f"{lead}{words}{trail}") if words else (1, token)
    if "&" in forms.words:
        token = _INSIDE.sub(f" {forms.words['&']} ", token)
    return 1, token


def _has_digit(token: str) -> bool:
    return any(character.isdigit() for character in token)


def _beside_a_number(tokens: list[str], index: int) -> bool:
    """Whether the next token with a letter or digit, on either side, has a digit.

    Two numbers side by side may be one (10 500), and what parts them may be said (5 - 10).
    """
    sides = (range(index - 1, -1, -1), range(index + 1, len(tokens)))
    nearest = (next((i for i in side if not _is_punctuation(tokens[i])), None) for side in sides)
    return any(at is not None and _has_digit(tokens[at]) for at in nearest)


def _is_punctuation(token: str) -> bool:
    return not any(c.isalnum() for c in token) and not set(token) & set("%$€£¥°&@+=")


def _number(
    core: str, following: list[str], forms: SpokenForms, language: str
) -> tuple[int, str | None]:
    """How many tokens a number takes, and its words; None where it has several readings."""
    if language == "en" and (ordinal := _ORDINAL.fullmatch(core)):
        return 1, _ordinal(int(ordinal[1]), core)
    found = forms.amount.fullmatch(core)
    if found is None or (found["before"] and found["after"]):
        return 1, None
    number = _cardinal(found["whole"], found["decimals"], forms, language)
    if number is None:
        return 1, None
    return _with_unit(f"minus {number}" if found["minus"] else number, found, following, forms)


def _with_unit(
    number: str, found: re.Match[str], following: list[str], forms: SpokenForms
) -> tuple[int, str]:
    """The number with the symbol beside it, or with that of the next token: $5 million, 5 %."""
    units = {symbol.casefold(): names for symbol, names in forms.units.items()}
    unit = (found["before"] or found["after"] or "").casefold()
    plural = found["whole"] != "1" or bool(found["decimals"])
    ahead = following[0].rstrip(_CLOSING) if following else ""
    rest = following[0][len(ahead) :] if following else ""
    if found["before"] and ahead.casefold() in forms.scales:
        return 2, f"{number} {ahead} {units[unit][1]}{rest}"
    if unit:
        return 1, f"{number} {units[unit][plural]}"
    if ahead.casefold() in units:
        return 2, f"{number} {units[ahead.casefold()][plural]}{rest}"
    return 1, number


def _cardinal(written: str, decimals: str | None, forms: SpokenForms, language: str) -> str | None:
    """The number in words; None where there are several ways to say it."""
    digits = re.sub(r"[.,]", "", written)
    if len(digits) > _LONGEST or (len(digits) > 1 and digits[0] == "0"):
        return None
    whole = _words(int(digits), language)
    if decimals is None:
        return whole if _one_reading(written, digits, forms, language) else None
    if len(decimals) > 1 and not forms.spells_decimals:
        return None
    return f"{whole} {forms.point} {' '.join(_words(int(d), language) for d in decimals)}"


def _one_reading(written: str, digits: str, forms: SpokenForms, language: str) -> bool:
    """Whether a whole number is said one way: four digits may be a year, more a number plate."""
    if re.fullmatch(forms.inflected, digits):
        return False
    if written != digits or len(digits) < 4:
        return True
    number = int(digits)
    return len(digits) == 4 and _words(number, language) == _words(number, language, "year")


def _ordinal(number: int, written: str) -> str | None:
    if _words(number, "en", "ordinal_num") != written.lower():
        return None
    return _words(number, "en", "ordinal")


def _words(number: int, language: str, form: str = "cardinal") -> str:
    """num2words' reading without its hyphens and commas."""
    from num2words import num2words  # noqa: PLC0415

    words = str(num2words(number, lang=language, to=form))
    return words if form == "ordinal_num" else words.replace("-", " ").replace(",", "")
