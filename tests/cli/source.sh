#!/bin/sh
# source.sh PROGRAM - tests models that are files of C code: compiling, the cache, what a run keeps, whose code is run, and
# the verb new. Works in a temporary folder, with a home of its own. Its last line is "N passed, N failed".
. "$(dirname "$0")/helpers.sh"
unset CC XDG_CACHE_HOME
HOME=$work/home
export HOME
mkdir "$HOME"
cache=$HOME/.cache/palindrome/variants
small="--data data --batch 16 --epochs 1 --hidden 4 --quiet"
hash_of() { sha256sum "$1" | cut -d ' ' -f 1; }

# ---- new: a file that trains at once
works "a new variant" new mine
check "it has about thirty lines" [ "$(wc -l < mine.c)" -le 40 ]
cp mine.c as-written.c
refused "a new variant of the same name" 'mine.c is there already' new mine
check "the file is as it was" cmp -s mine.c as-written.c
for bad in Mine 1st a--b a_ 'a b' ../up basic ''; do refused "the name '$bad'" '.' new "$bad"; done
works "words of a name" new my_own-model
check "the variant has dashes" grep -q '\.name = "my-own-model"' my_own-model.c
for from in basic contractive k-sparse variational; do works "new from $from" new "my-$from" --from $from; done
for step in penalty noise hierarchical; do
    works "new from the step $step" new "step-$step" --from $step
    works "and it is a model" models ./step-$step.c
    check "with its name" grep -q "^step-$step: " out
done
refused "from one that is not public" 'stacked cannot be given' new other --from stacked
refused "from nothing" 'no model is called nosuch' new other --from nosuch

# ---- A model's name
# shellcheck disable=SC2086
works "train" train ./mine.c --lambda 0.2 $small --out run
works "its options" models ./mine.c
check "its formula is printed" grep -q 'lambda ||h||_1' out
works "help" help ./mine.c
works "help of train" help train ./mine.c
check "help has its option" grep -q -e '--lambda' out
works "graph" graph ./mine.c -o graph.svg
works "graph of a copy" graph ./my-variational.c -o graph.svg
works "gradcheck" gradcheck ./my-basic.c --order 1
works "sweep" sweep ./mine.c --lambda 0,0.1 --seeds 1 --data data --batch 16 --epochs 1 --hidden 4
works "a path with colons and quotes" new quoted
mkdir "it's \"here\" now"
mv quoted.c "it's \"here\" now/q'\\\".c"
# shellcheck disable=SC2086
works "a path with quotes" train "it's \"here\" now/q'\\\".c" $small --out 'run two'
works "its run" evaluate 'run two'
refused "an option that it has not" 'has no option --frob\|unknown option --frob' train ./mine.c --frob 1
refused "no such file" 'none.c: no such file: give the path .* new mine.$' train ./none.c
refused "a file as a verb" 'is a model, not a verb' ./mine.c
cat > two.c << 'END'
#include <palindrome.h>
static pal_var loss(pal_model *m, const pal_batch *b)
{
    return pal_nll(m, pal_decode_layers(m, pal_encode_layers(m, b->inputs)), b->inputs);
}
#define V(n) {.struct_size = sizeof(pal_variant), .name = n, .summary = n, .encode = pal_encode_layers, .decode = pal_decode_layers, .loss = loss}
static const pal_variant first = V("first"), second = V("second");
pal_status palindrome_register(pal_error *err)
{
    return pal_variant_register(&first, err) ? err->status : pal_variant_register(&second, err);
}
END
works "one of two" models ./two.c:second
check "the second" [ "$(head -n 1 out)" = "second: second" ]
ends "two without a name" 2 '^palindrome: .*./two.c has several variants, first, second: write which one, as ./two.c:first' models ./two.c
ends "neither of two" 2 '^palindrome: .*no variant of this file is called third' models ./two.c:third

# ---- What the compiler says
sed 's/return pal_add(nll/int unused = 1; return pal_add(nll/' mine.c > warned.c
"$program" models ./warned.c > out 2> err
check "a warning is shown, and no error" [ $? -eq 0 ]
check "the warning names the file" grep -q '^./warned.c:[0-9]*:[0-9]*: warning: .*unused' err
sed 's/return pal_add(nll,/return pal_add(/' mine.c > broken.c
ends "an error" 2 '^palindrome: .*./broken.c does not compile: mend what cc says above' models ./broken.c
check "the error names the file and the line" grep -q '^./broken.c:[0-9]*:[0-9]*: error: ' err
sed 's/pal_abs(h)/pal_absent(h)/' mine.c > absent.c
ends "a function that is nowhere" 2 '^palindrome: .*./absent.c does not compile' models ./absent.c
echo 'static double half(void) { return 0.5; }' > mine.h
{ echo '#include "mine.h"'; cat mine.c; } > header.c
ends "a header beside it" 2 '^palindrome: .*a variant is one file, without headers' models ./header.c
{ echo "#include \"$work/mine.h\""; cat mine.c; } > header.c
ends "a header elsewhere" 2 "^palindrome: .*includes $work/mine.h, but a variant is one file" models ./header.c
sed '/PAL_VARIANT_FILE/d' mine.c | sed 's/^static const pal_variant/const pal_variant/' > unlisted.c
ends "no registration" 2 '^palindrome: .*end the file with PAL_VARIANT_FILE' models ./unlisted.c
sed 's/\.name = "mine"/.name = "basic"/' mine.c > taken.c
ends "a name of the library" 2 '^palindrome: .*variant basic: its name or its alias is taken' models ./taken.c

# ---- The cache
cat > counting << END
#!/bin/sh
echo compiled >> "$work/compilations"
exec cc "\$@"
END
chmod +x counting
CC=$work/counting
export CC
compilations() { cat compilations 2> /dev/null | wc -l; }
works "with CC" models ./mine.c
check "CC was called once" [ "$(compilations)" -eq 1 ]
works "with CC again" models ./mine.c
# shellcheck disable=SC2086
works "in a training" train ./mine.c $small --out counted
check "nothing was compiled again" [ "$(compilations)" -eq 1 ]
cp mine.c elsewhere.c
works "the same text at another place" models ./elsewhere.c
check "nothing was compiled for it" [ "$(compilations)" -eq 1 ]
object=$(ls -t "$cache"/*.so | head -n 1)
chmod g+w "$object"
works "an object that others can write" models ./mine.c
check "is made anew" [ "$(compilations)" -eq 2 ]
check "and is the user's" [ "$(stat -c %a "$object")" = 600 ]
check "the folder is the user's" [ "$(stat -c %a "$cache")" = 700 ]
rm compilations "$cache"/*.so
for i in 1 2 3 4 5 6; do "$program" models ./mine.c > "out-$i" 2>&1 & done
wait
check "six at once" [ "$(cat out-? | grep -c '^mine: ')" -eq 6 ]
check "nothing is left" [ "$(ls "$cache" | grep -v '\.so$\|\.known$' | wc -l)" -eq 0 ]
CC="$work/counting -DMORE=1"
works "CC with an option" models ./mine.c
CC=/nowhere/cc
ends "CC is nothing" 1 '^palindrome: .*CC is /nowhere/cc, which is no program here' models ./my_own-model.c
unset CC
PATH=/nowhere "$program" models ./my_own-model.c > out 2> err
check "no compiler" [ "$? $(grep -c 'there is no C compiler to compile it: install gcc or clang' err) $(wc -l < err)" = "1 1 1" ]
works "found by the system's own" models ./my_own-model.c
mkdir temporary
env -u HOME TMPDIR="$work/temporary" "$program" models ./mine.c > out 2> err
check "without HOME: a warning" [ "$? $(grep -c 'is compiled for this command only: set HOME or XDG_CACHE_HOME' err) $(wc -l < err)" = "0 1 1" ]
check "without HOME: nothing is left" [ -z "$(ls temporary)" ]
echo file > no-folder
XDG_CACHE_HOME=$work/no-folder "$program" models ./mine.c > out 2> err
check "a cache that is a file" [ "$? $(grep -c 'compiled for this command only: .*no-folder' err)" = "0 1" ]
mkdir -p open/palindrome/variants
chmod 777 open/palindrome/variants
XDG_CACHE_HOME=$work/open "$program" models ./mine.c > out 2> err
check "a cache that is open to others" [ "$? $(grep -c 'is open to others' err)" = "0 1" ]
check "nothing is written there" [ -z "$(ls open/palindrome/variants)" ]
if [ "$(id -u)" -ne 0 ]; then
    chmod 500 "$cache"
    works "a cache that can be read only" models ./my_own-model.c
    "$program" models ./my-basic.c > out 2> err
    check "has no room for another" [ $? -eq 0 ]
    chmod 700 "$cache"
fi

# ---- What a run keeps
check "the source is kept" cmp -s run/variant.c mine.c
check "its hash is that of sha256sum" grep -q "\"sha256\": \"$(hash_of mine.c)\"" run/run.json
check "its place is kept" grep -q "\"file\": \"$work/mine.c\"" run/run.json
check "the command names the file" grep -q '"command": "palindrome train ./mine.c --lambda 0.2' run/run.json
mv mine.c away.c
works "without the file: evaluated" evaluate run
works "without the file: an option of its own" evaluate run --lambda 3
works "without the file: reconstructed" reconstruct run -o picture.png
works "without the file: reported" report run
works "without the file: trained longer" train --resume run --epochs 2 --quiet
# shellcheck disable=SC2086
works "without the file: its weights" train ./my_own-model.c --from run $small --out from
"$program" train --like run --seed 2 --lambda 0.3 --quiet --out like > out 2> err
check "without the file: another like it: $(cat err)" [ $? -eq 0 ]
check "which keeps it, too" cmp -s like/variant.c away.c
sed 's/pal_abs(h)/pal_square(h)/' away.c > mine.c
"$program" train --resume run --epochs 3 --quiet > out 2> err
check "a changed file: $(cat err)" [ "$? $(grep -c "$work/mine.c has changed since the run began: the run goes on with its own copy" err) $(wc -l < err)" = "0 1 1" ]
check "the run's copy is the old one" cmp -s run/variant.c away.c
# shellcheck disable=SC2086
works "a run of the changed file" train ./mine.c $small --out changed
ends "both in one command" 1 '^palindrome: .*two texts of the model mine' reconstruct run changed -o both.png
cp -r run altered
cp mine.c altered/variant.c
ends "a copy that was changed" 1 '^palindrome: .*altered/variant.c was changed since the run was trained' evaluate altered
ends "and is not resumed" 1 '^palindrome: .*altered/variant.c was changed' train --resume altered --epochs 9
rm altered/variant.c
ends "a copy that is gone" 2 '^palindrome: .*altered/variant.c is missing' evaluate altered

# ---- A stranger's run
cat > evil.c << END
#include <stdlib.h>
$(cat away.c)
__attribute__((constructor)) static void evil(void) { if (system("touch '$work/evil'")) abort(); }
END
HOME=$work/stranger
mkdir "$HOME"
# shellcheck disable=SC2086
works "a stranger's run" train ./evil.c $small --out theirs
HOME=$work/home
rm -f evil
for verb in evaluate reconstruct filters geometry report encode; do
    case $verb in encode) words="- -" ;; *) words= ;; esac
    # shellcheck disable=SC2086
    ends "$verb of it" 1 '^palindrome: .*that you have not compiled before: read it, and if you trust it, run this again with --trust' $verb theirs $words
done
ends "resuming it" 1 '^palindrome: .*with --trust' train --resume theirs --epochs 2
ends "training like it" 1 '^palindrome: .*with --trust' train --like theirs --out new
ends "beginning with it" 1 '^palindrome: .*with --trust' train basic --from theirs --data data --out new
mkdir -p theirs/palindrome/variants
touch "theirs/palindrome/variants/$(hash_of evil.c).known"
(cd theirs && XDG_CACHE_HOME=. "$program" evaluate ../theirs) > out 2> err
check "a record in the run is none" grep -q 'with --trust' err
works "run-info needs no code" run-info theirs
echo '{"model": "./evil.c"}' > config.json
ends "a file of --config names no code" 2 "^palindrome: .*named on the command line" train --config config.json --data data
check "no code was run" [ ! -e evil ]
works "with --trust" evaluate theirs --trust
check "the code was run" [ -e evil ]
works "and from then on without" evaluate theirs

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
