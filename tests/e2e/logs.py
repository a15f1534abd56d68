# SPDX-License-Identifier: BSD-3-Clause
"""What mail programs write about sessions: how they ended, and under which id a mail was queued."""

import collections
import re


def has_queue_id(kind, log, answer):
    """The quarantine's answer to a mail names the id that its own log has."""
    form = {"postfix": r"queued as (\w+)$", "opensmtpd": r"([0-9a-f]{8}) Message accepted"}[kind]
    found = re.search(form, answer)
    trace = {"postfix": "{}: ", "opensmtpd": "smtp message msgid={} "}[kind]
    return bool(found) and trace.format(found.group(1)) in log


def unended(log, begin, end):
    """Sessions that begin in this log and do not end in it, by their client's port. Some that end in it began before."""
    left = collections.Counter(re.findall(begin, log)) - collections.Counter(re.findall(end, log))
    return [f"the session of port {port} is open, or did not end as it should" for port in left]


def is_open(fault):
    """It may be none in a while."""
    return " is open, or " in fault


def postfix_faults(log, moved):
    found = re.findall(
        r".*(?:lost connection|timeout after|improper command pipelining after (?!NOOP)|too many errors|warning:).*", log)
    found += unended(log, r" connect from \S+\]:(\d+)", r" disconnect from \S+\]:(\d+)")
    for port in moved:
        end = re.search(rf" disconnect from \S+\]:{port} ehlo=1.* rset=\d.* quit=1 commands=\d+\n", log)
        found += [] if end else [f"the moved session of port {port} did not end with RSET and QUIT"]
    return found


def exim_faults(log, moved):
    found = re.findall(
        # A pipelined DATA behind a recipient that was put off, and so is not seen there, is no fault.
        r".*(?:SMTP protocol error in \S+ (?!.*valid RCPT command must precede)|SMTP syntax|SMTP connection .* lost|timeout|unexpected disconnection|closed by DROP|rejected).*", log)
    found += unended(log, r"SMTP connection from .*\]:(\d+) .*\(TCP/IP connection count", r"SMTP connection from .*\]:(\d+) .*closed by QUIT")
    for port in moved:
        for end in ("incomplete transaction \\(RSET\\)", "closed by QUIT"):
            if not re.search(rf"\]:{port} .*{end}|{end}.*\]:{port}", log):
                found.append(f"port {port}: no {end}")
    return found


def opensmtpd_faults(log, moved):
    """It names no ports: sessions are counted."""
    begun, ended = (set(re.findall(form, log)) for form in (r"(\w{16}) smtp connected", r"(\w{16}) smtp disconnected reason=quit"))
    found = re.findall(r".*(?:smtp failed-command command=.(?!NOOP)|smtp disconnected reason=(?!quit)|smtp bad-input).*", log)
    found += [f"session {one} did not end with QUIT" for one in begun ^ ended]
    without = ended - set(re.findall(r"(\w{16}) smtp message", log))
    return found + ([f"{len(moved)} sessions moved, {len(without)} ended without a mail"] if len(without) < len(moved) else [])


MAILS = {"postfix": r"(?<!NOQUEUE): client=", "exim": r" <= ", "opensmtpd": r" smtp message msgid="}
FAULTS = {"postfix": postfix_faults, "exim": exim_faults, "opensmtpd": opensmtpd_faults}


def faults(server, log, moved, mails):
    """What is in a server's log and should not be: `moved` ports of sessions that left it, `mails` that it may have."""
    logged = len(re.findall(MAILS[server], log))
    return FAULTS[server](log, moved) + ([f"{logged} mails in the log, {mails} stored"] if logged != mails else [])


def swaks_ended(answers, recipients):
    """{recipient: whether a server has the mail} by the codes of all replies: greeting, EHLO, MAIL, one per RCPT, DATA, mail."""
    codes = answers[3:3 + len(recipients)]
    rest = answers[3 + len(recipients):]
    taken = rest[:2] == ["354", "250"]
    return {r: taken and code == "250" for r, code in zip(recipients, codes + ["451"] * len(recipients))}


def chunks_ended(answers, recipients):
    codes = answers[3:3 + len(recipients)]
    rest = answers[3 + len(recipients):]
    taken = rest[:2] == ["250", "250"]
    return {r: taken and code == "250" for r, code in zip(recipients, codes + ["451"] * len(recipients))}
