#!/bin/sh
# portable.sh PROGRAM FIXED_KERNELS PLAIN_BLAS - tests --portable, which gives the same bits whatever kernels the processor
# or the user chooses, and palindrome compare, which says what is equal and what differs between runs, and why.
#
# The kernels of OpenBLAS are chosen through the environment here, and so is the C library without FMA. A processor that
# lacks the instructions of these kernels cannot run this test: it needs AVX2, which the kernels for Haswell use.
fixed=$(cd "$(dirname "$2")" && pwd)/$(basename "$2") || exit 2 # OpenBLAS with fixed kernels (fixed_kernels.c)
plain=$(cd "$(dirname "$3")" && pwd)/$(basename "$3") || exit 2 # a CBLAS that is not OpenBLAS (plain_blas.c)
set -- "$1"
. "$(dirname "$0")/helpers.sh"
grep -q avx2 /proc/cpuinfo || { echo "skipped: the processor has no AVX2"; exit 77; }
unset OPENBLAS_CORETYPE GLIBC_TUNABLES

train() { # ENVIRONMENT... -- RUN OPTIONS...: trains quietly, with these variables
    variables=
    while [ "$1" != -- ]; do variables="$variables $1"; shift; done
    run=$2
    shift 2
    env $variables "$program" train "$@" --data data --epochs 2 --batch 32 -o "$run" --quiet > out 2> err ||
        fail "$run: $(cat err)"
}
alike() { # WHAT RUN RUN: equal by compare and by cmp
    "$program" compare "$2" "$3" > out 2> err
    check "$1: compare says equal" [ $? -eq 0 ]
    check "$1: the same checkpoint" cmp -s "$2/checkpoint.safetensors" "$3/checkpoint.safetensors"
    check "$1: the same metrics" [ "$(lines "$2")" = "$(lines "$3")" ]
}

# ---- The same bits under two kinds of kernels, for models that differ in what they compute with -----------------------

haswell="OPENBLAS_CORETYPE=Haswell"
other="OPENBLAS_CORETYPE=Sandybridge GLIBC_TUNABLES=glibc.cpu.hwcaps=-FMA:glibc.malloc.check=0 OPENBLAS_BLOCK_FACTOR=50"
while read -r name options; do
    train $haswell -- "one-$name" $options --portable
    train $other -- "two-$name" $options --portable --threads 1
    alike "$name" "one-$name" "two-$name"
done << END
adam       basic --hidden 12 --optimizer adam --schedule cosine --warmup 2
noise      denoising --hidden 12 --corruption gaussian
images     convolutional
contract   contractive --hidden 12
random     variational --hidden 4
factor     variational --hidden 4 --output normal
bound      importance-weighted --hidden 4
labels     semi-supervised --hidden 4
layers     stacked --hidden 6
sparse     sparse --hidden 12
END
for core in Haswell Sandybridge; do
    OPENBLAS_CORETYPE=$core "$program" train linear --hidden 3 --solve svd --data data --portable -o svd-$core -q > out 2>&1 ||
        fail "svd: $(cat out)"
done
alike "closed form" svd-Haswell svd-Sandybridge
check "run.json says portable" grep -q '"portable": true' one-adam/run.json
check "run.json says one lane" grep -q '"lanes": 1,' one-adam/run.json
works "run-info of a portable run" run-info one-adam
check "run-info says portable" grep -q 'baseline, OpenBLAS .* Nehalem.* portable' out

# ---- Figures of a portable run are computed in the same way; so is the rest of a training ------------------------------

for core in Haswell Sandybridge; do
    OPENBLAS_CORETYPE=$core "$program" evaluate one-random --data data --json > figures-$core 2> err || fail "evaluate: $(cat err)"
    OPENBLAS_CORETYPE=$core "$program" encode one-images data codes-$core.npy > out 2> err || fail "encode: $(cat err)"
    OPENBLAS_CORETYPE=$core "$program" reconstruct one-adam data images-$core.npy > out 2> err || fail "reconstruct: $(cat err)"
    cp -r one-adam longer-$core
    OPENBLAS_CORETYPE=$core "$program" train --resume longer-$core --epochs 3 -q > out 2> err || fail "resume: $(cat err)"
done
check "equal figures" cmp figures-Haswell figures-Sandybridge
check "equal codes" cmp codes-Haswell.npy codes-Sandybridge.npy
check "equal reconstructions" cmp images-Haswell.npy images-Sandybridge.npy
alike "resumed" longer-Haswell longer-Sandybridge
check "a resumed run stays portable" grep -q '"portable": true' longer-Haswell/run.json
check "nothing has changed for it" sh -c '! grep -q \"changed\" longer-Haswell/run.json'
refused "portable and resume" "portable: a resumed run keeps" train --resume one-adam --portable --epochs 3
train -- lanes basic --hidden 12 --portable --lanes 3
check "lanes that are asked for" grep -q '"lanes": 3,' lanes/run.json
works "one verb alone" evaluate lanes --portable

# ---- Without --portable, compare names what differs --------------------------------------------------------------------

train $haswell -- plain-1 basic --hidden 12 --lanes 1
train OPENBLAS_CORETYPE=Sandybridge -- plain-2 basic --hidden 12 --lanes 1
train $haswell -- plain-3 basic --hidden 12 --lanes 1 --threads 1
train $haswell -- seed basic --hidden 12 --lanes 1 --seed 2
train $haswell -- small basic --hidden 6 --lanes 1
differs() { # WHAT MENTIONED RUN...: exit status 1, nothing on standard error, a sentence that contains MENTIONED
    what=$1
    word=$2
    shift 2
    COLUMNS= "$program" compare "$@" > out 2> err
    status=$?
    if [ $status -ne 1 ]; then fail "$what: exit status $status: $(cat err)"
    elif [ -s err ]; then fail "$what: $(cat err)"
    elif ! tail -n 1 out | grep -q -e "$word"; then fail "$what: $(tail -n 1 out)"
    else pass
    fi
}
differs "kernels" 'other kernels (Haswell and Sandybridge): train both with --portable for equal bits' plain-1 plain-2
check "the products are in the table" grep -q '^  products  *OpenBLAS .* Haswell.* / OpenBLAS .* Sandybridge' out
check "the weights are in the table" grep -q '^  encoder/W  *[0-9.]*%' out
differs "a seed" 'trained differently: seed 1 and 2' plain-1 seed
check "the first difference of the metrics" grep -q '^  metrics .*difference in epoch 1: train_loss [0-9.]* and [0-9.]*' out
differs "another size" 'trained differently: hidden 12 and 6' plain-1 small
check "tensors of other shapes" grep -q '^  encoder/W  *f32\[64,12\] / f32\[64,6\]' out
differs "three runs" 'hidden 12 and 6' plain-1 plain-3 small
check "each pair" [ "$(grep -c '^plain-1 and ' out)" -eq 2 ]
check "the equal pair" grep -q '^plain-1 and plain-3: equal' out
works "threads" compare plain-1 plain-3
check "threads are listed" grep -q '^  threads  *[0-9]* / 1$' out
cp -r plain-1 longer
"$program" train --resume longer --epochs 3 -q > out 2> err || fail "longer: $(cat err)"
differs "more epochs" 'epochs 2 and 3' plain-1 longer
check "equal to the last common epoch" grep -q 'equal to epoch 2; 2 and 3 epochs' out
cp -r plain-1 other-data
sed -i 's/"train_loss":[0-9.]*/"train_loss":7/' other-data/metrics.jsonl
differs "no cause" 'Nothing that the runs record' plain-1 other-data
check "one number is told" grep -q 'first difference in epoch 1: train_loss [0-9.]* and 7$' out

# altered RUN EXPRESSION: the run plain-1 with another loss, whose run.json sed changes
altered() {
    rm -rf "$1"
    cp -r plain-1 "$1"
    sed -i 's/"train_loss":[0-9.]*/"train_loss":7/' "$1/metrics.jsonl"
    sed -i "$2" "$1/run.json"
}
altered other 's/OpenBLAS [0-9.]*/OpenBLAS 0.2.1/'
differs "another release" 'the products were computed by OpenBLAS 0[.0-9]* and by OpenBLAS 0.2.1[.]$' plain-1 other
altered other '/"blas"/s/, [A-Za-z ]*"/, other"/'
differs "another build" 'the products were computed by two builds of OpenBLAS 0[.0-9]*[.]$' plain-1 other
altered other 's/"blas": "[^"]*"/"blas": "MKL"/'
differs "another library" 'the products were computed by OpenBLAS .* and by MKL[.]$' plain-1 other
altered other 's/"isa": "[^"]*"/"isa": "vax"/'
differs "other instructions" 'other instructions (.* and vax): train both with --portable for equal bits[.]$' plain-1 other
altered other 's/"version": "[^"]*"/"version": "9.9.9"/'
differs "another version" 'they were trained by versions [0-9.]* and 9.9.9 of the program[.]$' plain-1 other
altered other 's/"libc": "[^"]*"/"libc": "musl"/'
differs "another C library" 'they were trained with other C libraries (.* and musl)[.]$' plain-1 other
altered other 's/"subnormals": "[^"]*"/"subnormals": "kept"/'
differs "subnormals" 'subnormal numbers were flushed and kept[.]$' plain-1 other
altered other 's/"lanes": [0-9]*/"lanes": 3/; s/"isa": "[^"]*"/"isa": "vax"/'
differs "two causes" 'the products were cut into 1 and 3 lanes, and the other operations .* (.* and vax): train both' plain-1 other
altered other '/"libc"/d'
differs "what an older version did not record" 'Nothing that the runs record explains it' plain-1 other
altered other 's/"portable": false/"portable": true/; s/"isa": "[^"]*"/"isa": "vax"/'
differs "one portable run" 'train both with --portable' plain-1 other
rm -rf both
cp -r other both
sed -i 's/"isa": "[^"]*"/"isa": "pdp"/' both/run.json
sed -i 's/"train_loss":7/"train_loss":8/' both/metrics.jsonl
differs "two portable runs" 'other instructions (vax and pdp)[.]$' other both
altered other ''
sed -i 's/"step":[0-9]*/"step":1/' other/metrics.jsonl
differs "steps" 'Nothing' plain-1 other
check "the first difference is the step" grep -q 'first difference in epoch 1: step [0-9]* and 1$' out
altered other ''
sed -i '2d' other/metrics.jsonl
differs "a lost line" '.' plain-1 other
train $haswell -- untied basic --hidden 12 --lanes 1 --tied no
train $haswell -- tied basic --hidden 12 --lanes 1 --tied yes
differs "a switch" 'trained differently: tied no and yes[.]$' untied tied
train $haswell -- deep-2 deep --layers 8,4 --lanes 1
train $haswell -- deep-3 deep --layers 8,6,4 --lanes 1
differs "another number of layers" 'trained differently: layers 8,4 and 8,6,4[.]$' deep-2 deep-3
check "tensors of one run alone" grep -q 'missing / f32\|f32.* / missing' out
train $haswell -- lambda-1 contractive --hidden 4 --lanes 1 --lambda 0.5
train $haswell -- lambda-2 contractive --hidden 5 --lanes 1 --lambda 0.25 --seed 3 --activation tanh --optimizer gd --lr 0.25
differs "many options" 'lambda 0.5 and 0.25.* and [0-9]* more[.]$' lambda-1 lambda-2

"$program" compare plain-1 plain-2 --json > out 2> err
check "json: exit status" [ $? -eq 1 ]
check "json: a document" is_json out
check "json: says why" grep -q '"why": "They differ because the products' out
"$program" compare plain-1 plain-3 --json > out 2> err
check "json: equal" [ $? -eq 0 ]
check "json: the runs" grep -q '"plain-3"' out
check "json: no cause" grep -q '"why": null' out
for width in 60 80; do
    COLUMNS=$width "$program" compare plain-1 plain-2 > out 2> err
    check "lines of at most $width columns" [ -z "$(awk -v w=$width 'length($0) > w' out)" ]
done
refused "one run" "two runs or more" compare plain-1
refused "no run" "nowhere" compare plain-1 nowhere
mkdir empty
refused "no folder of a run" "run.json is missing" compare plain-1 empty
cp -r plain-1 weightless
rm weightless/checkpoint.safetensors
refused "no weights" "checkpoint.safetensors" compare plain-1 weightless

# ---- A BLAS whose kernels cannot be chosen -----------------------------------------------------------------------------

LD_PRELOAD=$fixed "$program" train basic --portable --data data -o fixed -q > out 2> err
check "kernels that are fixed: exit status" [ $? -eq 1 ]
check "kernels that are fixed: one line" [ "$(wc -l < err)" -eq 1 ]
check "kernels that are fixed: why" said 'needs an OpenBLAS that has the kernels for Nehalem, but .* Haswell'
check "kernels that are fixed: no folder" [ ! -e fixed ]
LD_PRELOAD=$fixed "$program" evaluate one-adam > out 2> err
check "a portable run is not measured by other kernels" said 'needs an OpenBLAS that has the kernels'

# ---- A BLAS that is not OpenBLAS ----------------------------------------------------------------------------------------

mkdir other-blas
cp "$plain" other-blas/libopenblas.so.0
other() { LD_LIBRARY_PATH=$PWD/other-blas "$program" "$@" > out 2> err; }
other --version
check "another BLAS is named" grep -q '^products  *unknown CBLAS' out
other train basic --portable --data data -o foreign -q
check "another BLAS: exit status" [ $? -eq 1 ]
check "another BLAS: one line" [ "$(grep -c '^palindrome: --portable needs OpenBLAS, whose kernels can be chosen, but products are by: unknown CBLAS$' err) $(wc -l < err)" = "1 1" ]
check "another BLAS: no folder" [ ! -e foreign ]
other evaluate one-adam
check "another BLAS: a portable run is not measured" [ $? -eq 1 ]
other train basic --data data --epochs 1 --batch 32 --hidden 4 -o foreign -q
check "another BLAS trains" [ -s foreign/checkpoint.safetensors ]
check "run.json names it" grep -q '"blas": "unknown CBLAS' foreign/run.json

# ---- The builds of OpenBLAS ----------------------------------------------------------------------------------------------

for kind in serial pthread openmp; do
    library=$(ls -d /usr/lib/*/openblas-$kind 2> /dev/null | head -n 1)
    check "OpenBLAS $kind is installed" [ -n "$library" ]
    train "LD_LIBRARY_PATH=$library" -- "build-$kind" basic --hidden 12 --portable
    check "OpenBLAS $kind is used" grep -qi "\"blas\": .*$kind" "build-$kind/run.json"
    check "OpenBLAS $kind: the same checkpoint" cmp -s build-serial/checkpoint.safetensors "build-$kind/checkpoint.safetensors"
done

# ---- The program keeps its name where it starts itself again
"$program" train basic --data data --batch 16 --hidden 4 --epochs 1000000 --quiet --portable --out named > out 2> err &
pid=$!
appears named/metrics.jsonl
check "the process is called palindrome, not $(cat /proc/$pid/comm)" [ "$(cat /proc/$pid/comm)" = palindrome ]
stop TERM

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
