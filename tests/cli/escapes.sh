#!/bin/sh
# escapes.sh PROGRAM: text from files and arguments that a terminal would obey is shown instead: in tables, in JSON, in
# errors, in commands, in drawings.
# shellcheck source=tests/cli/helpers.sh
. "$(dirname "$0")/helpers.sh"

escape=$(printf '\033')
# clean WHAT ARGUMENTS...: nothing that a terminal obeys is printed, and not nothing
clean() {
    what=$1
    shift
    "$program" "$@" > out 2> err
    status=$?
    cat out err > both
    if [ $status -gt 2 ]; then fail "$what: exit status $status"
    elif [ ! -s both ]; then fail "$what: prints nothing"
    elif LC_ALL=C grep -q "$(printf '[\001-\010\013-\037\177]')" both; then fail "$what: prints a control: $(od -c both | head -5)"
    elif LC_ALL=C grep -q "$(printf '\302[\200-\237]')" both; then fail "$what: prints a control beyond ASCII"
    elif ! iconv -f UTF-8 -t UTF-8 both > converted 2>&1; then fail "$what: prints what is not UTF-8"
    else pass
    fi
}
shows() { check "$1: shows $2" grep -qF -e "$2" both; }

works "a run" train denoising --data data --batch 16 --hidden 4 --epochs 2 --out good --quiet

# ---- run.json
evil='\\u001b]0;owned\\u0007\\u009b31m\\u202eM\\u00fcller\\u007f'
for key in command data data_note error isa blas version started finished changed from status model name; do
    cp -r good bad
    sed -i "s/\"$key\": \"[^\"]*\"/\"$key\": \"x$evil\"/; s/\"$key\": null/\"$key\": \"x$evil\"/" good/run.json
    mv good/run.json bad/run.json
    cp bad/run.json good/run.json
    sed -i "s/x$evil/x/" good/run.json
    rm -rf good
    "$program" train denoising --data data --batch 16 --hidden 4 --epochs 2 --out good --quiet
    clean "$key, run-info" run-info bad
    grep -q owned both && shows "$key, run-info" '\x1b]0;owned\a\u009b31m\u202eMüller\x7f'
    clean "$key, run-info --json" run-info bad --json
    grep -q owned both && { check "$key: JSON stays JSON" is_json out; shows "$key, JSON" '\u007f'; }
    for verb in evaluate "train --resume" filters; do
        # shellcheck disable=SC2086
        clean "$key, $verb" $verb bad
    done
    rm -rf bad
done
cp -r good bad
sed -i "s/\"hidden\": \"*4\"*/\"hidden\": \"4$evil\"/; s/\"phase\": \"\"/\"phase\": \"$evil\"/" bad/run.json bad/metrics.jsonl
clean "a setting" run-info bad
clean "a setting, evaluate" evaluate bad
clean "a setting, evaluate as JSON" evaluate bad --json
rm -rf bad

# ---- A checkpoint: the same number of bytes, so that it stays whole
cp -r good bad
name=$(strings -n 4 good/checkpoint.safetensors | grep -o '"[a-z]*[0-9]*/[a-z]*' | head -n 1 | tr -d '"')
check "the checkpoint has names" [ -n "$name" ]
length=${#name}
wrong=$(printf '\302\233%s' "$(printf '%*s' $((length - 2)) '' | tr ' ' x)")
LC_ALL=C sed -i "s|$name|$wrong|g" bad/checkpoint.safetensors
for verb in evaluate run-info "train --resume"; do
    # shellcheck disable=SC2086
    clean "a tensor's name, $verb" $verb bad
done
rm -rf bad

# ---- Names of files and folders
folder="a$(printf '\033[31m\302\233\377')b"
cp -r good "$folder"
for verb in evaluate run-info "train --resume" "reconstruct" "filters" "scatter"; do
    # shellcheck disable=SC2086
    clean "a folder's name, $verb" $verb "$folder"
done
clean "a missing file" evaluate "none$folder"
clean "an unknown verb" "$folder"
clean "an unknown option" evaluate good "--$folder"
clean "a bad value" evaluate good --limit "$folder"
clean "data that are missing" train basic --data "none$folder"
clean "a plugin" models --load "none$folder"
clean "an array" encode good data "$folder/codes.npy"
shows "an array" '\x1b[31m'

# ---- Tables
{ printf 'a\033[2J,b\n'; printf '1,2\n3,4\n1,2\033]0;owned\a\n'; } > evil.csv
clean "a cell" train basic --data evil.csv
shows "a cell" 'x1b'
{ printf 'M\303\274ller,\033[2Jb\n'; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do echo "0.$i,$i"; done; } > evil.csv
clean "a heading" train basic --data evil.csv --epochs 1 --hidden 1 --out headed
clean "a heading, run-info" run-info headed
{ echo 'a,b,class'; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do printf '0.%d,%d,\033[2Jx%d\n' $i $i $((i % 2)); done; } > evil.csv
clean "names of classes" train basic --data evil.csv --epochs 1 --hidden 1 --out classes
clean "names of classes, scatter" scatter good --data evil.csv

# ---- Drawings of graphs
clean "a title" graph basic --title "x$(printf '\033[31m\302\233')y"
if command -v dot > /dev/null; then
    works "a title in a picture" graph basic --title "x$(printf '\033[31m\302\233')y" -o drawn.svg
    check "the picture has no control" [ "$(LC_ALL=C grep -c "$(printf '\033\\|\302\233')" drawn.svg)" -eq 0 ]
fi

# ---- Verbs print what comes from outside through pal_cli_print and layout.c only. dot's text has clean labels.
raw=$(grep -nE '(^|[^_a-z])(printf|puts|fputs)\(.*[^a-z_](path|picture|name|names|title|given|text|info|run|csv)[^a-z_(]' "$here"/../../cli/*.c |
    grep -v '/\(print\|man\|ops\|json\).c:\|pal_cli_figure\|"%-14s\|fputs(text, stdout)')
check "no text from outside is printed raw: $raw" [ -z "$raw" ]

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
