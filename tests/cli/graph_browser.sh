#!/bin/sh
# graph_browser.sh PROGRAM BIG_PAGE - opens drawn graphs in headless Chromium without a network: no error, no request; scopes
# close, search finds, the path of a weight is lit; and how long loading and a frame take, at second order and with 10,000
# operations. Exit status 77 if Chromium is not installed. Works in a temporary folder. Its last line is "N passed, N failed".
# The limits are those of a machine that has nothing else to do, times PATIENCE (4 unless it is set).
command -v chromium > /dev/null || { echo "chromium is not installed"; exit 77; }
big_page=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
set -- "$1"
script=$(cd "$(dirname "$0")" && pwd)/graph_browser.js
. "$(dirname "$0")/helpers.sh"
patience=${PATIENCE:-4}
browse() { # PAGE: the page with the script that measures it
    rm -f netlog.json
    { echo '<script>'; cat "$script"; echo '</script>'; } > measuring
    sed '/<\/body>/e cat measuring' "$1" > measured.html
    timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$work/profile" --no-first-run \
        --disable-background-networking --disable-component-update --disable-default-apps --disable-sync --disable-extensions \
        --disable-domain-reliability --host-resolver-rules='MAP * ~NOTFOUND' --window-size=1500,950 --enable-logging=stderr \
        --log-net-log="$work/netlog.json" --dump-dom "file://$work/measured.html" > dom 2> said-by-chromium
    grep -o 'data-figures="[^"]*"' dom | sed 's/&quot;/"/g; s/^data-figures="//; s/"$//' > figures
    grep '"initiator":"' netlog.json | grep -v '"initiator":"not an origin"' | grep -o '"url":"[^"]*"' | sed 's/^"url":"//; s/"$//' | grep -v -e '^data:' -e '^chrome' | sort -u > requests
}
figure() { sed 's/.*"'"$1"'":\([0-9a-z]*\).*/\1/' figures; } # NAME
holds() { # NAME PAGE
    browse "$2"
    echo "$1: $(cat figures)"
    check "$1: Chromium opens it" [ -s figures ]
    check "$1: no error: $(grep -m 1 CONSOLE said-by-chromium) $(grep -o 'data-error="[^"]*"' dom)" \
        [ -z "$(grep -e CONSOLE said-by-chromium)$(grep -o 'data-error="[^"]*"' dom)" ]
    check "$1: requests nothing: $(head -n 3 requests)" [ ! -s requests ]
    check "$1: few nodes are shown at first" [ "$(figure shown)" -le 250 ]
    for what in opens closes finds lights; do check "$1: $what" [ "$(figure $what)" = true ]; done
    check "$1: is shown within a second: $(figure loaded) ms" [ "$(figure loaded)" -lt $((1000 * patience)) ]
    check "$1: a frame within 50 ms: $(figure median), all open $(figure medianAll)" [ "$(figure median)" -lt $((50 * patience)) -a "$(figure medianAll)" -lt $((50 * patience)) ]
    check "$1: the longest frame: $(figure longest), all open $(figure longestAll)" [ "$(figure longestAll)" -lt $((200 * patience)) ]
}
works "a page" graph contractive --order 2 --out one.html
holds "contractive, order 2" one.html
works "a page with a prior" graph variational --order 1 --out two.html
holds "variational" two.html
operations=$("$big_page" big.html 10000 | cut -d ' ' -f 1)
check "a big page: $operations operations" [ "$operations" -ge 10000 ]
holds "a big page" big.html

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
