# workloads.awk - the table of bench/workloads, or JSON if `json` is set, from the measurements of its turns: their
# medians, or the least of them if `least` is set. Input lines:
#     ours TURN {"name": ..., }            a line of bench_workloads --json
#     head 0 {"threads": ..., }            the line before it
#     TURN NAME IMPLEMENTATION TIME        the time of another library in microseconds, or "failed"
function field(line, key,    text) {
    if (!match(line, "\"" key "\": (\"[^\"]*\"|[^,}]*)")) return ""
    text = substr(line, RSTART + length(key) + 4, RLENGTH - length(key) - 4)
    gsub(/"/, "", text)
    return text
}

# The figure for value[name, what, turn] over the turns; "" if a turn lacks it.
function figure(name, what,    i, k, x, sorted) {
    for (i = 1; i <= turns; i++) {
        if (value[name, what, i] !~ /^[0-9.]+$/) return ""
        x = value[name, what, i] + 0
        for (k = i - 1; k >= 1 && sorted[k] > x; k--) sorted[k + 1] = sorted[k]
        sorted[k + 1] = x
    }
    if (least) return sorted[1]
    return turns % 2 ? sorted[(turns + 1) / 2] : (sorted[turns / 2] + sorted[turns / 2 + 1]) / 2
}

function known(x) { return x != "" && x != "null" }
function cell(x, digits) { return known(x) ? sprintf("%.*f", digits, x) : "-" }
function number(x, digits) { return known(x) ? sprintf("%.*f", digits, x) : "null" }
function quoted(x) { return x == "" ? "null" : "\"" x "\"" }

$1 == "head" { head = $0; sub(/^head 0 /, "", head); next }
$1 == "ours" {
    name = field($0, "name")
    if (!(name in goal)) {
        order[++n] = name
        goal[name] = field($0, "goal_of_floor")
        peer_goal[name] = field($0, "goal_of_peer")
    }
    split("step floor floor_cold of_floor", keys)
    for (k in keys) value[name, keys[k], $2] = field($0, keys[k])
    next
}
{
    value[$2, $3, $1] = $4
    if (!($3 in seen)) { seen[$3] = 1; peer[++peers] = $3 }
}

function share(name, turn, what) {
    return least ? figure(name, "step") / figure(name, what) : value[name, "step", turn] / value[name, what, turn]
}

# The fastest of the other libraries. In each turn the step's time becomes a share of that library's; least times are
# compared with each other instead, since they come from several turns.
function compare(name,    p, t, time, best, fastest) {
    best = ""
    for (p = 1; p <= peers; p++) {
        time = figure(name, peer[p])
        if (time != "" && (best == "" || time < fastest)) { best = peer[p]; fastest = time }
    }
    for (t = 1; t <= turns; t++) {
        if (best != "") value[name, "of_peer", t] = share(name, t, best)
        if (least && known(value[name, "floor", t])) value[name, "of_floor", t] = share(name, t, "floor")
    }
    return best
}

function print_json(name, first,    p, best) {
    best = compare(name)
    printf "%s\n{\"name\": \"%s\", \"step\": %s", (first ? "" : ","), name, number(figure(name, "step"), 1)
    printf ", \"floor\": %s", number(figure(name, "floor"), 1)
    printf ", \"floor_cold\": %s", number(figure(name, "floor_cold"), 1)
    for (p = 1; p <= peers; p++) printf ", \"%s\": %s", peer[p], number(figure(name, peer[p]), 1)
    printf ", \"of_floor\": %s, \"goal_of_floor\": %s", number(figure(name, "of_floor"), 3), goal[name]
    printf ", \"best_peer\": %s, \"of_peer\": %s", quoted(best), number(figure(name, "of_peer"), 3)
    printf ", \"goal_of_peer\": %s}", peer_goal[name]
}

function print_row(name,    p) {
    compare(name)
    printf "%-23s %10s %10s", name, cell(figure(name, "floor"), 0), cell(figure(name, "floor_cold"), 0)
    printf " %10s", cell(figure(name, "step"), 0)
    for (p = 1; p <= peers; p++) printf " %13s", cell(figure(name, peer[p]), 0)
    printf " %6s (%s)", cell(figure(name, "of_floor"), 2), cell(goal[name], 2)
    if (peers) printf " %8s (%s)", cell(figure(name, "of_peer"), 2), cell(peer_goal[name], 2)
    print ""
}

END {
    if (json) {
        sub(/, "workloads".*/, "", head)
        printf "%s, \"turns\": %d, \"workloads\": [", head, turns
        for (i = 1; i <= n; i++) print_json(order[i], i == 1)
        print "\n]}"
        exit
    }
    printf "%s threads, %s, %s, %d turns. ", field(head, "threads"), field(head, "isa"), field(head, "blas"), turns
    print (least ? "Least" : "Median") " microseconds; goals in brackets."
    printf "%-23s %10s %10s %10s", "", "floor, hot", "cold", "Palindrome"
    for (p = 1; p <= peers; p++) printf " %13s", peer[p]
    printf " %13s", "of floor"
    if (peers) printf " %15s", "of best peer"
    print ""
    for (i = 1; i <= n; i++) print_row(order[i])
}
