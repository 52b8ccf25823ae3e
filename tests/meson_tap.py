#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints what `meson test` ran as one TAP stream: meson_tap.py testlog.json

meson keeps each test's own TAP but counts programs, not cases; and a program that dies says nothing in TAP at all."""
import json
import re
import sys

TAIL_LINES = 40

LINE = re.compile(r"^\s*(not ok|ok)\b\s*\d*\s*-?\s*(.*)$")


def cases(entry, program):
    """[verdict, description, what it said below] of each TAP line."""
    found = []
    for line in (entry.get("stdout") or "").splitlines():
        match = LINE.match(line)
        if match:
            # cmocka 1.1 says "not ok" of what it skipped, and meson then takes the program for failed.
            verdict = "ok" if "# SKIP" in match.group(2) else match.group(1)
            found.append([verdict, f"{program}: {match.group(2)}", []])
        elif found and not line.startswith("1.."):
            found[-1][2].append(line)
    return found


def is_failed(case):
    return case[0] == "not ok"


def ended_well(entry):
    return entry["result"] in ("OK", "SKIP", "EXPECTEDFAIL") or entry.get("returncode") == 0


def complete(entry, program, found):
    """Adds what TAP left out: programs that speak none, that were skipped whole, or that died."""
    if not found and entry["result"] == "SKIP":
        found.append(["ok", f"{program} # SKIP", []])
    elif not found and entry["result"] == "OK":
        found.append(["ok", program, []])
    elif not (ended_well(entry) and found) and not any(map(is_failed, found)):
        found.append(["not ok", f"{program}: {entry['result']}, exit status {entry.get('returncode')}", []])
    failed = list(filter(is_failed, found))
    if failed:  # standard error belongs to no case; the last failed one shows it
        failed[-1][2] += (entry.get("stderr") or "").splitlines()[-TAIL_LINES:]


number = 0
for line in open(sys.argv[1], encoding="utf-8", errors="replace"):
    entry = json.loads(line)
    program = re.sub(r"^.* / ", "", entry["name"]).split(":")[-1].strip()
    found = cases(entry, program)
    complete(entry, program, found)
    for case in found:
        number += 1
        print(f"{case[0]} {number} - {case[1]}")
        if is_failed(case):
            for said in case[2][-2 * TAIL_LINES:]:
                print("#   " + said)
print(f"1..{number}")
