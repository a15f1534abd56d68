#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""postern-bench compare: the same capture and the same domains through us and others, one thread each.

    postern replay   the capture, as a file in the page cache
    Suricata 7       the same, Hyperscan for patterns; a rule a domain on RCPT TO
    Postfix          check_recipient_access: as many lookups as the capture has recipients, by postmap -q (no packets)
    rspamd           multimap on recipients: as many mails as --mails says over a socket (no packets)

What is not installed is named and left out; control/deps.sh compare and --mta bring all of it. What each found is
compared with what the capture holds. Then the pipeline alone (engine) on the same traffic, for cycles a packet.
"""
import argparse
import collections
import contextlib
import json
import mmap
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from wire import Failure, Postern

SCENARIO = "flows 10000\nmail 20000\nmpps 1\nflagged 1\npatterns {domains}\n"
LAB = pathlib.Path(os.environ.get("POSTERN_LAB", "/var/cache/postern-lab"))
NOT_INSTALLED = "not installed"
CYCLES_LIMIT, CPU_LIMIT = 40, 15  # times that Suricata needs of what we need
RECIPIENT = re.compile(rb"RCPT TO:<[^@>\r]+@([^>\r]+)>")
TICKS = os.sysconf("SC_CLK_TCK")


def say(text):
    print(text, file=sys.stderr, flush=True)


class Work:
    """The capture, the domains, what is to be found, and where it lies."""

    def __init__(self, folder, args):
        self.folder, self.args = folder, args
        say(f"compare: a capture of {args.megabytes} MB")
        self.scenario = folder / "compare.scenario"
        self.scenario.write_text(SCENARIO.format(domains=args.domains))
        self.capture, self.first = folder / "mails.pcap", folder / "first.pcap"
        subprocess.run([args.bench, "capture", self.scenario, str(args.megabytes), self.capture], check=True)
        with self.capture.open("rb") as f:  # file header, record header, the first frame
            head = f.read(40)
            self.first.write_bytes(head + f.read(int.from_bytes(head[32:36], sys.byteorder)))
        self.domains = subprocess.run([args.bench, "domains", str(args.domains)], capture_output=True, text=True,
                                      check=True).stdout.split()
        self.gigabytes = self.capture.stat().st_size / 1e9
        self.recipients = self.read_recipients()  # which also brings the file into the page cache
        listed = set(self.domains)
        self.truth = collections.Counter(d for d in self.recipients if d in listed)
        self.packets = 0

    def read_recipients(self):
        """Domains of all recipients, in order, by nobody's parser: the commands of the capture never span segments."""
        with self.capture.open("rb") as f, mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as octets:
            return [d.decode().lower() for d in RECIPIENT.findall(octets)]

    def judge(self, found):
        """Found, missed and wrong; `found` counts domains."""
        return {"found": sum((found & self.truth).values()), "missed": sum((self.truth - found).values()),
                "wrong": sum((found - self.truth).values())}


def timed(command, out=None, **more):
    """Runs on one core. CPU seconds, wall seconds, memory in MB; what it says goes to `out`."""
    with (out.open("w") if out else tempfile.TemporaryFile("w+")) as said:
        begin = time.monotonic()
        child = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT,
                                 preexec_fn=lambda: os.sched_setaffinity(0, {max(os.sched_getaffinity(0))}), **more)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise Failure(f"{command[0]} ended with {child.returncode}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - begin, usage.ru_maxrss / 1024


def best_of(tries, command, **more):
    """The run that took the least CPU: what disturbs only adds to it."""
    return min(timed(command, **more) for _ in range(tries))


def packet_row(work, name, start, run, reload, verdicts):
    """Figures of a program that reads the capture. Start-up is in CPU and wall seconds."""
    (cpu, wall, memory), (start_cpu, start_wall, _) = run, start
    work_cpu = max(cpu - start_cpu, 1e-9)
    return {"program": name, "CPU s": round(cpu, 2), "wall s": round(wall, 2),
            "CPU s per GB": round(cpu / work.gigabytes, 2), "Mpps (CPU time, start-up aside)":
            round(work.packets / work_cpu / 1e6, 3), "memory MB": round(memory), "start-up s": round(start_wall, 2),
            "new rules in force after s": reload, **verdicts}


def postern(work):
    rules, out = work.folder / "rules.conf", work.folder / "replay.json"
    rules.write_text("".join(f"rule r{i} flag rcpt domain {d} means=army.mil\n" for i, d in enumerate(work.domains)))
    command = [work.args.build / "control/postern", "replay", "--json", "--clear", "--rules", rules]
    start = best_of(1, command + [work.first])
    run = best_of(work.args.tries, command + [work.capture], out=out)
    found = collections.Counter()
    with out.open() as lines:
        for line in lines:
            event = json.loads(line)
            if event["event"] == "summary":
                work.packets = event["packets"]
            elif event.get("rule"):
                found[event["domain"]] += 1
    return packet_row(work, "postern replay", start, run, postern_reload(work), work.judge(found))


def postern_reload(work):
    """Seconds from a changed rule file to workers that judge by it: postern-dp with empty ports."""
    args = argparse.Namespace(build=work.args.build, patterns=work.args.domains, capacity=65536, idle_sleep=100,
                              box_core=1, box_port=[], generator_core=0)
    folder = work.folder / "reload"
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        box = Postern(args, ["net_null0", "net_null1"], folder)
        stack.callback(box.stop)
        box.start()
        with (folder / "rules.conf").open("a") as rules:
            rules.write("rule last reject rcpt domain one.more.example means=army.mil\n")
        begin = time.monotonic()
        subprocess.run([args.build / "control/postern", "reload", "--json", "--config", box.config], check=True,
                       capture_output=True)
        return round(time.monotonic() - begin, 2)


def suricata_command(root, work):
    etc = root / "etc/suricata"
    rules = work.folder / "suricata.rules"
    rules.write_text("".join(
        f'alert smtp any any -> any any (msg:"{d}"; flow:to_server,established; content:"RCPT TO|3a|"; nocase; '
        f'content:"@{d}|3e|"; nocase; fast_pattern; sid:{i + 1};)\n' for i, d in enumerate(work.domains)))
    settings = {"mpm-algo": "hs", "spm-algo": "hs", "outputs.1.eve-log.enabled": "no",
                "stats.enabled": "no",
                "default-rule-path": work.folder, "rule-files.0": rules.name,
                "stream.memcap": "1gb", "stream.reassembly.memcap": "4gb",
                "classification-file": etc / "classification.config",
                "reference-config-file": etc / "reference.config", "threshold-file": etc / "threshold.config",
                "unix-command.enabled": "yes", "unix-command.filename": work.folder / "suricata.sock"}
    command = [root / "usr/bin/suricata", "-c", etc / "suricata.yaml", "--runmode", "single", "-k", "none",
               "-l", work.folder]
    for name, value in settings.items():
        command += ["--set", f"{name}={value}"]
    return command


def suricata(work):
    """Alerts only: its log of every transaction is switched off."""
    root, env = pathlib.Path("/"), dict(os.environ)
    if shutil.which("suricata") is None:
        root = LAB / "others/suricata"
        env["LD_LIBRARY_PATH"] = f"{root}/usr/lib/x86_64-linux-gnu"
    if not (root / "usr/bin/suricata").exists():
        return NOT_INSTALLED
    version = subprocess.run([root / "usr/bin/suricata", "-V"], capture_output=True, text=True, env=env, check=True)
    command = suricata_command(root, work)
    alerts = work.folder / "fast.log"
    start = best_of(1, command + ["-r", work.first], env=env)
    alerts.unlink(missing_ok=True)
    run = best_of(1, command + ["-r", work.capture], env=env)
    by_sid = collections.Counter()
    for line in alerts.read_text().splitlines():
        by_sid[work.domains[int(re.search(r"\[1:(\d+):", line).group(1)) - 1]] += 1
    return packet_row(work, "Suricata " + re.search(r"\d[\d.]+", version.stdout).group(), start, run,
                      suricata_reload(command, env, work), work.judge(by_sid))


def suricata_reload(command, env, work):
    """Seconds that its command reload-rules takes, on a loopback of its own where nothing happens."""
    inside = ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command, "-i", "lo"]
    path = work.folder / "suricata.sock"
    path.unlink(missing_ok=True)
    child = subprocess.Popen(inside, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 120
        while not path.exists() and child.poll() is None and time.monotonic() < end:
            time.sleep(0.2)
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(120)
            s.connect(str(path))
            for question in ({"version": "0.2"}, {"command": "reload-rules"}):
                begin = time.monotonic()
                s.sendall(json.dumps(question).encode() + b"\n")
                answer = s.recv(4096)
            return round(time.monotonic() - begin, 2) if b'"OK"' in answer else answer.decode()
    except OSError as error:
        return f"not measured ({error.strerror})"
    finally:
        child.terminate()
        child.wait(60)


def postfix(work):
    """As many lookups as the capture has recipients."""
    tool, more = shutil.which("postmap"), {}
    if tool is None and (LAB / "mta/postfix/usr/sbin/postmap").exists():
        tool = LAB / "mta/postfix/usr/sbin/postmap"
        more["env"] = dict(os.environ, LD_LIBRARY_PATH=f"{LAB}/mta/postfix/usr/lib/postfix")
    if tool is None:
        return NOT_INSTALLED
    (work.folder / "main.cf").write_text(f"compatibility_level = 3.6\nqueue_directory = {work.folder}\n"
                                         "mail_owner = daemon\nsetgid_group = mail\n"
                                         f"daemon_directory = {LAB}/mta/postfix/usr/lib/postfix/sbin\n")
    table, asked, out = work.folder / "access", work.folder / "asked", work.folder / "answers"
    table.write_text("".join(f"{d} REJECT\n" for d in work.domains))
    asked.write_text("".join(f"{d}\n" for d in work.recipients))
    command = [tool, "-c", work.folder, "-q", "-", f"texthash:{table}"]
    with contextlib.suppress(Failure):  # asked nothing it finds nothing, and says so by its status
        timed(command, stdin=subprocess.DEVNULL, **more)
    with asked.open() as lines:
        cpu, wall, memory = timed(command, out=out, stdin=lines, **more)
    found = collections.Counter(line.split()[0] for line in out.read_text().splitlines() if "REJECT" in line)
    return {"program": "Postfix, lookups only", "CPU s": round(cpu, 2), "wall s": round(wall, 2),
            "CPU us per recipient": round(cpu / len(work.recipients) * 1e6, 2), "memory MB": round(memory),
            **work.judge(found)}


RSPAMD = """\
options {{ pidfile = "{dir}/rspamd.pid"; tempdir = "{dir}"; filters = ""; dns {{ nameserver = ["127.0.0.1:53:1"]; }}
  url_tld = "{dir}/tld"; }}
logging {{ type = "file"; filename = "{dir}/rspamd.log"; level = "warning"; }}
worker "normal" {{ bind_socket = "{dir}/rspamd.sock mode=0666"; count = 1; }}
actions {{ reject = 5; }}
lua = "{dir}/rspamd.lua";
modules {{ path = "{share}/plugins/multimap.lua"; }}
multimap {{ GATE {{ type = "rcpt"; filter = "email:domain"; map = "{dir}/domains.map"; score = 10; }} }}
"""


def rspamd_settings(root, work):
    share, folder = root / "usr/share/rspamd", work.folder / "rspamd"
    folder.mkdir()
    (folder / "rspamd.conf").write_text(RSPAMD.format(dir=folder, share=share))
    (folder / "rspamd.lua").write_text('require "global_functions" ()\n')
    (folder / "tld").write_text("com\nnet\norg\n")  # the list that it ships would be compiled for minutes, for links
    (folder / "domains.map").write_text("\n".join(work.domains) + "\n")
    names = {"SHAREDIR": share, "PLUGINSDIR": share / "plugins", "RULESDIR": share / "rules",
             "LUALIBDIR": share / "lualib", "WWWDIR": share / "www", "CONFDIR": folder, "LOCAL_CONFDIR": folder, "RUNDIR": folder, "DBDIR": folder,
             "LOGDIR": folder}
    return folder, ["-f", "-i", "-c", folder / "rspamd.conf", *(f"--var={k}={v}" for k, v in names.items())]


def ask_rspamd(path, recipient, message):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(path))
        s.sendall(b"POST /checkv2 HTTP/1.1\r\nFrom: user@example.org\r\nRcpt: someone@%s\r\nContent-Length: %d\r\n\r\n" %
                  (recipient.encode(), len(message)) + message)
        answer = b""
        while some := s.recv(65536):
            answer += some
    return b'"GATE"' in answer


def cpu_and_memory(group):
    """Of all processes of a process group: CPU seconds, MB."""
    cpu = memory = 0
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            words = stat.read_text().rsplit(")", 1)[1].split()
            if int(words[2]) == group:
                cpu += (int(words[11]) + int(words[12])) / TICKS
                memory += int(words[21]) * os.sysconf("SC_PAGESIZE") / 1e6
    return cpu, memory


def rspamd(work):
    """Mails of 20 kB, the recipients of the capture; the time of who asks is not in it."""
    root, env = pathlib.Path("/"), dict(os.environ)
    if shutil.which("rspamd") is None:
        root = LAB / "others/rspamd"
        env["LD_LIBRARY_PATH"] = f"{root}/usr/lib/rspamd"
    if not (root / "usr/bin/rspamd").exists():
        return NOT_INSTALLED
    folder, options = rspamd_settings(root, work)
    message = b"From: user@example.org\r\nSubject: report\r\n\r\n" + b"the quarterly report is attached and was sent.\r\n" * 420
    begin = time.monotonic()
    with (folder / "out").open("w") as out:
        child = subprocess.Popen([root / "usr/bin/rspamd", *options], env=env, start_new_session=True, stdout=out,
                                 stderr=out, cwd=folder)
    try:
        while not (folder / "rspamd.sock").exists() or not answers(folder / "rspamd.sock", work.domains[0], message):
            if child.poll() is not None or time.monotonic() > begin + 60:
                return "did not start: " + " ".join((folder / "out").read_text().splitlines()[-1:])
            time.sleep(0.05)
        start = time.monotonic() - begin
        before, _ = cpu_and_memory(child.pid)
        asked = work.recipients[::max(1, len(work.recipients) // work.args.mails)]
        begin = time.monotonic()
        found = collections.Counter(d for d in asked if ask_rspamd(folder / "rspamd.sock", d, message))
        wall = time.monotonic() - begin
        after, memory = cpu_and_memory(child.pid)
    finally:
        child.terminate()
        child.wait(20)
    listed = set(work.domains)
    truth = collections.Counter(d for d in asked if d in listed)
    cpu = after - before
    return {"program": "rspamd, mails only", "CPU s": round(cpu, 2), "wall s": round(wall, 2),
            "CPU s per GB": round(cpu / (len(asked) * len(message) / 1e9), 2), "CPU us per recipient":
            round(cpu / len(asked) * 1e6, 1), "memory MB": round(memory), "start-up s": round(start, 2),
            "found": sum((found & truth).values()), "missed": sum((truth - found).values()),
            "wrong": sum((found - truth).values())}


def answers(path, domain, message):
    """True as soon as it knows the list."""
    try:
        return ask_rspamd(path, domain, message)
    except OSError:
        return False


def engine_cycles(work):
    """Cycles a packet of the whole pipeline on the same traffic, and of a second of the time stamp counter."""
    done = subprocess.run([work.args.bench, "engine", "--json", "--lanes", "w", "--rounds", "5", "--batches", "60",
                           work.scenario], capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    return result["lanes"][-1]["cycles"], result["machine"]


def limits(rows, cycles, hz):
    """What is asked for against Suricata; None where it was not measured."""
    ours = next((r for r in rows if r["program"] == "postern replay"), None)
    theirs = next((r for r in rows if r["program"].startswith("Suricata")), None)
    packet = hz / (theirs["Mpps (CPU time, start-up aside)"] * 1e6) if theirs else None
    fewer_cycles = round(packet / cycles, 1) if theirs else None
    fewer_seconds = round(theirs["CPU s"] / ours["CPU s"], 1) if theirs and ours else None
    return [{"what": f"Suricata's cycles a packet ({packet or 0:.0f}) over engine's ({cycles:.0f})",
             "limit": f"at least {CYCLES_LIMIT}", "figure": fewer_cycles,
             "reached": fewer_cycles >= CYCLES_LIMIT if theirs else None},
            {"what": "Suricata's CPU seconds over those of postern replay, start-up in both",
             "limit": f"at least {CPU_LIMIT}", "figure": fewer_seconds,
             "reached": fewer_seconds >= CPU_LIMIT if fewer_seconds is not None else None}]


def print_result(result):
    for row in result["rows"]:
        print("  " + "; ".join(f"{k} {v}" for k, v in row.items()))
    for limit in result["limits"]:
        word = {True: "reached", False: "NOT REACHED", None: "not judged"}[limit["reached"]]
        print(f"  {word}: {limit['what']}: {limit['figure']}, {limit['limit']}")
    print(result["note"])


def parse(argv):
    options = argparse.ArgumentParser(prog="postern-bench compare", description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter,
                                      epilog="Exit status: 0 measured; 1 something did not work; 2 wrong usage.")
    options.add_argument("--json", action="store_true", help="the result as one JSON object")
    options.add_argument("--megabytes", type=int, default=1000, help="of the capture (default 1000)")
    options.add_argument("--domains", type=int, default=10000, help="on the list (default 10000)")
    options.add_argument("--mails", type=int, default=2000, help="for rspamd (default 2000)")
    options.add_argument("--tries", type=int, default=3, help="of replay; the least CPU counts (default 3)")
    args = options.parse_args(argv)
    if min(args.megabytes, args.domains, args.mails, args.tries) < 1:
        options.error("numbers must be 1 at least")
    args.build = pathlib.Path(os.environ["POSTERN_BUILD"])
    args.bench = args.build / "bench/postern-bench"
    return args


def main(argv):
    args = parse(argv)
    rows, skipped = [], []
    with tempfile.TemporaryDirectory(prefix="postern-compare-", dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        work = Work(pathlib.Path(folder), args)
        for program in (postern, suricata, postfix, rspamd):
            say(f"compare: {program.__name__}")
            try:
                result = program(work)
            except Failure as failure:
                result = str(failure)
            if isinstance(result, dict):
                rows.append(result)
            else:
                skipped.append(f"{program.__name__}: {result}")
        say("compare: engine")
        cycles, machine = engine_cycles(work)
    note = f"{work.packets} packets, {len(work.recipients)} recipients of which {sum(work.truth.values())} are listed."
    if skipped:
        note += " Left out: " + "; ".join(skipped) + "."
    result = {"command": "compare", "megabytes": args.megabytes, "domains": args.domains, "rows": rows,
              "limits": limits(rows, cycles, machine["tsc_hz"]), "left_out": skipped, "note": note, "machine": machine}
    if args.json:
        print(json.dumps(result))
    else:
        print_result(result)
    return 0 if any(r["program"] == "postern replay" for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
