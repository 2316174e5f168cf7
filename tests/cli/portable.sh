#!/bin/sh
# portable.sh PROGRAM FIXED_KERNELS - tests --portable, which gives the same bits whatever kernels the processor or the user chooses, and
# palindrome compare, which says what is equal and what differs between runs, and why.
#
# The kernels of OpenBLAS are chosen through the environment here, and so is the C library without FMA. A processor that
# lacks the instructions of these kernels cannot run this test: it needs AVX2, which the kernels for Haswell use.
fixed=$(cd "$(dirname "$2")" && pwd)/$(basename "$2") || exit 2 # OpenBLAS with fixed kernels (fixed_kernels.c)
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
for kind in serial pthread openmp; do
    library=$(ls -d /usr/lib/*/openblas-$kind 2> /dev/null | head -n 1)
    check "OpenBLAS $kind is installed" [ -n "$library" ]
    train "LD_LIBRARY_PATH=$library" -- "build-$kind" basic --hidden 12 --portable
    check "OpenBLAS $kind is used" grep -qi "\"blas\": .*$kind" "build-$kind/run.json"
    check "OpenBLAS $kind: the same checkpoint" cmp -s build-serial/checkpoint.safetensors "build-$kind/checkpoint.safetensors"
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
