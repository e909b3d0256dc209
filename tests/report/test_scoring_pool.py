"""Pairs scored in several processes are those scored in one; a process that dies costs nothing."""

import os
import signal

import pytest

from batch.report.alignment import align_recording
from batch.report.scoring import Pair, scoring_pool
from batch.report.words import TimedWord, TimedWords
from training.scoring import DEFAULT_RULES, normalizer_for, score_pair

EN = normalizer_for("en")
RULES = (DEFAULT_RULES, "en")


def pair(number: int) -> Pair:
    heard = f"the number is {number} um okay"
    words = [
        TimedWord(text=word, start=at, end=at + 0.5, confidence=None if at else 0.5)
        for at, word in enumerate(heard.split())
    ]
    return Pair(f"The number (was) is {number // 2 * 2}, OK?", heard, TimedWords.of(words))


def expected(pairs):
    return [
        (
            score_pair(one.reference, one.hypothesis, EN),
            align_recording(one.reference, one.hypothesis, one.words, EN),
        )
        for one in pairs
    ]


def shown(scored):
    return [
        (
            score,
            aligned.steps,
            list(aligned.hypothesis),
            list(aligned.written),
            aligned.confidence(0),
        )
        for score, aligned in scored
    ]


def test_few_pairs_start_no_process(monkeypatch):
    monkeypatch.setattr("batch.report.scoring.Child", None)
    pairs = [pair(number) for number in range(20)]
    with scoring_pool(*RULES, processes=2) as pool:
        assert shown(pool.scored(pairs)) == shown(expected(pairs))


@pytest.fixture
def many(monkeypatch):
    monkeypatch.setattr("batch.report.scoring.LEAST_PAIRS", 20)
    monkeypatch.setattr("batch.report.scoring.CHUNK", 7)
    return [pair(number) for number in range(60)]


def test_two_processes_give_what_one_gives_in_its_order_and_survive_the_loss_of_one(many):
    with scoring_pool(*RULES, processes=2) as pool:
        assert shown(pool.scored(many)) == shown(expected(many))
        assert shown(pool.scored(many[:3])) == shown(expected(many[:3]))
        one = pool._children.get()
        os.kill(one.pid, signal.SIGKILL)
        pool._children.put(one)
        assert shown(pool.scored(many)) == shown(expected(many))


def test_pairs_are_taken_as_they_are_needed(many, monkeypatch):
    monkeypatch.setattr("batch.report.scoring.LEAST_PAIRS", 1)
    taken = []
    with scoring_pool(*RULES, processes=2) as pool:
        found = pool.scored(taken.append(one) or one for one in many)
        next(found)
        assert len(taken) < len(many)
