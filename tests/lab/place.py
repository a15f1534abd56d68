# SPDX-License-Identifier: BSD-3-Clause
"""
The life of a lab on this machine: four network namespaces and one directory, both named after an id.

    ptn-ID-client  <- veth ->  ptn-ID-box  <- veth ->  ptn-ID-server       /run/postern-lab/ID

A fourth, ptn-ID-wire, stays empty unless the wires themselves are to be bad (network.py).

Every process of a lab runs in one of its namespaces, so that whatever happened, all of it is found and
ended by the id alone. A lab whose owner died is removed by the next one that starts.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path("/run/postern-lab")
HUGE_PAGES = pathlib.Path("/proc/sys/vm/nr_hugepages")
SIDES = ("client", "box", "server", "wire")
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(*argv, check=True, **how):
    """Runs a command to its end, returns what it wrote. A failure shows what it said."""
    how.setdefault("timeout", 120)
    if "input" not in how:
        how["stdin"] = subprocess.DEVNULL
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, **how)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(map(str, argv))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def wait_for(what, seconds, condition, every=0.05):
    """Waits until `condition` returns something true, and returns it; names `what` was awaited when it never does."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(every)


def start_time(pid):
    """The start of a process in clock ticks, so that a reused pid is told from the old one; None: no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return None


class Place:
    """The namespaces and the directory. Use as a context manager, or keep it and call remove() or forget()."""

    def __init__(self):
        for sign in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(sign, lambda number, _: sys.exit(128 + number))
        remove_abandoned()
        self.id = str(os.getpid())
        self.dir = ROOT / self.id
        self.dir.mkdir(parents=True)
        (self.dir / "owner").write_text(f"{os.getpid()} {start_time(os.getpid())}")
        self.lifeline = watch_over(self.id)
        try:
            for side in SIDES:
                run("ip", "netns", "add", self.namespace(side))
                self.run(side, "ip", "link", "set", "lo", "up")
        except BaseException:
            self.remove()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.remove()

    def namespace(self, side):
        return f"ptn-{self.id}-{side}"

    def inside(self, side, *argv):
        """The command line that runs argv in the namespace of a side. (`ip netns exec` would hide /sys of the host.)"""
        return ["nsenter", f"--net=/run/netns/{self.namespace(side)}", "--", *map(str, argv)]

    def run(self, side, *argv, **how):
        return run(*self.inside(side, *argv), **how)

    def start(self, side, *argv, log, **how):
        """Starts a process that the lab ends. Its output goes to the file `log` of the lab's directory."""
        with open(self.dir / log, "ab") as out:
            return subprocess.Popen(self.inside(side, *argv), stdin=subprocess.DEVNULL, stdout=how.pop("stdout", out),
                                    stderr=out, start_new_session=True, **how)

    def want_huge_pages(self, count):
        """Raises the machine's huge pages to `count`; remove() takes back what was added. False: there is no room."""
        before = int(HUGE_PAGES.read_text())
        if before >= count:
            return True
        (self.dir / "huge_pages").write_text(str(before))
        HUGE_PAGES.write_text(str(count))
        return int(HUGE_PAGES.read_text()) >= count

    def keep(self):
        """Lets the lab live on when its owner ends."""
        (self.dir / "kept").touch()

    def remove(self):
        remove(self.id)
        if self.lifeline is not None:
            os.write(self.lifeline, b"removed")
            os.close(self.lifeline)
            self.lifeline = None


def watch_over(lab):
    """
    Starts a process that removes the lab when ours ends without having done so, be it by SIGKILL. Returns a
    descriptor: the other process waits for an octet on it, or for its end.
    """
    waiting, held = os.pipe()
    if os.fork():
        os.close(waiting)
        return held
    try:
        os.setsid()
        for sign in STOPPING:
            signal.signal(sign, signal.SIG_IGN)
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        os.close(held)
        removed = os.read(waiting, 1)
        if not removed and (ROOT / lab).is_dir() and not (ROOT / lab / "kept").exists():
            remove(lab)
    finally:
        os._exit(0)


def processes(lab):
    for side in SIDES:
        done = run("ip", "netns", "pids", f"ptn-{lab}-{side}", check=False)
        yield from (int(pid) for pid in done.stdout.split() if int(pid) != os.getpid())


def end_processes(lab):
    """Asks first, since a dataplane that ends in order gives its interfaces back; then insists."""
    for sign, patience in ((signal.SIGTERM, 3), (signal.SIGKILL, 5)):
        for pid in processes(lab):
            try:
                os.kill(pid, sign)
            except ProcessLookupError:
                pass
        end = time.monotonic() + patience
        while time.monotonic() < end:
            reap()
            if not any(True for _ in processes(lab)):
                return
            time.sleep(0.02)


def reap():
    """Children of ours that ended still count as members of a namespace until they are waited for."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def remove(lab):
    """All of it. Once begun, it goes through: a second Ctrl-C waits."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        take_down(lab)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def take_down(lab):
    end_processes(lab)
    where = ROOT / lab
    for line in reversed(pathlib.Path("/proc/self/mounts").read_text().splitlines()):
        target = line.split()[1]
        if target.startswith(f"{where}/"):
            run("umount", "-l", target, check=False)
    for side in SIDES:
        run("ip", "netns", "del", f"ptn-{lab}-{side}", check=False)
    before = where / "huge_pages"
    if before.exists():
        HUGE_PAGES.write_text(before.read_text())
    shutil.rmtree(where, ignore_errors=True)
    try:
        ROOT.rmdir()
    except OSError:
        pass


def labs():
    return [entry.name for entry in sorted(ROOT.iterdir())] if ROOT.is_dir() else []


def remove_abandoned():
    """Labs whose owner is gone, unless they were meant to stay."""
    for lab in labs():
        if (ROOT / lab / "kept").exists():
            continue
        try:
            pid, started = (ROOT / lab / "owner").read_text().split()
        except (FileNotFoundError, ValueError):
            pid, started = lab, None
        if start_time(pid) is None or (started and start_time(pid) != started):
            remove(lab)


def remove_kept():
    """Labs that were meant to stay. Returns their number."""
    kept = [lab for lab in labs() if (ROOT / lab / "kept").exists()]
    for lab in kept:
        remove(lab)
    return len(kept)
