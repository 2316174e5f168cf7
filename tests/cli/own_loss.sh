#!/bin/sh
# own_loss.sh PROGRAM - tests what the verbs print about the loss of a variant of one's own: terms that are noted with and
# without their weight, options that may change after training, a corruption that does nothing. Works in a temporary
# folder, with a home of its own. Its last line is "N passed, N failed".
. "$(dirname "$0")/helpers.sh"
unset CC XDG_CACHE_HOME
HOME=$work/home
export HOME
mkdir "$HOME"
small="--data data --batch 16 --epochs 1 --hidden 4"
figure() { sed -n "s/^ *\"$1\": \([-0-9.e+]*\),*\$/\1/p" out | head -n 1; }
near() { awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; exit !(a != "" && d * d <= 1e-8 * b * b) }'; }

# The same penalty, noted before its weight (raw) and after it (whole).
cat > mine.c << 'END_OF_C'
#include <palindrome.h>
static pal_var loss(pal_model *m, const pal_batch *b)
{
    pal_var h = pal_encode_layers(m, b->inputs), nll = pal_nll(m, pal_decode_layers(m, h), b->inputs);
    pal_var size = pal_mean_over_samples(pal_square(h));
    if (pal_option_bool(m, "raw")) return pal_add(nll, pal_scale(pal_model_note(m, "size", size), pal_option_real(m, "gamma")));
    return pal_add(nll, pal_model_note(m, "size", pal_scale(size, pal_option_real(m, "gamma"))));
}
static pal_var encode(pal_model *m, pal_var x) { return pal_scale(pal_encode_layers(m, x), pal_option_real(m, "stretch")); }
static pal_var corrupt(pal_model *m, pal_var x)
{
    return pal_add(x, pal_scale(pal_normal(x.tape, "noise", pal_shape_of(x)), 1 + 0 * pal_option_real(m, "gamma")));
}
static const pal_option options[] = {
    {"gamma", PAL_OPTION_REAL, "3", 0, 1e6, NULL, "weight of the penalty"},
    {"stretch", PAL_OPTION_REAL, "1", 0, 10, NULL, "factor of the code"},
    {"raw", PAL_OPTION_BOOL, "yes", 0, 0, NULL, "note the penalty without its weight"},
    {0}};
static const pal_variant mine = {.struct_size = sizeof(pal_variant), .name = "mine", .summary = "for tests",
                                 .options = options, .encode = encode, .decode = pal_decode_layers,
                                 .loss = loss, .corrupt = corrupt};
PAL_VARIANT_FILE(mine)
END_OF_C
# shellcheck disable=SC2086
works "train" train ./mine.c $small --out run
check "the summary has the parts of the loss" [ "$(grep -c '^    \(size\|reconstruction\)  *[0-9.]*$' out)" -eq 2 ]
check "it says what is corrupted" grep -q '^    from corrupted input  *[0-9.]*$' out

# ---- Terms
works "evaluated" evaluate run
check "the weight is named" grep -q 'size: noted as [0-9.]*; the loss has it with the weight 3, so its part is' out
works "as JSON" evaluate run --json
loss=$(figure loss) rest=$(figure reconstruction) size=$(figure size)
check "the parts add up" near "$(awk "BEGIN { print $rest + $size }")" "$loss"
check "what was noted is there" grep -q '"noted": {' out
sed 's/BOOL, "yes"/BOOL, "no"/' mine.c > whole.c
# shellcheck disable=SC2086
works "the same model" train ./whole.c $small --quiet --out whole
works "noted with its weight" evaluate whole --json
check "the same reconstruction" near "$(figure reconstruction)" "$rest"
check "the same part" near "$(figure size)" "$size"
check "nothing stands apart" [ "$(grep -c '"noted"' out)" -eq 0 ]
works "without the penalty" evaluate run --gamma 0
check "it is a figure beside the loss" grep -q 'size: noted as [0-9.]*, which is not a part of the loss' out
works "as JSON" evaluate run --gamma 0 --json
check "the loss is the reconstruction" near "$(figure loss)" "$rest"

# ---- A corruption that does nothing in an evaluation
idle='corrupt of mine changes the samples in training only'
sed 's/return pal_add(x, pal_scale/return pal_model_mode(m) == PAL_EVALUATE ? x : pal_add(x, pal_scale/' mine.c > idle.c
# shellcheck disable=SC2086
check "trained" "$program" train ./idle.c $small --out idle > out 2> err
check "train says so" said "$idle"
for verb in denoise reconstruct evaluate; do
    check "$verb" "$program" $verb idle > out 2> err
    check "$verb says so" said "$idle"
done
works "built in" train denoising --masking 0 $small --quiet --out none
works "without any corruption" reconstruct none
check "which is as it was asked for" [ ! -s err ]

# ---- A sweep
# shellcheck disable=SC2086
works "a sweep" sweep ./mine.c --gamma 0,3 --seeds 2 $small --out swept
check "it says what will be trained" grep -q '^4 trainings: 2 settings x 2 seeds' out
check "the table has the terms" [ "$(grep -c '^  \(size\|reconstruction\), a part of the test loss: mean' out)" -eq 2 ]
check "so has the file" sh -c 'head -n 1 swept/sweep.csv | grep -q reconstruction.*size'
check "it names a command" grep -q '^next: .*palindrome evaluate swept/gamma-0-seed-1$' out
refused "a sweep is no run" 'swept is a sweep: give one of its runs, such as swept/gamma-0-seed-1' reconstruct swept
refused "nor with a folder of data" 'swept is a sweep' evaluate swept

# ---- Options that may change
refused "an option of the code" 'stretch of a trained model must stay 1, because it changes the code: train a new one' evaluate run --stretch 2
refused "an option of the weights" 'hidden of a trained model must stay 4, because it changes the weights: train a new one' evaluate run --hidden 5

# ---- Names that are wrong
sed 's/(m, "gamma")/(m, "gama")/' mine.c > slip.c
"$program" train ./slip.c --data data --quiet > out 2> err
check "an option that is misspelt" said 'there is no option gama: did you mean gamma?'
refused "a variant by its name" 'no model is called zzmine: .*is named by its file, ./zzmine.c' train zzmine
refused "a run as a model" 'run is a run, and a model is needed' explain run

# ---- Many epochs without a terminal, and what gradcheck left out
works "many epochs" train basic --data data --batch 64 --epochs 250 --hidden 2 --out many
check "few lines" [ "$(grep -c '^epoch' out)" -le 100 ]
check "the last epoch is there" grep -q '^epoch 250/250' out
check "it says so" grep -q '^250 epochs: every 5th keeps its line' out
check "all of them are in the file" [ "$(wc -l < many/metrics.jsonl)" -eq 250 ]
works "gradcheck" gradcheck ./mine.c --order 1
check "the columns are explained" grep -q 'slope: how fast' out
check "what was left out has names" [ "$(grep -c '; [0-9]* settings* not accepted' out)" -eq "$(grep -c 'not checked, because.*: mine (' out)" ]

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
