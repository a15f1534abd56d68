#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# postern check and postern explain, as their user sees them. Usage: explain_test.sh POSTERN SHIPPED_RULES
set -u
postern=$1
shipped=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

# is NAME EXPECTED GOT
is() {
  if [ "$2" == "$3" ]; then
    echo "ok: $1"
  else
    printf 'FAILED: %s\n  expected: %s\n  got:      %s\n' "$1" "$2" "$3"
    failed=1
  fi
}

explain() { "$postern" explain --tsv --rules "$@"; }

cat >"$dir/a.conf" <<'RULES'
rule r1 reject rcpt domain army.ml means=army.mil class=tld mode=observe
rule r2 flag   from regex  @navy\.ml$
allow rcpt domain ok.army.ml id=fine
rule b1 reject banner domain mx.navy.ml
RULES
tab=$'\t'

is "a flagged domain has all columns, as if enforced" \
  "army.ml${tab}reject${tab}r1${tab}tld${tab}army.mil" "$(explain "$dir/a.conf" army.ml)"
is "a passing name has dashes" "army.nl${tab}pass${tab}-${tab}-${tab}-" "$(explain "$dir/a.conf" army.nl)"
is "an address is judged like its domain" "reject" "$(explain "$dir/a.conf" 'Bob@x.ARMY.ml.' | cut -f2)"
is "an allowed name says so" "allow${tab}fine" "$(explain "$dir/a.conf" a.ok.army.ml | cut -f2,3)"
is "a sender's rule is found for a bare domain" "flag${tab}r2" "$(explain "$dir/a.conf" navy.ml | cut -f2,3)"
is "a sender's rule is no recipient's" "pass" "$(explain "$dir/a.conf" --field rcpt navy.ml | cut -f2)"
is "a server's name is asked for by its field" "reject${tab}b1" "$(explain "$dir/a.conf" --field banner mx.navy.ml | cut -f2,3)"
is "a rule on servers is none on addresses" "pass" "$(explain "$dir/a.conf" mx.navy.ml | cut -f2)"
is "names come from standard input, one a line" "army.ml reject x@navy.ml flag " \
  "$(printf 'army.ml\r\n\nx@navy.ml' | explain "$dir/a.conf" - | cut -f1,2 | tr '\t\n' '  ')"
is "JSON has the same facts" \
  '{"name":"army.ml","verdict":"reject","rule":"r1","class":"tld","means":"army.mil","mode":"observe"}' \
  "$("$postern" explain --json --rules "$dir/a.conf" army.ml)"
is "text is for people" "army.ml: reject, rule r1, class tld, means army.mil (for now only flagged: mode observe)" \
  "$("$postern" explain --rules "$dir/a.conf" army.ml)"

"$postern" check "$dir/a.conf" >"$dir/out"
is "a sound file is no failure" 0 $?
is "a sound file is summed up" "4 rules, 4 patterns, 1 files, 0 warnings" "$(sed 's/.*conf: //; s/, [0-9.]* s$//' "$dir/out")"
echo "bogus" >"$dir/b.conf"
"$postern" check "$dir/a.conf" "$dir/b.conf" >/dev/null 2>"$dir/err"
is "an error in any file is a failure" 1 $?
is "an error names file, line and column" \
  "$dir/b.conf:1:1: error: \"bogus\" is no statement; expected rule, allow, include, protect, exempt or group" "$(head -1 "$dir/err")"
is "check has JSON" "false" "$("$postern" check --json "$dir/b.conf" | grep -o '"ok":[a-z]*' | cut -d: -f2)"
explain "$dir/b.conf" army.ml >/dev/null 2>&1
is "explain fails where the rules are wrong" 1 $?
"$postern" check >/dev/null 2>&1
is "a missing argument is wrong usage" 2 $?
"$postern" bogus >/dev/null 2>&1
is "an unknown command is wrong usage" 2 $?
is "help explains a command" "usage: postern explain [options] [NAME... | -]" "$("$postern" help explain | head -1)"
is "the version is printed" "postern" "$("$postern" --version | cut -d' ' -f1)"

cat >"$dir/p.conf" <<'RULES'
protect army.mil mode=enforce
protect gmail.com
exempt gmial.com id=real
RULES
is "a lookalike is refused, with class and what was meant" \
  "army.ml${tab}reject${tab}protect:army.mil${tab}suffix-pair${tab}army.mil" "$(explain "$dir/p.conf" army.ml)"
is "a class that only observes flags" "flag" "$(explain "$dir/p.conf" gmail.net | cut -f2)"
is "an exempt name says why" "exempt${tab}real" "$(explain "$dir/p.conf" gmial.com | cut -f2,3)"
is "a protected name is exempt" "exempt${tab}protect:gmail.com" "$(explain "$dir/p.conf" mx.gmail.com | cut -f2,3)"
is "the closest protected name is named, with the slip" "gmial.con${tab}gmail.com${tab}2${tab}two-slips" \
  "$("$postern" explain --near --rules "$dir/p.conf" gmial.con | head -1)"
is "what would be matched is listed" "army.iml army.mli " \
  "$("$postern" expand --class suffix-transposition army.mil | cut -f3 | tr '\n' ' ')"
printf 'protect %s\n' army.mil hp.com co.com mail.com mial.com >"$dir/r.conf"
echo "exempt amil.com id=real" >>"$dir/r.conf"
"$postern" check -v "$dir/r.conf" >"$dir/out"
refused() { grep -c "^refused $1\$" "$dir/out"; }
is "check -v says which slip is a protected name" 1 "$(refused 'mial.com, transposition of mail.com: protected by protect:mial.com')"
is "and which is an exempt one" 1 "$(refused 'amil.com, transposition of mail.com: exempt by real')"
is "and which is in a closed registry" 1 "$(refused 'amry.mil, transposition of army.mil: exempt by exempt:registries')"
is "and which has too few letters" "any-letter of army.mil" \
  "$(grep 'too few letters before the suffix$' "$dir/out" | head -1 | sed 's/.*, //; s/:.*//')"
is "and which is a public suffix" 1 "$(refused 'co.cm, suffix-pair of co.com: a bare public suffix')"
is "and which cannot be" 1 "$(refused 'h-.com, key-replaced of hp.com: no possible name')"
is "all of them are counted" 1 "$(grep -c '^[0-9]* slips refused; protected: [0-9]*; exempt: .*; no possible name: [0-9]*$' "$dir/out")"
is "some for each reason are shown" 100 "$(grep -c 'too few letters before the suffix$' "$dir/out")"
is "nothing of it is said without -v" 0 "$("$postern" check "$dir/r.conf" | grep -c refused)"
event() { printf '{"class":"vowel","means":"gmail.com","rule":"protect:gmail.com","action":"reject","verdict":"flag"'; }
for i in 1 2 3 4 5 1; do echo "$(event),\"domain\":\"gmoil.com\",\"address\":\"$i@gmoil.com\"}"; done >"$dir/events"
is "a name of many people is proposed as an exemption" \
  "exempt gmoil.com  # 5 different recipients in 6 hits; vowel of gmail.com" "$("$postern" suggest "$dir/events")"
is "a name without such hits is proposed for enforcing" \
  "# protect:gmail.com: mode=enforce  # 6 hits on 1 names, none with 6 different recipients" \
  "$("$postern" suggest --people 6 - <"$dir/events")"

(cat "$dir/events"; echo '{"rule":"r1","address":"a@b.ml","domain":"b.ml","verdict":"flag"}'; echo '{"cut') >"$dir/more"
is "hits are counted by rule and class, from an event file" "protect:gmail.com vowel 6 5 gmail.com|r1 1 1|" \
  "$("$postern" show rules --hits --events "$dir/more" | grep -E '^(protect|r1)' | tr -s ' ' | sed 's/ $//' | tr '\n' '|')"
is "and as JSON" \
  '{"rule":"r1","class":"","hits":1,"recipients":1,"or_more":false,"means":""}' \
  "$("$postern" show rules --hits --json --events "$dir/more" | grep -o '{"rule":"r1"[^}]*}')"
printf 'events: {path: %s}\n' "$dir/more" >"$dir/s.yaml"
is "the settings name the file" 1 "$("$postern" show rules --hits --config "$dir/s.yaml" | grep -c '^2 of 2 rules')"
is "many different people are counted up to a bound" "1024,\"or_more\":true" \
  "$(seq 3000 | sed 's/.*/{"rule":"r2","address":"&@b.ml"}/' | "$postern" show rules --hits --json --events - |
    grep -o '1024,"or_more":[a-z]*')"
"$postern" show rules --hits --events "$dir/none" >/dev/null 2>&1
is "a missing event file is a failure" 1 $?
"$postern" show flows --hits >/dev/null 2>&1
is "only rules have hits" 2 $?

"$postern" check "$shipped" >/dev/null
is "the shipped rules are sound" 0 $?
is "the shipped rules refuse Mali's look-alikes of .mil" "reject reject reject reject " \
  "$(explain "$shipped" army.ml x@us.af.ml smil.ml armymil | cut -f2 | tr '\n' ' ')"
is "the shipped rules spare real names" "" \
  "$(explain "$shipped" army.mil us.army.mil army.nl gouv.ml primature.gov.ml usttb.edu.ml google.ml malitel.ml \
    essor.ml gmail.com goarmy.com navyfederal.org ml | awk -F'\t' '$2 != "pass" && $2 != "allow" && $2 != "exempt"')"

seq 100000 | sed 's/.*/user&@host&.example.org/' >"$dir/names"
begin=$(date +%s%N)
explain "$shipped" <"$dir/names" | wc -l >"$dir/count"
took=$((($(date +%s%N) - begin) / 1000000))
is "100,000 names are all judged" 100000 "$(cat "$dir/count")"
[ -n "${SLOW_BUILD:-}" ] || is "and in less than two seconds ($took ms)" 1 $((took < 2000))

exit $failed
