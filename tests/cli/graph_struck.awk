# graph_struck.awk - reads an SVG picture that dot has made, and prints the texts of edges and frames that an edge
# strikes through, one a line, then the number of texts. A text is taken as a box of half a font size for each letter.
function number(line, name,  at, rest) {
    at = index(line, " " name "=\"")
    if (!at) return ""
    rest = substr(line, at + length(name) + 3)
    rest = substr(rest, 1, index(rest, "\"") - 1)
    return rest ~ /^-?[0-9.]+$/ ? rest + 0 : rest
}
/class="(edge|node|cluster|graph)"/ { kind = $0; sub(/.*class="/, "", kind); sub(/".*/, "", kind) }
/<path/ && kind == "edge" {
    d = number($0, "d")
    gsub(/[MC, ]+/, " ", d)
    sub(/^ /, "", d)
    path[++paths] = d
}
/<text/ && (kind == "edge" || kind == "cluster") {
    words = $0
    sub(/^[^>]*>/, "", words)
    sub(/<.*/, "", words)
    gsub(/&#160;/, " ", words)
    gsub(/\302\240/, " ", words)
    full = words
    gsub(/&[^;]*;/, "x", words)
    gsub(/[\200-\277]/, "", words)
    size = number($0, "font-size")
    middle = number($0, "x")
    width = 0.5 * size * length(words)
    anchor = number($0, "text-anchor")
    left = anchor == "start" ? middle : middle - width / 2
    lead = words
    sub(/[^ ].*/, "", lead)
    trail = words
    sub(/.*[^ ]/, "", trail)
    if (lead == words) next
    texts++
    name[texts] = kind " text " full
    own[texts] = kind == "edge" ? paths : 0
    x0[texts] = left + 0.28 * size * length(lead) + 1
    x1[texts] = left + width - 0.28 * size * length(trail) - 1
    y1[texts] = number($0, "y")
    y0[texts] = y1[texts] - 0.6 * size
}
END {
    for (p = 1; p <= paths; p++) {
        n = split(path[p], c, " ")
        for (k = 1; k + 7 <= n; k += 6)
            for (step = 0; step <= 40; step++) {
                s = step / 40
                r = 1 - s
                x = r * r * r * c[k] + 3 * r * r * s * c[k + 2] + 3 * r * s * s * c[k + 4] + s * s * s * c[k + 6]
                y = r * r * r * c[k + 1] + 3 * r * r * s * c[k + 3] + 3 * r * s * s * c[k + 5] + s * s * s * c[k + 7]
                for (i = 1; i <= texts; i++)
                    if (x > x0[i] && x < x1[i] && y > y0[i] && y < y1[i]) struck[i] = own[i] == p ? "by its own edge" : "by another edge"
            }
    }
    for (i = 1; i <= texts; i++)
        if (struck[i] != "") print "struck " struck[i] ": " name[i]
    print texts + 0, "texts"
}
