# SPDX-License-Identifier: Apache-2.0
# Counts the cases of a TAP stream, nested ones too, and writes the failed ones with what they said to the file FAILURES:
#   awk -v FAILURES=file -f count_tap.awk stream.tap     → "passed failed skipped"
#
# Node's runner also reports each describe() and each file as a test; those only repeat what their cases say.

function settle(   is_group) {
	if (verdict == "")
		return
	is_group = said ~ /type: 'suite'/ || said ~ /failureType: 'subtestsFailed'/ ||
		(verdict == "ok" && name ~ /\.(m?js|ts)$/)
	if (is_group) {
	} else if (skipped)
		n_skipped++
	else if (verdict == "ok")
		n_passed++
	else {
		n_failed++
		print "not ok: " name said > FAILURES
	}
	verdict = said = ""
	n_said = 0
}

/^# (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) / { next }

/^[ \t]*(not ok|ok) [0-9]+/ {
	settle()
	verdict = $1 == "not" ? "not ok" : "ok"
	name = $0
	sub(/^[ \t]*(not ok|ok) [0-9]+ *-? */, "", name)
	skipped = toupper(name) ~ /# *(SKIP|TODO)/
	said = verdict == "not ok" ? before : ""
	before = ""
	next
}
/^[ \t]*(# Subtest|1\.\.|TAP version)/ { next }
# What a file says while it is loaded comes before its verdict.
/^#/ && verdict != "not ok" {
	before = before "\n" $0
	next
}
verdict != "" && n_said++ < 60 { said = said "\n" $0 }
END {
	settle()
	printf "%d %d %d\n", n_passed, n_failed, n_skipped
}
