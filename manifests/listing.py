"""What an archive holds, however large it is: listed in parallel, or read from an S3 Inventory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain, islice

from manifests.inventory import newest_inventory
from manifests.parallel import PARALLEL, in_order
from manifests.s3_store import S3Store
from manifests.storage import Store, StoredObject

# Enough stretches that none of the requests at a time waits for a long one.
_STRETCHES = 8 * PARALLEL
PAGE = 1000  # objects in one answer of S3
_DEEPEST = 6
_MOST_NAMES = 5000  # five requests


def list_archive(store: Store, prefix: str = "") -> Iterator[StoredObject]:
    """Every object below ``prefix``, sorted by key.

    A bucket is listed a thousand objects at a time, one request after the other; stretches of keys
    between folders are listed side by side. A flat bucket has none, and takes its time.
    """
    if not isinstance(store, S3Store):
        yield from store.list(prefix)
        return
    first = list(islice(store.list(prefix), PAGE + 1))
    if len(first) <= PAGE:
        yield from first
        return
    borders = _borders(store, prefix)
    stretches = zip(["", *borders], [*borders, None], strict=True)
    for found in in_order(
        lambda ends: store.stretch(prefix, after=ends[0], before=ends[1]), stretches
    ):
        yield from found


def _borders(store: S3Store, prefix: str) -> list[str]:
    """Names of folders, sorted, from as deep as it takes to have enough; never very many."""
    level: list[str] = []
    below = [prefix]
    for _ in range(_DEEPEST):
        names = in_order(lambda one: list(islice(store.folders(one), _MOST_NAMES)), below)
        below = list(chain.from_iterable(names))
        level = below or level
        if not below or len(level) >= _STRETCHES:
            break
    return sorted(level)[:: max(1, len(level) // _STRETCHES)]


def inventoried(store: Store, location: str, recent: str, *, now: datetime) -> list[StoredObject]:
    """Every object by the newest inventory, and a live listing of what may have come since.

    ``recent`` is the beginning of a recording's path by its day, as ``strftime`` writes it
    (``%Y/%m/%d/``). Below it the live listing alone counts, from the day before the inventory was
    begun until a day after ``now``.

    Raises:
        InputError: there is no inventory, or one without what is needed.
    """
    inventory = newest_inventory(store, location)
    found = {one.key: one for one in inventory.objects()}
    for prefix in recent_prefixes(recent, inventory.taken_at, now):
        for key in [key for key in found if key.startswith(prefix)]:
            del found[key]
        found.update((one.key, one) for one in list_archive(store, prefix))
    return [found[key] for key in sorted(found)]


def recent_prefixes(recent: str, taken_at: datetime, now: datetime) -> list[str]:
    """The beginnings of paths from the day before ``taken_at`` to the day after ``now``."""
    hours = int((now - taken_at).total_seconds() / 3600) + 49
    from_then_on = (taken_at + timedelta(hours=hour - 24) for hour in range(hours + 1))
    return list(dict.fromkeys(moment.strftime(recent) for moment in from_then_on))
