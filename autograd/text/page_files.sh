#!/bin/sh
# page_files.sh FILE... - prints a C source with the text of each file as a string: page.js becomes pal__page_js.
echo '/* Made by page_files.sh. */'
echo '#include "autograd/text/page.h"'
for file in "$@"; do
    printf 'const char pal__%s[] =\n' "$(basename "$file" | tr . _)"
    sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/    "&\\n"/' "$file"
    echo '    ;'
done
