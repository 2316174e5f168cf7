#!/bin/sh
# shards.sh PROGRAM - tests `palindrome train --shards` in one process: the run keeps its shards, whoever goes on with it
# or repeats it; what cannot be cut is refused. Its last line is "N passed, N failed".
. "$(dirname "$0")/helpers.sh"
small="--data data --batch 16 --epochs 2 --hidden 6 --quiet"

works "a run of four shards" train basic $small --shards 4 --out four
check "run.json has the shards" grep -q '"shards": 4' four/run.json
check "several shards are computed with one lane" grep -q '"lanes": 1,' four/run.json
works "a run of one shard" train basic $small --shards 1 --lanes 1 --out one
works "a run that nobody has cut" train basic $small --lanes 1 --out whole
check "one shard is no shard" [ "$(grep -c shards whole/run.json)" = 0 ]
check "one shard changes no bit" cmp -s one/checkpoint.safetensors whole/checkpoint.safetensors
works "run-info of four shards" run-info four
check "run-info shows the shards" grep -q 'batches of 16 in 4 shards' out
works "the table" train basic --data data --batch 16 --epochs 1 --hidden 6 --shards 2 --out table
check "the table shows the shards" grep -q 'batches of 16 in 2 shards' out

works "four shards again" train basic $small --shards 4 --out again
check "the same shards have the same bits" cmp -s four/checkpoint.safetensors again/checkpoint.safetensors
works "trained like another run" train --like four --quiet --out like
check "--like takes the shards" cmp -s four/checkpoint.safetensors like/checkpoint.safetensors
works "like another run, with other shards" train --like four --shards 2 --quiet --out like2
check "a given --shards comes first" grep -q '"shards": 2' like2/run.json
works "four shards, longer" train --resume again --epochs 4 --quiet
works "as long from the start" train basic --data data --batch 16 --epochs 4 --hidden 6 --quiet --shards 4 --out long
check "a resumed run keeps its shards" cmp -s again/checkpoint.safetensors long/checkpoint.safetensors

works "a default batch" train basic --data data --epochs 1 --hidden 6 --quiet --shards 3 --out third
check "a default batch is made to fit" [ $(($(sed -n 's/.*"batch": \([0-9]*\),.*/\1/p' third/run.json) % 3)) = 0 ]
refused "a batch that cannot be cut" "give --batch 15" train basic $small --shards 3 --out no
refused "more shards than samples of a batch" "give --batch 32" train basic $small --shards 32 --out no
refused "more shards than samples" "shards are more than .*: give --shards [0-9]* or less" train basic --data data --shards 65536 --out no
refused "no shards" "1 .. 65536" train basic $small --shards 0 --out no
refused "shards of a resumed run" "keeps the settings" train --resume four --shards 2
refused "shards of a closed form" "no effect" train linear --data data --solve svd --shards 2 --out no
works "a sweep of shards" sweep basic --data data --batch 16 --epochs 1 --hidden 3,4 --seeds 1 --shards 4 --out swept
check "its runs have the shards" grep -q '"shards": 4' swept/hidden-3-seed-1/run.json
refused "a search for a rate has no shards" "unknown option" find-rate basic --data data --shards 2

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
