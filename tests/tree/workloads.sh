#!/bin/sh
# workloads.sh SOURCE - the table and the JSON of bench/workloads from fixed measurements, its refusals, and that PyTorch's
# and JAX's programs have each workload of bench/workload_table.c.
set -eu
bench=$1/bench
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
passed=0 failed=0
judge() { if [ "$1" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $2"; fi; }

# Two turns: the fastest library that worked in both is compared in each turn.
cat >"$stage/times" <<'END'
ours 1 {"name": "tied", "batch": 128, "step": 100.0, "floor": 200.0, "floor_cold": 300.0, "of_floor": 0.500, "goal_of_floor": 0.95, "goal_of_peer": 0.65},
head 0 {"threads": 2, "isa": "avx2", "blas": "OpenBLAS 0.3.21 Haswell, pthread", "workloads": [
1 tied eager 400.0
1 tied compiled 500.0
1 tied jit failed
ours 1 {"name": "rows", "step": 100.0, "floor": null, "floor_cold": null, "of_floor": null, "goal_of_floor": null, "goal_of_peer": 0.15}
ours 2 {"name": "tied", "batch": 128, "step": 300.0, "floor": 250.0, "floor_cold": 310.0, "of_floor": 1.200, "goal_of_floor": 0.95, "goal_of_peer": 0.65},
2 tied eager 200.0
2 tied compiled 500.0
2 tied jit 10.0
ours 2 {"name": "rows", "step": 110.0, "floor": null, "floor_cold": null, "of_floor": null, "goal_of_floor": null, "goal_of_peer": 0.15}
END
cat >"$stage/table" <<'END'
2 threads, avx2, OpenBLAS 0.3.21 Haswell, pthread, 2 turns. Median microseconds; goals in brackets.
                        floor, hot       cold Palindrome         eager      compiled           jit      of floor    of best peer
tied                           225        305        200           300           500             -   0.85 (0.95)     0.88 (0.65)
rows                             -          -        105             -             -             -      - (-)        - (0.15)
END
cat >"$stage/json" <<'END'
{"threads": 2, "isa": "avx2", "blas": "OpenBLAS 0.3.21 Haswell, pthread", "turns": 2, "workloads": [
{"name": "tied", "step": 200.0, "floor": 225.0, "floor_cold": 305.0, "eager": 300.0, "compiled": 500.0, "jit": null, "of_floor": 0.850, "goal_of_floor": 0.95, "best_peer": "eager", "of_peer": 0.875, "goal_of_peer": 0.65},
{"name": "rows", "step": 105.0, "floor": null, "floor_cold": null, "eager": null, "compiled": null, "jit": null, "of_floor": null, "goal_of_floor": null, "best_peer": null, "of_peer": null, "goal_of_peer": 0.15}
]}
END
awk -v json= -v turns=2 -f "$bench/workloads.awk" "$stage/times" | diff "$stage/table" - && status=0 || status=$?
judge $status "the table"
# The least of each, and their ratios.
cat >"$stage/least" <<'END'
2 threads, avx2, OpenBLAS 0.3.21 Haswell, pthread, 2 turns. Least microseconds; goals in brackets.
                        floor, hot       cold Palindrome         eager      compiled           jit      of floor    of best peer
tied                           200        300        100           200           500             -   0.50 (0.95)     0.50 (0.65)
rows                             -          -        100             -             -             -      - (-)        - (0.15)
END
awk -v json= -v least=1 -v turns=2 -f "$bench/workloads.awk" "$stage/times" | diff "$stage/least" - && status=0 || status=$?
judge $status "the table of the least"
awk -v json=1 -v turns=2 -f "$bench/workloads.awk" "$stage/times" | diff "$stage/json" - && status=0 || status=$?
judge $status "the JSON"

# Each is wrong before anything is built.
for wrong in "--turns 0" "--turns many" "--threads" "--threads 0" "--unknown" "one two"; do
    "$bench/workloads" $wrong >"$stage/out" 2>"$stage/line" && status=0 || status=$?
    [ $status = 2 ] && [ ! -s "$stage/out" ] && grep -q '^usage: bench/workloads' "$stage/line" && status=0 || status=1
    judge $status "bench/workloads $wrong"
done

sed -n 's/^    {\.name = "\(.*\)",$/\1/p' "$bench/workload_table.c" | sort >"$stage/names"
[ "$(wc -l <"$stage/names")" -eq 8 ] && status=0 || status=1
judge $status "workload_table.c does not have eight names"
for peer in torch jax; do
    sed -n 's/^    "\([a-z-]*\)": (.*),$/\1/p' "$bench/${peer}_peer.py" | sort | diff "$stage/names" - && status=0 || status=$?
    judge $status "the workloads of ${peer}_peer.py"
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
