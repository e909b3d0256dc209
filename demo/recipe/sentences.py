"""A seeded grammar of meeting talk: the text of everything that the demo says.

The sentences are made up of lower-case letters, spaces and apostrophes, from a closed vocabulary of
some 800 words, so that a model of 3.6 million parameters can learn them in an hour on two cores.
Real meetings are an open vocabulary: the model card says so, and `RESERVED` keeps some words out of
the pre-training so that words never heard in training can be counted apart.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from random import Random

MIN_WORDS = 4
MAX_WORDS = 14

_NAMES = (
    "alice andrew anna barbara brian carla charles claire daniel david diana edward elena emma "
    "felix fiona frank george grace hannah harold helen henry hugo irene isabel jack james jane "
    "joseph julia karen kevin laura linda louise lucas maria mark martin michael monica nancy "
    "nathan oliver olivia oscar patrick paula peter philip quentin rachel rebecca richard robert "
    "rosa samuel sandra sarah simon sophie stephen susan thomas victor vincent walter wendy xavier "
    "yvonne"
)
_TEAMS = (
    "finance marketing legal design research sales support operations security engineering "
    "planning purchasing training product quality logistics payroll compliance"
)
_PLACES = (
    "london paris berlin madrid boston chicago dublin geneva oslo vienna zurich toronto glasgow "
    "lisbon warsaw athens"
)
_WEEKDAYS = "monday tuesday wednesday thursday friday"
_MONTHS = "january february march april june july august september october november december"
_ONES = "two three four five six seven eight nine ten eleven twelve fifteen sixteen eighteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = (
    "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|"
    "fifteenth|eighteenth|twentieth"
)
_THINGS = (
    "budget|schedule|contract|forecast|agenda|invoice|proposal|prototype|website|database|report|"
    "survey|roadmap|server|release|campaign|brochure|warehouse|audit|policy|licence|platform|"
    "dashboard|backlog|checklist|newsletter|workshop|interview|presentation|spreadsheet|"
    "purchase order|price list|test plan|risk register|project plan|travel plan|office move|"
    "design review|customer survey|quarterly report|annual review|sales forecast|delivery date|"
    "security patch|mobile version|payment system|search page|login screen|help desk|"
    "staff handbook|job description|training course|press release|shipping label|phone system|"
    "heating system|coffee machine|meeting room|parking space|video link|board paper|"
    "exchange rate|tax return|energy bill|insurance claim|software upgrade|network failure|"
    "backup job|data model|user guide|final draft|summary"
)
_PLURALS = (
    "customers|suppliers|partners|engineers|managers|visitors|students|auditors|contractors|"
    "new colleagues|regional offices|board members|investors|volunteers|lawyers|designers"
)
_ADJECTIVES = (
    "late early ready expensive cheap complete unclear simple difficult important urgent useful "
    "broken finished missing wrong correct risky popular quiet obvious reasonable acceptable "
    "possible long short"
)
_ADVERBS = "quickly slowly carefully quietly together again today tomorrow yesterday soon online"
_TRANSITIVE = (
    "review|approve|finish|update|postpone|cancel|check|rewrite|discuss|publish|test|explain|"
    "prepare|send|share|improve|replace|measure|repair|simplify|translate|announce|compare|"
    "deliver|document|examine|fix|follow|launch|monitor|move|print|reject|schedule|sign|study|"
    "support|deploy|archive|own|present|question|reduce|buy|build|close|change|copy|defend|drop"
)
_PASTS = (
    "reviewed|approved|finished|updated|postponed|cancelled|checked|rewrote|discussed|published|"
    "tested|explained|prepared|sent|shared|improved|replaced|measured|repaired|translated|"
    "announced|compared|delivered|signed|moved|rejected|fixed|bought|built|closed|changed|lost|"
    "found|chose|brought|dropped|forgot"
)
_REASONS = (
    "the supplier is late|the numbers look wrong|nobody has time|the price went up|"
    "we lost two weeks|the weather was bad|the room was too small|the power went out|"
    "our guests arrive early|demand is growing|the old one is broken|the rules have changed|"
    "the team is too busy|half of the team is away|the figures are not final|"
    "the client asked for it|we need more evidence|sickness was high|the queue is too long|"
    "it saves a lot of money|we still trust the vendor|the deadline is close|"
    "the budget is gone|people keep asking|the machine stopped|the project began late|"
    "everyone agreed|the law requires it|the traffic doubled|we can't wait any longer"
)
_OPINIONS = (
    "that sounds good to me|i don't think so|that's a fair point|let's move on|"
    "i would rather wait|we should vote on it|i have no objection|it's worth a try|"
    "we've been here before|i couldn't agree more|that isn't realistic|you're probably right|"
    "they won't like it|it doesn't matter much|we'll see what happens|there's another way|"
    "he's already on it|she's out of the office|i'm not convinced|that wasn't the question|"
    "we haven't decided yet|let's keep it brief|please write that down|thank you very much|"
    "could you repeat that please|sorry i was on mute|can everybody hear me|"
    "let me share my screen|who is taking notes|what did we miss|where do we stand|"
    "why is this taking so long|how much will it cost|when does the contract end|"
    "is anybody against it|shall we begin|good morning everybody|welcome to the weekly meeting|"
    "that's all from my side|any other business|have a nice weekend|see you next week"
)
_JOINERS = "and|but|so|because|although|unless|while|before|after"


def _entries(text: str) -> tuple[str, ...]:
    """Entries between bars, or single words where there are no bars."""
    return tuple(text.split("|" if "|" in text else None))


_LISTS: Mapping[str, tuple[str, ...]] = {
    "name": _entries(_NAMES),
    "team": _entries(_TEAMS),
    "place": _entries(_PLACES),
    "weekday": _entries(_WEEKDAYS),
    "month": _entries(_MONTHS),
    "ones": _entries(_ONES),
    "tens": _entries(_TENS),
    "unit": _entries("one two three four five six seven eight nine"),
    "ordinal": _entries(_ORDINALS),
    "thing": _entries(_THINGS),
    "people": _entries(_PLURALS),
    "adj": _entries(_ADJECTIVES),
    "adv": _entries(_ADVERBS),
    "do": _entries(_TRANSITIVE),
    "did": _entries(_PASTS),
    "reason": _entries(_REASONS),
    "opinion": _entries(_OPINIONS),
    "joiner": _entries(_JOINERS),
    "det": ("the", "the", "the", "our", "this", "their", "your", "every", "another"),
    "currency": ("euros", "dollars", "pounds"),
    "will": ("will", "should", "can", "must", "might", "wants to", "agreed to", "needs to"),
    "who": ("we", "they", "you", "i", "some of us", "most people"),
    "whowill": ("we will", "they will", "you should", "i can", "we could", "we must", "i'd like to",
                "we need to", "they want to", "nobody can", "i'll", "we'll", "they'll"),
    "be": ("is", "was", "looks", "seems", "became", "isn't", "wasn't"),
    "number": ("<ones>", "<tens>", "<tens> <unit>", "<ones> hundred", "a dozen"),
    "amount": ("<number> thousand <currency>", "<ones> hundred <currency>", "<tens> <currency>",
               "<ones> million <currency>"),
    "percent": ("<number> percent", "half", "a quarter", "two thirds"),
    "time": ("at <ones> o'clock", "at half past <unit>", "at a quarter to <unit>", "before lunch",
             "in the morning", "in the afternoon", "at noon", "this evening"),
    "date": ("on <weekday>", "by <weekday>", "next <weekday>", "in <month>", "on <weekday> <time>",
             "on the <ordinal> of <month>", "before <month> <ordinal>", "by the end of <month>",
             "next week", "this quarter", "last year"),
    "span": ("<ones> days", "<ones> weeks", "<ones> hours", "<tens> minutes", "<ones> months"),
    "owner": ("<name>", "<name>", "<name> from <team>", "the <team> team", "<name> and <name>",
              "the <place> office"),
    "object": ("<det> <thing>", "<det> <thing>", "the <adj> <thing>", "<name>'s <thing>",
               "the <thing> for <place>", "the <thing> for the <people>", "the <team> <thing>"),
    "clause": ("<owner> <did> <object>", "<reason>", "<object> <be> <adj>", "<who> <did> <object>",
               "<whowill> <do> <object>", "the <people> <did> <object>"),
    "sentence": (
        "<owner> <will> <do> <object> <date>", "<owner> <will> <do> <object> <date>",
        "<whowill> <do> <object> <date>", "<whowill> <do> <object> <adv>",
        "<owner> <did> <object> <date>", "<owner> <did> <object> <adv>",
        "<object> <be> <adj> <joiner> <reason>", "<object> <be> <adj> <joiner> <clause>",
        "<object> costs <amount> <date>", "<who> spent <amount> on <object>",
        "<object> <be> <percent> above the plan", "sales in <place> went up by <percent> <date>",
        "costs in <month> fell to <amount>", "the next meeting is <date> in <place>",
        "the meeting in <place> starts <time>", "<owner> is the owner of <object>",
        "<clause> <joiner> <clause>", "<opinion>", "<opinion> <name>",
        "<opinion> <joiner> <reason>",
        "decision number <number> is to <do> <object>", "action for <owner> is to <do> <object>",
        "the deadline for <object> is <date>", "<object> takes <span> <joiner> <reason>",
        "has <name> <did> <object> yet", "did <owner> <do> <object> <date>",
        "can <owner> <do> <object> <date>", "<number> <people> asked about <object> <date>",
        "the <people> in <place> waited <span>", "<name> please <do> <object> <date>",
        "item <number> on the agenda is <object>", "let's <do> <object> <joiner> <reason>",
        "we expect <number> <people> <date>", "<date> <owner> <will> <do> <object>",
        "<name> said that <clause>", "i think <clause>", "room <number> is booked <date>",
        "<name> joins us from <place> <time>", "the <team> team lost <percent> of its budget",
        "<do> <object> and then <do> <object>",
    ),
}  # fmt: skip

# Words the pre-training never hears; only the open-vocabulary check speaks them.
RESERVED: Mapping[str, tuple[str, ...]] = {
    "name": _entries("agatha bernard cynthia dominic gloria leonard margaret rupert"),
    "place": _entries("bristol hamburg lyon naples"),
    "team": _entries("hospitality pharmacy"),
    "thing": _entries("microscope|calendar|furniture|telescope|catering menu|garden fence"),
}

_SLOT = re.compile(r"<(\w+)>")


def sentence(rng: Random, *, reserved: bool = False) -> str:
    """One sentence of 4–14 words; with `reserved`, at least one word outside the vocabulary."""
    lists = {**_LISTS, **RESERVED} if reserved else _LISTS
    fresh = {word for entries in RESERVED.values() for entry in entries for word in entry.split()}
    while True:
        text = _expand("<sentence>", rng, lists)
        words = text.split()
        if MIN_WORDS <= len(words) <= MAX_WORDS and (not reserved or fresh.intersection(words)):
            return text


def distinct(rng: Random, *, reserved: bool = False) -> Iterator[str]:
    """Sentences without end, none twice."""
    seen: set[str] = set()
    while True:
        text = sentence(rng, reserved=reserved)
        if text not in seen:
            seen.add(text)
            yield text


def vocabulary() -> frozenset[str]:
    """Every word that the grammar can say, without the reserved ones."""
    entries = (entry for entries in _LISTS.values() for entry in entries)
    words = {word for entry in entries for word in _SLOT.sub(" ", entry).split()}
    possessives = {f"{name}'s" for name in _LISTS["name"]}
    return frozenset((words | possessives) - {"'s"})


def _expand(text: str, rng: Random, lists: Mapping[str, tuple[str, ...]]) -> str:
    while match := _SLOT.search(text):
        choice = rng.choice(lists[match[1]])
        text = text[: match.start()] + choice + text[match.end() :]
    return text
