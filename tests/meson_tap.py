#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints what `meson test` ran as one TAP stream: meson_tap.py testlog.json

meson keeps each test's own TAP but counts programs, not cases; and a program that dies says nothing in TAP at all."""
import json
import re
import sys

TAIL_LINES = 40

LINE = re.compile(r"^\s*(not ok|ok)\b\s*\d*\s*-?\s*(.*)$")


def tail(entry):
    """What the program said apart from its TAP, as TAP comments."""
    lines = (entry.get("stderr") or "").splitlines()
    lines += [line for line in (entry.get("stdout") or "").splitlines() if not LINE.match(line)]
    return ["#   " + line for line in lines[-TAIL_LINES:]]


def cases(entry, program):
    """(verdict, description) of each TAP line."""
    for line in (entry.get("stdout") or "").splitlines():
        match = LINE.match(line)
        if match:
            yield match.group(1), f"{program}: {match.group(2)}"


number = 0
for line in open(sys.argv[1], encoding="utf-8", errors="replace"):
    entry = json.loads(line)
    program = re.sub(r"^.* / ", "", entry["name"]).split(":")[-1].strip()
    found = list(cases(entry, program))
    failed_case = any(verdict == "not ok" and "# SKIP" not in text for verdict, text in found)
    if not found and entry["result"] == "SKIP":
        found = [("ok", f"{program} # SKIP")]
    elif not found and entry["result"] == "OK":
        found = [("ok", program)]
    elif entry["result"] not in ("OK", "SKIP", "EXPECTEDFAIL") and not failed_case:
        found.append(("not ok", f"{program}: {entry['result']}, exit status {entry.get('returncode')}"))
        failed_case = True
    for verdict, text in found:
        number += 1
        print(f"{verdict} {number} - {text}")
        if verdict == "not ok" and "# SKIP" not in text:
            print("\n".join(tail(entry)))
print(f"1..{number}")
