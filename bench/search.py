# SPDX-License-Identifier: BSD-3-Clause
"""The highest rate at which a box loses no more than a goal says (RFC 2544 section 26.1), by binary search."""
import math


class Finding:
    """`rate`: the highest that held, 0 where none did; `bound`: True where even the highest tried one held."""

    def __init__(self, rate, bound):
        self.rate, self.bound = rate, bound


def grid(low, high, step):
    """Rates from `low` to `high`, each `step` (0.02: two per cent) above the one before; the last is `high`."""
    count = max(1, math.ceil(math.log(high / low) / math.log(1 + step)))
    return [low * (high / low) ** (i / count) for i in range(count + 1)]


def find(rates, holds, known_good=-1):
    """`rates` rise; `holds(rate)` measures. `known_good`: index of one that is known to hold. Returns (index, finding).

    Whoever holds at a rate is taken to hold at all below it.
    """
    good, bad = known_good, len(rates)
    probe = bad - 1
    while bad - good > 1:
        if holds(rates[probe]):
            good = probe
        else:
            bad = probe
        probe = (good + bad) // 2
    return good, Finding(rates[good] if good >= 0 else 0, good == len(rates) - 1)


class Trials:
    """Measures each rate at most `tries` times for each goal, and remembers: one undisturbed trial is enough to hold."""

    def __init__(self, trial, tries):
        self.trial, self.tries, self.seen = trial, tries, {}

    def holds(self, rate, goal):
        past = self.seen.setdefault(rate, [])
        while not any(holds(t, goal) for t in past) and len(past) < self.tries:
            past.append(self.trial(rate))
        return any(holds(t, goal) for t in past)

    def best(self, rate):
        """The trial at `rate` that lost least, or None."""
        return min(self.seen.get(rate, []), key=lambda t: (not offered(t), lost_share(t)), default=None)


OFFERED = 0.9  # of what is due; below it the sender was too slow, and the trial says nothing about the box


def offered(trial):
    return trial["sent"] >= OFFERED * trial["due"] > 0


def lost_share(trial):
    return max(0, trial["sent"] - trial["received"]) / trial["sent"] if trial["sent"] else 1.0


def holds(trial, goal):
    return offered(trial) and lost_share(trial) <= goal
