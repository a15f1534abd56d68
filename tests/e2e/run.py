# SPDX-License-Identifier: BSD-3-Clause
"""
Runs the end-to-end tests, one line each: ok, FAIL or skip. With --results FILE, adds "pass|fail|skip<TAB>name<TAB>why"
lines to it. A skip is allowed for a feature that this kernel lacks, and its reason begins with "kernel:".
"""

import argparse
import pathlib
import sys
import time
import traceback
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]


class Report(unittest.TestResult):
    def __init__(self, out):
        super().__init__()
        self.out = out

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def tell(self, word, test, why=""):
        name = test.id().rpartition(".test_")[2].replace("_", " ") if ".test_" in test.id() else test.id()
        seconds = time.monotonic() - getattr(self, "began", time.monotonic())
        print(f"{word:4} {name} ({seconds:.1f} s){': ' + why if word == 'skip' else ''}", flush=True)
        if self.out:
            self.out.write(f"{ {'ok': 'pass', 'FAIL': 'fail', 'skip': 'skip'}[word]}\te2e: {name}\t{why}\n")
            self.out.flush()

    def addSuccess(self, test):
        super().addSuccess(test)
        self.tell("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.tell("skip", test, reason)

    def fault(self, test, error):
        self.tell("FAIL", test, str(error[1]).splitlines()[0] if str(error[1]) else error[0].__name__)
        print("".join(traceback.format_exception(*error)), flush=True)
        try:
            print(test.diagnosis(), flush=True)
        except Exception as e:  # a lab that never came to be has nothing to say
            print(f"(no diagnosis: {e})")

    def addError(self, test, error):
        super().addError(test, error)
        self.fault(test, error)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.fault(test, error)


def cases(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from cases(test)
        else:
            yield test


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--filter", default="", help="only tests with this in their name")
    options.add_argument("--results", help="file to add the results to")
    chosen = options.parse_args()
    wanted = chosen.filter.replace(" ", "_")
    suite = unittest.TestSuite(test for test in cases(unittest.defaultTestLoader.discover(str(HERE), "*_test.py"))
                               if wanted in test.id())
    out = open(chosen.results, "a") if chosen.results else None
    report = Report(out)
    suite.run(report)
    return 0 if report.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
