# SPDX-License-Identifier: BSD-3-Clause
"""Gives mails to a mail server at 127.0.0.1, in one session: [[sender, [recipients], message], ...] as JSON on stdin."""

import json
import smtplib
import sys


def main(port):
    with smtplib.SMTP("127.0.0.1", int(port), timeout=60) as smtp:
        for sender, recipients, message in json.load(sys.stdin):
            refused = smtp.sendmail(sender, recipients, message.replace("\n", "\r\n"))
            if refused:
                sys.exit(str(refused))


if __name__ == "__main__":
    main(*sys.argv[1:])
