#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""How good the lookalike classes are: recall on real typos, false positives on real names.

Usage: quality.py POSTERN [--curve] [--plot FILE.svg] [--names] [DOMAINS]

DOMAINS is the folder with the development lists (default: ../shared/domains beside the checkout). Everything is
asked of `postern explain --tsv`, as an operator would. Fails where a figure is worse than its floor.
--curve adds one line for each of several policies, --plot draws them (with gnuplot), --names tells the names behind
the figures.
"""
import argparse
import collections
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Sources whose entries near a protected name may be squats (README of the lists): neither right nor wrong.
UNLABELLED = {"free-email-sublime", "npm-email-providers", "npm-free-email-domains"}
# The benign list stands for so many names.
UNIVERSE = 533000

# A figure below (recall) or above (false positives) these fails the test: a bit under what is reached.
FLOORS = {
    "sample": {"block": 0.81, "block weighted": 0.985, "flag": 0.93, "flag weighted": 0.995, "wrong": 2},
    "all": {"block": 0.82, "block weighted": 0.98, "flag": 0.945, "flag weighted": 0.995, "wrong": 4},
}

# From careful to greedy: what each adds to the one before it, as options of protect.
POLICIES = [
    ("no mail can be lost", "classes=all:off,suffix-omission,suffix-transposition,suffix-doubling,suffix-key,"
                            "suffix-any,suffix-junk,suffix-doubled,suffix-dropped,dot-missing,suffix-pair"),
    ("+ dots and fusions", "classes=any-letter:off,any-edge:off,omission:off,transposition:off,doubling:off,"
                           "key-replaced:off,key-added:off,vowel:off,homoglyph:off,hyphen:off,letter-moved:off,"
                           "two-slips:off"),
    ("+ commonest slips of the label", "classes=any-letter:off,any-edge:off,vowel:off,homoglyph:off,hyphen:off,"
                                       "letter-moved:off"),
    ("+ vowel, homoglyph, moved", "classes=any-letter:off,any-edge:off"),
    ("+ any letter inside", "classes=any-edge:off"),
    ("default", ""),
    ("+ any letter at the ends", "classes=any-edge:block"),
    ("+ label and suffix slip", "classes=any-edge:block,two-slips:block"),
    ("+ delegated TLD slips", "classes=any-edge:block,two-slips:block,tld-slip:block"),
    ("+ two edits", "classes=any-edge:block,two-slips:block,tld-slip:block,two-edits:block"),
    ("+ suffix swapped", "classes=any-edge:block,two-slips:block,tld-slip:block,two-edits:block,suffix-swapped:block"),
]

Typo = collections.namedtuple("Typo", "name intended weight")
Benign = collections.namedtuple("Benign", "name sources near")


def rows(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                yield (line.rstrip("\n").split("\t") + ["", "", ""])[:4]


def unlabelled(b):
    return bool(b.near) and set(b.sources.split(",")) <= UNLABELLED


class Lists:
    def __init__(self, folder):
        def at(name):
            return os.path.join(folder, name)
        self.sample = [r[0] for r in rows(at("protected-sample.tsv"))]
        self.typos = [Typo(r[0], r[1], int(r[3] or 0)) for r in rows(at("real-typos-dev.tsv"))]
        self.benign = [Benign(*r[:3]) for r in rows(at("benign-dev.tsv"))]
        self.hard = [r[0] for r in rows(at("benign-hard-dev.tsv"))] + [r[0] for r in rows(at("mali-real.tsv"))]
        intended = dict.fromkeys(t.intended for t in self.typos)
        self.all = self.sample + [n for n in intended if n not in set(self.sample)]


class Verdicts:
    """What the rules say about names: name -> (verdict, class, means)."""

    def __init__(self, postern, protected, names, options=""):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as rules:
            rules.writelines(f"protect {name} {options}\n" for name in protected)
            rules.flush()
            out = subprocess.run([postern, "explain", "--tsv", "--rules", rules.name, "-"], input="\n".join(names),
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        self.of = {f[0]: (f[1], f[3], f[4]) for f in (line.split("\t") for line in out.stdout.splitlines())}
        if len(self.of) < len(set(names)):
            sys.exit(f"{len(set(names)) - len(self.of)} names were not judged: {out.stderr[:500]}")

    def blocks(self, name):
        return self.of[name][0] not in ("pass", "flag", "exempt", "allow")

    def flags(self, name):
        return self.of[name][0] not in ("pass", "exempt", "allow")


class Figures:
    def __init__(self, lists, protected, verdicts):
        have = set(protected)
        self.typos = [t for t in lists.typos if t.intended in have]
        self.weight = sum(t.weight for t in self.typos)
        self.verdicts = verdicts
        self.wrong = [b.name for b in lists.benign
                      if verdicts.blocks(b.name) and b.name not in have and not unlabelled(b)]
        self.watched = [b.name for b in lists.benign
                        if verdicts.flags(b.name) and b.name not in have and not unlabelled(b)]
        self.hard = [n for n in lists.hard if verdicts.blocks(n)]
        self.pro_rata = len(self.wrong) * UNIVERSE / len(lists.benign)
        self.missed = [t for t in self.typos if not verdicts.flags(t.name)]

    def recall(self, judge):
        hit = [t for t in self.typos if judge(t.name)]
        return len(hit) / len(self.typos), sum(t.weight for t in hit) / self.weight

    def named(self):
        """Of the typos that are found: how often the first candidate is the right one."""
        found = [t for t in self.typos if self.verdicts.flags(t.name)]
        return sum(self.verdicts.of[t.name][2].split(",")[0] == t.intended for t in found) / len(found)


def summary(label, f):
    block, flag = f.recall(f.verdicts.blocks), f.recall(f.verdicts.flags)
    print(f"{label:32} {100 * block[0]:6.1f} % {100 * block[1]:6.1f} % {100 * flag[0]:6.1f} % {100 * flag[1]:6.1f} %"
          f" {len(f.wrong):5} {f.pro_rata:7.1f} {len(f.hard):5} {len(f.watched):7}")


HEAD = (f"{'':32} {'blocked':>8} {'weighted':>8} {'flagged':>8} {'weighted':>8} {'wrong':>5} {'of 533k':>7}"
        f" {'hard':>5} {'watched':>7}")


def by_class(f):
    typos, wrong, watched = (collections.Counter() for _ in range(3))
    for t in f.typos:
        typos[f.verdicts.of[t.name][1]] += 1
    for name in f.watched:
        (wrong if f.verdicts.blocks(name) else watched)[f.verdicts.of[name][1]] += 1
    print(f"\n{'class':24} {'typos':>6} {'wrong':>6} {'watched':>8}")
    for name in sorted(set(typos) | set(wrong) | set(watched)):
        print(f"{name if name != '-' else '(none)':24} {typos[name]:6} {wrong[name]:6} {watched[name]:8}")


def judge(label, f):
    block, flag = f.recall(f.verdicts.blocks), f.recall(f.verdicts.flags)
    got = {"block": block[0], "block weighted": block[1], "flag": flag[0], "flag weighted": flag[1]}
    bad = [f"{label}: {what} is {got[what]:.3f}, the floor is {floor}" for what, floor in FLOORS[label].items()
           if what in got and got[what] < floor]
    if len(f.wrong) > FLOORS[label]["wrong"]:
        bad.append(f"{label}: {len(f.wrong)} benign names are blocked: {' '.join(f.wrong)}")
    if f.hard:
        bad.append(f"{label}: names that must pass are blocked: {' '.join(f.hard)}")
    return bad


# Axes: names wrongly blocked of UNIVERSE, a root scale since most policies lie near zero; share of typos blocked.
PLOT = """set terminal svg size 760,460 font "sans,12" background rgb "white" noenhanced
set output "{file}"
set title "Typos caught against real names wrongly blocked, by policy; 100 protected names"
set xlabel "real names blocked of {universe} (root scale)"
set ylabel "typos blocked, %"
set nonlinear x via sqrt(x) inverse x*x
set xrange [0:{right}]
set yrange [0:105]
set xtics (0, 15, 50, 100, 200, 300, 400, 500, 600, 700)
set grid
set key bottom right Left reverse
set arrow from 15,0 to 15,105 nohead dashtype 2 linecolor "gray40"
set arrow from 0,80 to {right},80 nohead dashtype 2 linecolor "gray40"
set label "at most 15" at 17,5
$points << END
{points}
END
plot $points every 2 using 1:2:(sprintf("%d", 2 * $0 + 1)) with labels offset 0.9,-0.7 notitle, \
  $points every 2::1 using 1:2:(sprintf("%d", 2 * $0 + 2)) with labels offset -0.9,0.7 notitle, \
  $points using 1:3 with linespoints pointtype 6 linewidth 1.5 title "weighted by addresses", \
  $points using 1:2 with linespoints pointtype 7 linewidth 1.5 title "by entries"{keys}
"""


def plot(file, curve):
    """Draws [(policy, figures)]; every policy has a number, explained in the key."""
    points = "\n".join(f"{f.pro_rata:.1f} {100 * recall[0]:.1f} {100 * recall[1]:.1f}"
                       for _, f in curve for recall in [f.recall(f.verdicts.blocks)])
    keys = "".join(f', \\\n  1/0 with dots linecolor "white" title "{n}  {label}"'
                   for n, (label, _) in enumerate(curve, 1))
    right = max(f.pro_rata for _, f in curve) * 1.1 + 20
    script = PLOT.format(file=file, universe=UNIVERSE, right=right, points=points, keys=keys)
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("postern")
    p.add_argument("--curve", action="store_true")
    p.add_argument("--plot", metavar="FILE.svg")
    p.add_argument("--names", action="store_true")
    p.add_argument("domains", nargs="?", default=os.path.join(os.path.dirname(ROOT), "shared", "domains"))
    args = p.parse_args()
    if not os.path.isdir(args.domains):
        print(f"skipped: the lists are not at {args.domains}")
        sys.exit(77)
    lists = Lists(args.domains)
    names = [t.name for t in lists.typos] + [b.name for b in lists.benign] + lists.hard
    bad = []
    for label, protected in (("sample", lists.sample), ("all", lists.all)):
        f = Figures(lists, protected, Verdicts(args.postern, protected, names))
        print(f"{label}: {len(protected)} protected names, {len(f.typos)} typos of them, {len(lists.benign)} benign names")
        print(HEAD)
        summary("default", f)
        print(f"first candidate right: {100 * f.named():.1f} %")
        by_class(f)
        if args.names:
            print("wrong:", " ".join(f.wrong))
            print("missed:", " ".join(f"{t.name}<{t.intended}" for t in f.missed))
        print()
        bad += judge(label, f)
    if args.curve or args.plot:
        curve = [(label, Figures(lists, lists.sample, Verdicts(args.postern, lists.sample, names, options)))
                 for label, options in POLICIES]
        print("policy, 100 protected names\n" + HEAD)
        for label, f in curve:
            summary(label, f)
        if args.plot:
            plot(args.plot, curve)
    for line in bad:
        print("FAILED:", line)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
