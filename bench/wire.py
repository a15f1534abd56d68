#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""postern-bench wire: throughput and added latency of a real postern-dp, from outside of it.

A generator plays both ends of a scenario's SMTP sessions on two ports; the box is between them, a process of its own.
Found by binary search: the highest rate without loss (NDR) and with at most 0.1 % of it (PDR). Then, at 10, 50 and
90 % of NDR, how old packets are when they arrive; and all of it again with dpdk-testpmd (io) in the place of the
box: the difference is what the box adds.

Without --generator-port both are joined by memif (shared memory) on this machine. With it, the generator drives the
NICs at these PCI addresses; --box-port names the box's own NICs where it runs here, else it runs elsewhere, and is
measured as it is.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from search import Trials, find, grid, lost_share, offered

HERE = pathlib.Path(__file__).resolve().parent
GOALS = {"NDR": 0.0, "PDR": 0.001}
LOADS = (0.1, 0.5, 0.9)
SHARES = ("p50", "p90", "p99", "p99.9", "max")
NICE = -20


def say(text):
    print(text, file=sys.stderr, flush=True)


def own_core(core):
    """For a child: this core, and precedence where it is permitted; also of its session, which the kernel weighs first."""
    def prepare():
        os.setsid()
        os.sched_setaffinity(0, {core})
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, NICE)
            pathlib.Path("/proc/self/autogroup").write_text(str(NICE))
    return prepare


class Failure(Exception):
    """A sentence for people."""


class Child:
    """A process whose words are kept for when it fails."""

    def __init__(self, name, command, core, folder, **more):
        self.name, self.log = name, folder / f"{name}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stderr=log, preexec_fn=own_core(core), text=True,
                                            **{"stdin": subprocess.DEVNULL, "stdout": log, **more})

    def check(self):
        if self.process.poll() is not None:
            raise Failure(f"{self.name} ended with {self.process.returncode}:\n{self.log.read_text()[-3000:]}")

    def wait_for(self, what, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            self.check()
            if time.monotonic() > end:
                raise Failure(f"{self.name}: waited in vain for {what}:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.05)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Generator(Child):
    def __init__(self, args, ports, folder):
        super().__init__("generator", [args.build / "bench/postern-bench", "generator", "--core",
                                       str(args.generator_core), args.scenario, *ports],
                         args.generator_core, folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.check()
        return json.loads(line)

    def ask(self, command):
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            self.process.wait()
            self.check()
        return self.answer()

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(20)


class Postern:
    """postern-dp with the rules of the scenario, which posternd compiles and hands over."""

    name = "postern-dp"

    def __init__(self, args, ports, folder):
        self.args, self.folder = args, folder
        self.config = folder / "postern.yaml"
        names = subprocess.run([args.build / "bench/postern-bench", "domains", str(args.patterns)],
                               capture_output=True, text=True, check=True).stdout.split()
        (folder / "rules.conf").write_text("".join(
            f"rule r{i} reject rcpt domain {d} means=army.mil\n" for i, d in enumerate(names)))
        self.config.write_text(json.dumps({  # JSON is YAML
            "operator": "Example Net", "rules": f"{folder}/rules.conf",
            "dataplane": {"pairs": [{"inside": ports[0], "outside": ports[1]}], "cores": str(args.box_core),
                          "huge_pages": bool(args.box_port), "flows": args.capacity, "idle_sleep_us": args.idle_sleep,
                          "memory_mb": 512, "socket": f"{folder}/dp.sock"},
            "control": {"socket": f"{folder}/posternd.sock", "cache": "", "watch": False},
            "events": {"path": "", "key_file": f"{folder}/event.key"}}, indent=1))
        self.children = []

    def start(self):
        box = Child("postern-dp", [self.args.build / "dataplane/io/postern-dp", "-c", self.config],
                    self.args.box_core, self.folder)
        self.children = [box]
        box.wait_for("its start", lambda: self.stats() is not None)
        daemon = Child("posternd", [self.args.build / "control/posternd", "-c", self.config],
                       self.args.generator_core, self.folder)
        self.children.insert(0, daemon)
        daemon.wait_for("its rules", lambda: (self.stats() or {}).get("generation", 0) > 0, 120)

    def stats(self):
        done = subprocess.run([self.args.build / "control/postern", "show", "stats", "--json", "--config", self.config],
                              capture_output=True, text=True, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def counters(self):
        return {k: v for k, v in (self.stats() or {}).get("total", {}).items() if v}

    def stop(self):
        for child in self.children:
            child.stop()


class Testpmd:
    """The same path without a box: what comes in at one port is sent at the other."""

    name = "testpmd io"

    def __init__(self, args, ports, folder):
        core = args.box_core
        virtual = not args.box_port
        self.folder, self.core = folder, core
        self.command = ["dpdk-testpmd", f"--lcores=0@{core},1@{core}", "--no-telemetry", f"--file-prefix=wire{os.getpid()}",
                        "-m256", *(["--no-huge", "--no-pci", "--no-shconf"] if virtual else ["--in-memory"]),
                        *(f"--vdev={p}" if virtual else f"-a{p}" for p in ports),
                        "--", "-i", "--forward-mode=io", "--total-num-mbufs=16384", "--rxd=2048", "--txd=2048",
                        "--burst=64"]
        self.child = None

    def start(self):
        if shutil.which(self.command[0]) is None:
            raise Failure("dpdk-testpmd is not installed (package dpdk)")
        self.child = Child("testpmd", self.command, self.core, self.folder, stdin=subprocess.PIPE)
        self.child.process.stdin.write("start\n")
        self.child.process.stdin.flush()

    def counters(self):
        return {}

    def stop(self):
        if self.child is not None and self.child.process.poll() is None:
            with contextlib.suppress(BrokenPipeError, subprocess.TimeoutExpired):
                self.child.process.communicate("stop\nquit\n", timeout=20)
            self.child.stop()


class Elsewhere:
    """A box that somebody else has started."""

    name = "the box elsewhere"

    def __init__(self, *_):
        pass

    def start(self):
        pass

    def counters(self):
        return {}

    def stop(self):
        pass


@contextlib.contextmanager
def path_through(box_class, args):
    """A generator and a box between its ports, ready."""
    with tempfile.TemporaryDirectory(prefix="postern-wire-") as folder, contextlib.ExitStack() as stack:
        folder = pathlib.Path(folder)
        ports, box_ports = args.generator_port, args.box_port
        if not ports:
            ring = args.ring.bit_length() - 1
            ports, box_ports = ([f"net_memif{i},role={role},id={i},socket={folder}/memif.sock,socket-abstract=no,"
                                 f"rsize={ring}" for i in (0, 1)] for role in ("server", "client"))
        generator = Generator(args, ports, folder)
        stack.callback(generator.stop)
        box = box_class(args, box_ports, folder)
        stack.callback(box.stop)
        box.start()
        if not generator.ask("link 20")["up"]:
            raise Failure(f"{box.name}: no link within 20 s")
        yield generator, box


def trial(generator, box, rate, seconds):
    result = generator.ask(f"trial {rate:.0f} {seconds}")
    result["path"] = box.name
    word = "" if offered(result) else f", but only {result['sent'] / max(1, result['due']):.0%} could be sent"
    say(f"  {box.name:12} {rate / 1e6:7.3f} Mpps: {lost_share(result):.4%} lost{word}")
    return result


def throughput(generator, box, args):
    """NDR and PDR, and all trials."""
    rates = grid(args.min * 1e6, args.max * 1e6, args.precision / 100)
    trials = Trials(lambda rate: trial(generator, box, rate, args.seconds), args.tries)
    row, good = {"path": box.name}, -1
    for name, goal in GOALS.items():
        good, found = find(rates, lambda rate, goal=goal: trials.holds(rate, goal), good)
        best = trials.best(found.rate)
        row[f"{name} Mpps"] = round(1e-6 * best["sent"] / best["seconds"], 4) if best else 0
        row[f"{name} Gbit/s"] = round(8e-9 * best["octets"] / best["seconds"], 3) if best else 0
        row[f"{name} limit"] = limit_of(trials, rates, good, found)
    done = [t for past in trials.seen.values() for t in past if lost_share(t) == 0]
    for key in ("sessions", "resets", "stalled"):
        row[key] = sum(t[key] for t in done)
    return row, [t for past in trials.seen.values() for t in past]


def limit_of(trials, rates, good, found):
    """Who did not go beyond."""
    if found.bound:
        return "the highest rate tried"
    above = trials.best(rates[good + 1])
    return "the generator" if above is not None and not offered(above) else "the path"


def latency_at(generator, box, rates, args):
    return [trial(generator, box, rate, args.latency_seconds)["latency_ns"] for rate in rates]


def latency_rows(loads, rates, boxes):
    """`boxes`: name to the latencies at each load. The last of two is the reference."""
    rows = []
    for i, (load, rate) in enumerate(zip(loads, rates)):
        for name, measured in boxes.items():
            rows.append({"load": load, "Mpps": round(rate / 1e6, 4), "path": name,
                         **{f"{s} us": round(measured[i][s] / 1e3, 1) for s in SHARES}})
        if len(boxes) == 2:
            box, reference = boxes.values()
            rows.append({"load": load, "Mpps": round(rate / 1e6, 4), "path": "added",
                         **{f"{s} us": round((box[i][s] - reference[i][s]) / 1e3, 1) for s in SHARES}})
    return rows


def measure(args):
    boxes = [Elsewhere] if args.generator_port and not args.box_port else [Postern, Testpmd]
    rows, trials, latencies, counters, rates, loads = [], [], {}, {}, [], []
    for box_class in boxes:
        with path_through(box_class, args) as (generator, box):
            say(f"{box.name}: warm-up")
            generator.ask(f"warm {args.warm * 1e6:.0f} {args.warm_seconds}")
            row, past = throughput(generator, box, args)
            rows.append(row)
            trials += past
            if not rates:
                name = next((n for n in GOALS if row[f"{n} Mpps"] > 0), None)
                base = row[f"{name} Mpps"] * 1e6 if name else args.min * 1e6
                rates = [base * share for share in LOADS]
                loads = [f"{share:.0%} of {name or 'the lowest rate'}" for share in LOADS]
            latencies[box.name] = latency_at(generator, box, rates, args)
            counters[box.name] = box.counters()
    machine = json.loads(subprocess.run([args.build / "bench/postern-bench", "machine"], capture_output=True, text=True,
                                        check=True).stdout)
    return {"command": "wire", "scenario": args.scenario.stem, "seconds": args.seconds, "tries": args.tries,
            "rows": rows, "latency": latency_rows(loads, rates, latencies), "counters": counters.get("postern-dp", {}),
            "trials": trials, "note": note(args), "machine": machine}


def note(args):
    if args.generator_port:
        return ""
    return ("Generator and box, a core each, joined by shared memory (memif: two copies a packet, one in each process): "
            "what is compared is the box with testpmd on the same path; it is not the rate of a NIC.")


def print_table(rows, skip=()):
    head = [h for h in rows[0] if h not in skip]
    width = [max(len(str(r[h])) for r in [dict(zip(head, head)), *rows]) for h in head]
    for line in [head, *([r[h] for h in head] for r in rows)]:
        print("  " + "  ".join(f"{x:<{w}}" if isinstance(x, str) else f"{x:>{w}}" for x, w in zip(line, width)))


def print_result(result):
    print(f"wire: {result['scenario']}")
    print_table(result["rows"])
    print("age of packets on arrival")
    print_table(result["latency"])
    print(result["note"])


def scenario_number(path, key, default):
    for line in path.read_text().splitlines():
        words = line.split("#")[0].split()
        if len(words) == 2 and words[0] == key:
            return int(words[1])
    return default


def parse(argv):
    options = argparse.ArgumentParser(prog="postern-bench wire", description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter,
                                      epilog="Exit status: 0 measured; 1 something did not work; 2 wrong usage.")
    options.add_argument("--json", action="store_true", help="the result as one JSON object, with every trial")
    options.add_argument("--seconds", type=float, default=2, help="of a trial (default 2)")
    options.add_argument("--tries", type=int, default=3, help="a rate holds if one of so many trials does (default 3)")
    options.add_argument("--min", type=float, default=0.02, help="lowest rate, Mpps (default 0.02)")
    options.add_argument("--max", type=float, default=4, help="highest rate, Mpps (default 4)")
    options.add_argument("--precision", type=float, default=2, help="of the rates found, per cent (default 2)")
    options.add_argument("--latency-seconds", type=float, default=5, help="of a trial for latency (default 5)")
    options.add_argument("--warm", type=float, default=0.2, help="rate of the warm-up, Mpps (default 0.2)")
    options.add_argument("--warm-seconds", type=float, default=20, help="at most (default 20)")
    options.add_argument("--ring", type=int, default=2048, help="packets in a ring of memif (default 2048)")
    options.add_argument("--generator-core", type=int, default=0)
    options.add_argument("--box-core", type=int, default=1)
    options.add_argument("--idle-sleep", type=int, default=0,
                         help="us that an idle worker may sleep (default 0: it polls; the product's default is 100)")
    options.add_argument("--generator-port", action="append", default=[], metavar="PCI", help="twice: inside, outside")
    options.add_argument("--box-port", action="append", default=[], metavar="PCI", help="twice: inside, outside")
    options.add_argument("scenario", type=pathlib.Path, nargs="?", default=HERE / "scenarios/wire.scenario")
    args = options.parse_args(argv)
    for ports in (args.generator_port, args.box_port):
        if len(ports) not in (0, 2):
            options.error("a port is given twice: inside, then outside")
    if args.box_port and not args.generator_port:
        options.error("--box-port wants --generator-port")
    if not 0 < args.min < args.max or args.precision <= 0 or args.tries < 1 or args.ring < 2:
        options.error("--min must be below --max, --precision above 0, --tries at least 1, --ring at least 2")
    if not args.scenario.is_file():
        options.error(f"{args.scenario}: no such scenario")
    args.build = pathlib.Path(os.environ["POSTERN_BUILD"])
    args.patterns = scenario_number(args.scenario, "patterns", 10000)
    args.capacity = scenario_number(args.scenario, "capacity", 0) or max(
        262144, 4 * scenario_number(args.scenario, "flows", 100000))
    return args


def main(argv):
    args = parse(argv)
    try:
        result = measure(args)
    except Failure as failure:
        say(f"postern-bench wire: {failure}")
        return 1
    if args.json:
        print(json.dumps(result))
    else:
        print_result(result)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
