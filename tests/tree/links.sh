#!/bin/sh
# links.sh SOURCE - every file that README.md or a page of docs/ links to or shows is there, and every SVG file among the
# pictures is well-formed (where xmllint is installed). Prints what is wrong; its last line is "N passed, N failed".
set -eu
cd "$1"
passed=0 failed=0
wrong() { failed=$((failed + 1)); echo "FAILED: $*"; }

for page in README.md docs/*.md; do
    folder=$(dirname "$page")
    # Targets of ](...) and src="...", without code blocks, anchors and addresses of other sites.
    for target in $(awk '/^ *```/ { code = !code } !code && !/^    /' "$page" | grep -oE '\]\([^)#: ]+|src="[^":]+' |
        sed 's/^](//; s/^src="//' | sort -u); do
        if [ -e "$folder/$target" ]; then passed=$((passed + 1)); else wrong "$page: $target is not there"; fi
    done
done
for picture in docs/images/*.svg docs/images/*/*.svg; do
    grep -q '<svg' "$picture" || { wrong "$picture is no SVG file"; continue; }
    if ! command -v xmllint > /dev/null || xmllint --huge --noout "$picture" 2> /dev/null; then passed=$((passed + 1))
    else wrong "$picture: not well-formed"; fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
