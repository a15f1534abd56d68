#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The search for throughput, on boxes whose limits are known."""
import unittest

from search import Trials, find, grid, lost_share, offered


def box(limit, sender=float("inf"), flaky=()):
    """A box that loses what is above `limit`; its sender reaches `sender`; the trials numbered in `flaky` lose more."""
    trials = []

    def trial(rate):
        due, sent = rate, min(rate, sender)
        lost = max(0, sent - limit) + (sent * 0.5 if len(trials) in flaky else 0)
        trials.append(rate)
        return {"due": due, "sent": sent, "received": sent - lost}
    return trial, trials


class Search(unittest.TestCase):
    def setUp(self):
        self.rates = grid(1000, 1000000, 0.01)

    def rate_of(self, trial, goal=0.0, tries=3):
        trials = Trials(trial, tries)
        return find(self.rates, lambda rate: trials.holds(rate, goal))[1]

    def test_rates_rise_by_the_step_and_end_at_the_highest(self):
        self.assertEqual(self.rates[0], 1000)
        self.assertAlmostEqual(self.rates[-1], 1000000)
        for a, b in zip(self.rates, self.rates[1:]):
            self.assertTrue(1 < b / a <= 1.01 + 1e-9)

    def test_the_rate_found_is_within_a_step_below_the_limit(self):
        for limit in (1000, 1001, 54321, 999999):
            found = self.rate_of(box(limit)[0])
            self.assertTrue(limit / 1.0101 <= found.rate <= limit, (limit, found.rate))
            self.assertFalse(found.bound)

    def test_a_box_that_holds_everything_is_said_to_be_unbound(self):
        found = self.rate_of(box(1e9)[0])
        self.assertAlmostEqual(found.rate, 1000000)
        self.assertTrue(found.bound)

    def test_a_box_that_holds_nothing_has_rate_0(self):
        self.assertEqual(self.rate_of(box(10)[0]).rate, 0)

    def test_a_tenth_of_a_per_cent_may_be_lost_for_pdr(self):
        ndr, pdr = self.rate_of(box(50000)[0]), self.rate_of(box(50000)[0], goal=0.001)
        self.assertGreaterEqual(pdr.rate, ndr.rate)
        self.assertLessEqual(pdr.rate, 50000 / 0.999)

    def test_one_disturbed_trial_does_not_lower_the_rate(self):
        quiet = self.rate_of(box(50000)[0])
        self.assertEqual(self.rate_of(box(50000, flaky=(1, 3, 5, 7))[0]).rate, quiet.rate)

    def test_a_sender_that_is_too_slow_proves_nothing_about_the_box(self):
        found = self.rate_of(box(1e9, sender=30000)[0])
        self.assertTrue(found.rate * 0.9 <= 30000)

    def test_trials_are_not_repeated_for_the_second_goal(self):
        trial, done = box(50000)
        trials = Trials(trial, 1)
        good, _ = find(self.rates, lambda rate: trials.holds(rate, 0.0))
        first = len(done)
        find(self.rates, lambda rate: trials.holds(rate, 0.001), good)
        self.assertLess(len(done) - first, first)
        self.assertEqual(len(done), len(set(done)))

    def test_what_is_known_to_hold_is_not_measured_again(self):
        trial, done = box(1500)
        find(self.rates, lambda rate: Trials(trial, 1).holds(rate, 0.0), known_good=300)
        self.assertGreater(min(done), self.rates[300])

    def test_nothing_sent_counts_as_lost(self):
        nothing = {"due": 10, "sent": 0, "received": 0}
        self.assertEqual(lost_share(nothing), 1.0)
        self.assertFalse(offered(nothing))


if __name__ == "__main__":
    unittest.main()
