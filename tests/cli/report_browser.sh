#!/bin/sh
# report_browser.sh PROGRAM - opens pages of report in headless Chromium without a network: the text that a reader sees is
# that of the file, in order, and nothing is requested. A page that does request something shows that this is seen. Exit
# status 77 if Chromium is not installed. Works in a temporary folder. Its last line is "N passed, N failed".
command -v chromium > /dev/null || { echo "chromium is not installed"; exit 77; }
. "$(dirname "$0")/helpers.sh"
small="--data data --batch 16 --epochs 2 --quiet --threads 1"
# browse PAGE: the elements after loading are in the file dom, the addresses of all that the page requests in the file
# requests. The browser's own requests, and that of the page, are "not an origin" in its log.
browse() {
    rm -f netlog.json
    timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$work/profile" --no-first-run \
        --disable-background-networking --disable-component-update --disable-default-apps --disable-sync --disable-extensions \
        --disable-domain-reliability --host-resolver-rules='MAP * ~NOTFOUND' --virtual-time-budget=5000 --log-net-log="$work/netlog.json" --dump-dom \
        "file://$work/$1" > dom 2> said-by-chromium
    grep '"initiator":"' netlog.json | grep -v '"initiator":"not an origin"' | grep -o '"url":"[^"]*"' | sed 's/^"url":"//; s/"$//' | grep -v -e '^data:' -e '^chrome' | sort -u > requests
}
words() { # what a reader sees, one word a line
    sed -e '/<style>/,/<\/style>/d' "$1" | sed -e 's/<[^>]*>/ /g' \
        -e 's/&#39;/'"'"'/g; s/&quot;/"/g; s/&lt;/</g; s/&gt;/>/g; s/&nbsp;/ /g; s/&amp;/\&/g' | tr -s ' \t\n' '\n' | grep .
}
shows() { # WHAT PAGE
    browse "$2"
    check "$1: Chromium opens it" grep -q '<main>' dom
    words "$2" > wanted
    words dom > seen
    check "$1: has words" [ "$(wc -l < wanted)" -gt 300 ]
    check "$1: shows what is in the file: $(diff wanted seen | head -n 4 | tr '\n' ' ')" cmp -s wanted seen
    check "$1: has a log of its loading" grep -q '"initiator":"not an origin"' netlog.json
    check "$1: requests nothing: $(head -n 3 requests)" [ ! -s requests ]
}
printf '<!DOCTYPE html><html><body><main>x</main><img src="http://localhost:9/x.png"></body></html>' > loads.html
browse loads.html
check "a page that loads a picture is found out" grep -q '^http://localhost:9/x.png$' requests

works "a run" train denoising $small --hidden 6 --out one
works "another run" train variational $small --layers 6,2 --out two
works "a page" report one --title 'A <b>title</b> & "more"' --out one.html
works "a page with a prior" report two --out two.html
works "a page of both" report one two --out both.html
shows "a page" one.html
shows "a page with a prior" two.html
shows "a page of two runs" both.html

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
