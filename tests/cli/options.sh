#!/bin/sh
# options.sh PROGRAM - tests what concerns every option of every verb: help at all widths, the manual page, names that are
# not shortened, options without effect. It loops over the program's own tables, as --help prints them. Works in a
# temporary folder, on small data that it makes. Its last line is "N passed, N failed".
. "$(dirname "$0")/helpers.sh"
small="--data data --batch 16 --epochs 1 --quiet"
awk 'BEGIN { for (i = 0; i < 200; i++) print i % 2 "," i % 3 "," i % 5 "," i % 7 }' > wide.csv
works "a run" train basic $small --hidden 6 --out basic
works "a run that corrupts" train denoising $small --hidden 6 --out denoising
works "a run with a random code" train variational $small --hidden 2 --out variational
works "a run with binary data" train variational $small --hidden 2 --binarize dynamic --out binary
works "a run with a head" train semi-supervised $small --hidden 6 --labels 16 --out head
works "a run of a table" train basic --data wide.csv --batch 16 --epochs 1 --quiet --hidden 2 --out table
works "the verbs" --help
verbs=$(sed -n 's/^  \([a-z-]*\)  .*/\1/p' out | grep -v palindrome)
check "there are verbs" [ "$(echo "$verbs" | wc -w)" -ge 19 ]

# ---- Every line fits: in 80, 60 and 40 columns it is at most that long, or it is a single word
# A character may have several bytes of UTF-8; only the first of them is counted. A command that goes on ends in " \\".
fits() { # WIDTH FILE
    tr -d '\200-\277' < "$2" | awk -v w="$1" '{ line = $0; sub(/^ */, "", line); sub(/ \\?$/, "", line) }
        length($0) > w && line ~ / / { print; bad = 1 } END { exit bad }'
}
names() { tr -s ' ,`' '\n' < "$1" | sed -n 's/^(*\(--[a-z0-9-]*\).*/\1/p' | sort -u; } # option names in a file
cat > shown << END
--help
models
models contractive
help k-sparse
ops
ops conv2d
help gelu
run-info basic
run-info head
evaluate basic
evaluate binary --importance 3
evaluate basic --data data/../data
gradcheck exp matmul
geometry basic denoising --samples 4 --neighbours 3
classify basic --labels 32 --draws 2 --confusion
classify head --features all --labels 32
detect basic --normal 0,1
detect binary --score latent
denoise denoising
infill basic --steps 2
infill table --remove 0.2
sweep basic --hidden 3,4 --seeds 2 --data data --batch 16 --epochs 1
train semi-supervised --help
$(for verb in $verbs; do echo "help $verb"; done)
END
for width in 1000 80 60 40; do
    while read -r arguments; do
        # shellcheck disable=SC2086
        COLUMNS=$width "$program" $arguments > out 2> err || fail "$arguments in $width columns: $(cat err)"
        cat out >> in-$width
    done < shown
    check "all lines fit in $width columns" fits $width in-$width
    names in-$width > names-$width
    check "no option's name is broken in $width columns: $(diff names-$width names-1000 | head -n 3)" cmp -s names-$width names-1000
done
check "lines of 40 columns are nearly as long" grep -q '^.\{38,40\}$' in-40

# ---- Several ways to ask
for verb in $verbs; do
    for way in "$verb --help" "help $verb" "$verb -h" "$verb --help --json"; do
        # shellcheck disable=SC2086
        COLUMNS=1000 "$program" $way > "way-$way"
    done
    check "help $verb is $verb --help" cmp -s "way-help $verb" "way-$verb --help"
    check "$verb -h is $verb --help" cmp -s "way-$verb -h" "way-$verb --help"
done
"$program" train basic --help > asked
works "help of a verb and a model" help train basic
check "help of a verb and a model is that of the two" cmp -s out asked
"$program" models basic > asked
works "help of a model" help basic
check "help of a model describes it" cmp -s out asked
"$program" ops gelu > asked
works "help of an operation" help gelu
check "help of an operation describes it" cmp -s out asked
refused "help of nothing known" "did you mean train" help trian
"$program" train --help > asked
works "a model's name as the value of an option" train --autoencoder basic --help
check "the value of an option is no model" cmp -s out asked

# ---- The manual page has every verb, every option and every model
works "the manual" --manual
cp out page
sed 's/\\-/-/g; s/\\://g' page > plain
check "the manual has every verb" [ "$(sed -n 's/^\.SS "\(.*\)"$/\1/p' plain)" = "$verbs" ]
for verb in $verbs; do # the options of its own, under its heading; the models' options, under theirs
    { sed -n "/^\.SS \"$verb\"/,/^\.S/p" plain; sed -n '/^\.SH "*OPTIONS OF THE MODELS/,/^\.SH/p; /^\.SH DESC/,/^\.SH/p' plain; } |
        sed -n 's/^\.B "\(.*--.*\)"$/\1/p' | tr -s ' ,' '\n' | sed -n 's/^--\([a-z0-9-]*\).*/\1/p' | sort -u > told
    sed -n 's/^ *\(-., \)*--\([a-z0-9-]*\).*/\2/p' "way-$verb --help" | sort -u > listed
    check "the manual has every option of $verb: $(comm -13 told listed | head -n 3)" [ -z "$(comm -13 told listed)" ]
done
for model in $("$program" models | sed -n 's/^\([a-z-]*\)  .*/\1/p'); do
    check "the manual has $model" grep -q "^\.B \"$model (" plain
done
check "the manual has defaults, ranges, choices and needs" \
    grep -q '^(default 0\.99; 0 to 1; .*only with --optimizer rmsprop)$' plain
for section in NAME SYNOPSIS DESCRIPTION VERBS MODELS "OPTIONS OF THE MODELS" "EXIT STATUS" ENVIRONMENT FILES EXAMPLES; do
    check "the manual has the section $section" grep -q "^\.SH \"*$section" page
done
check "the manual does not depend on where the program is" [ "$(grep -c -F "$(dirname "$program" | sed 's/-/\\-/g')" page)" -eq 0 ]
if command -v groff > /dev/null; then
    groff -man -Tutf8 -ww -z page > out 2>&1
    check "groff does not complain: $(head -n 1 out)" [ ! -s out ]
fi
if command -v man > /dev/null && man --version > /dev/null 2>&1; then
    MANWIDTH=80 man --warnings -l page > out 2> err
    check "man does not complain: $(head -n 1 err)" [ ! -s err ]
fi

# ---- Names are not shortened
for verb in models run-info train; do
    for option in $(sed -n 's/^ *\(-., \)*--\([a-z0-9-]*\).*/\2/p' "way-$verb --help"); do
        short=${option%?}
        if grep -q -e "--$short[= ,]" "way-$verb --help" || [ ${#short} -lt 3 ]; then continue; fi
        "$program" "$verb" "--$short=1" basic > out 2> err
        check "$verb --$short is refused: $(cat err)" [ "$? $(grep -c -e 'did you mean\|ambiguous\|unknown' err) $(wc -l < err)" = "2 1 1" ]
    done
done
refused "a prefix" "did you mean --latent-dim?" train basic --latent 3
works "letters together" train basic --data data --batch 16 --epochs 1 --hidden 6 -qoletters
check "letters together: the folder" [ -e letters/run.json ]
refused "an unknown letter" "unknown option -x" train basic -qx
refused "a letter without value" "-o needs a value" train basic -qo
mkdir ./--odd
works "a word after --" train basic $small --hidden 6 --out ./--odd/run
cd ./--odd || exit 2
cp -r run ./--run
works "a run after --" evaluate --json -- --run
cd ..

# ---- Options without effect: every need that --help states
value() { # OPTION ARGUMENT: some value
    case $1 in
    format) echo npy ;; data) echo data ;; out) echo new.png ;; schedule) echo step ;; optimizer) echo adam ;; average) echo equal ;;
    from) echo basic ;; time) echo 10m ;; kept) echo lines ;; level) echo layers ;; direction) echo right ;; noise) echo frozen ;;
    *) case $2 in X) echo 0.5 ;; *) echo 3 ;; esac ;;
    esac
}
looped=0
# "only with --of value" and "not with --of value", as one line "option argument only|not of value" for each need
stated() {
    sed -n 's/^ *\(-., \)*--\([a-z0-9-]*\)\(=[^ ,]*\)* .*[(;] \{0,1\}\(\(only\|not\) with .*\))$/\2 \3 \4/p' |
        awk '{ argument = $2 ~ /^=/ ? substr($2, 2) : "-"; rest = $0
            while (match(rest, /(only|not) with [^ ,]+( [^ ,]+)?/)) {
                n = split(substr(rest, RSTART, RLENGTH), word, " ")
                print $1, argument, word[1], word[3], (n > 3 ? word[4] : "-")
                rest = substr(rest, RSTART + RLENGTH)
            } }'
}
needs() { # VERB WORDS...: breaks each need of the verb
    COLUMNS=1000 "$program" "$1" $model --help | stated > broken
    while read -r option argument kind of value; do
        if [ "$argument" = - ]; then given=--$option; else given=--$option=$(value "$option" "$argument"); fi
        case "$kind $of" in
        "not IN") way="in.csv out.csv" ;; "not NAME") way=exp ;; "not --solve") way=--solve=svd ;; "not --optimizer") way=--optimizer=${value%%|*} ;; "not --weight-decay") way=--weight-decay=0 ;; "not --patience") way=--patience=0 ;; "not --fixed-batch") way=--fixed-batch=0 ;; "not --plan") way=--plan=fuse ;; "not "*) way=$of ;;
        "only --optimizer") way=--optimizer=sgd ;; "only --schedule") way=--schedule=constant ;;
        "only --method") way=--method=once ;; "only --accumulate") way=--accumulate=2 ;; "only --order") way=--order=0 ;; *) way= ;;
        esac
        # shellcheck disable=SC2086
        "$program" "$@" $given $way > out 2> err
        check "$* $given $way is refused: $(cat err)" \
            [ "$? $(grep -c -e "^palindrome: --$option has \(no effect\|an effect only\) with" err) $(wc -l < err)" = "2 1 1" ]
        looped=$((looped + 1))
    done < broken
}
model=
for verb in $verbs; do
    case $verb in
    train | sweep | find-rate) continue ;;
    models | ops | optimizers | gradcheck) needs "$verb" ;;
    graph) needs graph basic ;;
    *) needs "$verb" head ;;
    esac
done
model=linear
needs train linear --data data
needs sweep linear --hidden 2,3 --data data
needs find-rate linear --data data
check "the loop has found the needs: $looped" [ $looped -ge 60 ]
check "nothing was made" [ ! -e new.png ]
refused "a closed form without epochs" "epochs has no effect with --solve svd" train linear --solve svd --epochs 3
works "a closed form" train linear --solve svd --data wide.csv --hidden 3 --quiet --out solved
works "a sweep with both ways" sweep linear --solve 'descent,svd' --data data --hidden 3 --epochs 1 --batch 16 --seeds 1 --quiet --out ways
works "rmsprop" train basic $small --hidden 6 --optimizer rmsprop --rms-decay 0.9 --lr 0.001 --out rms
check "run.json keeps the name of the optimizer's own option" grep -q '"optimizer.alpha": 0.9\|"alpha": 0.9' rms/run.json
refused "alpha is not of the optimizer" "basic has no option --alpha" train basic --optimizer rmsprop --alpha 0.9

# ---- Options of models that change nothing
refused "another variant's loss" "basic has no option --lambda" evaluate basic --lambda 3
refused "another variant's loss beside a corruption" "basic has no option --lambda" evaluate basic --masking 0.3 --lambda 3
for option in "--l1 1" "--l2 1" "--dropout 0.2" "--regularize-biases yes"; do
    # shellcheck disable=SC2086
    refused "evaluate $option" "no effect here" evaluate basic $option
    # shellcheck disable=SC2086
    refused "denoise $option" "no effect here" denoise denoising $option
done
works "the value of training" evaluate basic --json --l1 0.0 --dropout 0 --hidden 6
refused "beta in a picture" "no effect here" reconstruct variational --beta 2
works "beta in the loss" evaluate variational --beta 2 --json
works "a corruption in a picture" reconstruct denoising --masking 0.5
refused "a corruption of an array" "no effect with IN" reconstruct denoising in.csv out.csv --masking 0.5
refused "a format of files" "format is for standard input and output" encode basic in.csv out.csv --format npy
refused "a seed where nothing is drawn" "basic draws no noise" evaluate basic --seed 3
refused "a seed of a picture where nothing is drawn" "basic draws no noise" reconstruct basic --seed 3
works "a seed of given noise" evaluate basic --seed 3 --masking 0.5 --json
works "a seed of the model's noise" evaluate denoising --seed 3 --json
refused "a seed of a grid" "nothing is drawn at random" sample variational --seed 3
works "a seed of draws" sample variational --seed 3 --samples 4
refused "initial weights in a drawing" "nothing that is recorded" graph basic --init he
refused "the way to train in a drawing" "nothing that is recorded" graph linear --solve svd
refused "a penalty of nothing" "with the other settings it changes nothing" train basic $small --regularize-biases yes --out new
works "a penalty of biases" train basic $small --regularize-biases yes --l2 0.1 --hidden 6 --out biases
works "a choice that is the default by another name" train basic $small --code-activation sigmoid --hidden 6 --out named
refused "a schedule of nothing" "beta-warm-up has no effect" train variational $small --beta 0 --beta-warm-up 5 --out new
refused "a penalty of a closed form" "l2 has an effect only with --solve descent" train linear --solve svd --l2 1 --data wide.csv --out new
refused "what is drawn anyway" "maximal has an effect only on layer 1" filters basic --maximal --layer 2
works "dropout in a drawing" graph basic --dropout 0.2
refused "kept values of a loss" "only with --order" graph basic --kept lines
works "kept values of a gradient" graph basic --kept lines --order 1
COLUMNS=1000 "$program" evaluate --help > out
check "help of evaluate has no option that is always refused" [ "$(grep -c -e '--hidden\|--layers\|--output\|--l1\|--dropout\|--init' out)" -eq 0 ]
check "help of evaluate has the options of the loss" grep -q -e '--lambda' out

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
