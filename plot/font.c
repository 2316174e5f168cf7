/* font.c - a sans-serif alphabet drawn with a round pen, for labels that are sharp at every size.
 *
 * A letter is an advance width and a list of strokes, separated by spaces. A stroke is a list of points; each point is
 * two base-36 digits, x then y. On the grid, the baseline is at y = 7. Small letters reach up to 27, capitals to 35,
 * and descenders down to 0. The edge of the pen touches these heights, so its middle is at 8, 26 and 34. A stroke of
 * one point is a dot, and one of two points is a straight line. Three or more points are the control points of a
 * quadratic B-spline, which starts at the first point and ends at the last; a point given twice makes a sharp corner.
 */
#include "plot/internal.h"

#include <string.h>

/* clang-format off */
static const palt__glyph glyphs[] = {
    {11, ""}, /* space */
    {10, "5y5g 58"}, /* ! */
    {14, "4y4q ayaq"}, /* " */
    {23, "ay78 hye8 3qkq 3gkg"}, /* # */
    {22, "hshx5x5miki9494e bzb5"}, /* $ */
    {32, "3r3ycycl3l3r kekltlt8k8ke py78"}, /* % */
    {26, "n87q6yhyhp3k38j8mj"}, /* & */
    {8, "4y4q"}, /* ' */
    {13, "az4s4aa3"}, /* ( */
    {13, "3z9s9a33"}, /* ) */
    {16, "8y8m 3vdp dv3p"}, /* * */
    {23, "3jjj bbbr"}, /* + */
    {10, "59565632"}, /* , */
    {15, "3ici"}, /* - */
    {10, "58"}, /* . */
    {13, "25bz"}, /* / */
    {22, "4l4yiyi8484l"}, /* 0 */
    {22, "6tcycyc8"}, /* 1 */
    {22, "4r4yiyin4848i8"}, /* 2 */
    {22, "5s5yhyhm9m 9mimi8484e"}, /* 3 */
    {22, "f8fyfy3f3fjf"}, /* 4 */
    {22, "hy6y6y5l5l8pipi8484d"}, /* 5 */
    {22, "4g4pipi8484g 4h4m4yhyht"}, /* 6 */
    {22, "4yiyiy98"}, /* 7 */
    {22, "5s5yhyhm5m5s 4f4mimi8484f"}, /* 8 */
    {22, "4p4yiyih4h4p ipiki8585d"}, /* 9 */
    {10, "58 5n"}, /* : */
    {10, "5n 59565632"}, /* ; */
    {23, "js4j4jja"}, /* < */
    {23, "3njn 3fjf"}, /* = */
    {23, "4sjjjj4a"}, /* > */
    {21, "4s4yhyhoamaf a8"}, /* ? */
    {36, "ckcrnrndcdck nrnhnbxbxy3y33m3r5"}, /* @ */
    {26, "28dydyo8 6gkg"}, /* A */
    {26, "484y 4ycylylmcm4m cmemnmn8c848"}, /* B */
    {28, "proy3y38o8pf"}, /* C */
    {28, "484y 4ybypyp8b848"}, /* D */
    {24, "ly4y4y4848l8 4mjm"}, /* E */
    {23, "ly4y4y48 4lil"}, /* F */
    {30, "psoy3y38q8qkqkhk"}, /* G */
    {28, "484y o8oy 4mom"}, /* H */
    {9, "484y"}, /* I */
    {20, "gygkg8383f"}, /* J */
    {26, "484y my4g amn8"}, /* K */
    {21, "4y4848j8"}, /* L */
    {32, "484y4yg9g9sysys8"}, /* M */
    {28, "484y4yo8o8oy"}, /* N */
    {30, "3l3yryr8383l"}, /* O */
    {26, "484y 4ydynynkdk4k"}, /* P */
    {30, "3l3yryr8383l ifr6"}, /* Q */
    {27, "484y 4ydynynldl4l elo8"}, /* R */
    {26, "mrmy4y4nnkn8383f"}, /* S */
    {24, "2ymy cyc8"}, /* T */
    {28, "4y4k48o8okoy"}, /* U */
    {26, "2yd8d8oy"}, /* V */
    {36, "2ya8a8iyiyq8q8yy"}, /* W */
    {26, "3yn8 ny38"}, /* X */
    {26, "2ydkdkoy dkd8"}, /* Y */
    {24, "3ylyly3838l8"}, /* Z */
    {12, "9z4z4z434393"}, /* [ */
    {13, "2zb5"}, /* backslash */
    {12, "3z8z8z838333"}, /* ] */
    {18, "3o9y9yfo"}, /* ^ */
    {22, "14l4"}, /* _ */
    {13, "4z9u"}, /* ` */
    {22, "5l5qhqhjh8 hici4i48g8he"}, /* a */
    {22, "484y 4h4qiqi8484h"}, /* b */
    {20, "hlhq3q38h8hd"}, /* c */
    {22, "i8iy 4h4qiqi8484h"}, /* d */
    {22, "4iiiiiiq4q48h8id"}, /* e */
    {12, "cy6y6r68 2qbq"}, /* f */
    {22, "4h4qiqi8484h iqi7i15154"}, /* g */
    {22, "484y 4j4qiqiii8"}, /* h */
    {8, "484q 4x"}, /* i */
    {9, "5q565101 5x"}, /* j */
    {20, "484y gq4e 9jh8"}, /* k */
    {10, "4y4f4898"}, /* l */
    {32, "484q 4j4qgqgig8 gjgqsqsis8"}, /* m */
    {22, "484q 4j4qiqiii8"}, /* n */
    {22, "3h3qjqj8383h"}, /* o */
    {22, "414q 4h4qiqi8484h"}, /* p */
    {22, "i1iq 4h4qiqi8484h"}, /* q */
    {14, "484q 4i4qcq"}, /* r */
    {20, "glgq4q4ihgh8383d"}, /* s */
    {13, "6w6f68c8 2qbq"}, /* t */
    {22, "4q4g48i8if iqi8"}, /* u */
    {20, "3qa8a8hq"}, /* v */
    {28, "2q8888eqeqk8k8qq"}, /* w */
    {20, "3qh8 hq38"}, /* x */
    {20, "3qa8 hqb98131"}, /* y */
    {20, "4qgqgq4848g8"}, /* z */
    {13, "bz6z6p6j2j 2j6j6d63b3"}, /* { */
    {10, "5z52"}, /* | */
    {13, "2z7z7p7jbj bj7j7d7323"}, /* } */
    {23, "3h7pfdjl"}, /* ~ */
};
/* clang-format on */

/* Letters of formulas, in UTF-8. One without an advance is drawn over the letter before it, which is assumed to be as
 * wide as an x. */
static const struct {
    const char *bytes;
    palt__glyph glyph;
} formulas[] = {
    /* clang-format off */
    {"\u00d7", {23, "5dhp 5phd"}}, /* times */
    {"\u00b7", {10, "5j"}}, /* middle dot */
    {"\u00b9", {12, "4v8y8y8k"}}, /* superscripts: 1 */
    {"\u00b2", {14, "3u3yayas3k3kak"}}, /* 2 */
    {"\u00b3", {14, "3v3yayas5s 5sasak3k3n"}}, /* 3 */
    {"\u207b", {14, "3rar"}}, /* minus */
    {"\u00a0", {11, ""}}, /* space that does not break */
    {"\u2080", {14, "383fafa13138"}}, /* subscripts: 0 */
    {"\u2081", {14, "4b8e8e80"}}, /* 1 */
    {"\u2082", {14, "3a3eaea83030a0"}}, /* 2 */
    {"\u2083", {14, "3b3eaea858 58a8a03033"}}, /* 3 */
    {"\u2084", {14, "808e8e3535b5"}}, /* 4 */
    {"\u2085", {14, "9e3e3e38 39a9a03033"}}, /* 5 */
    {"\u2086", {14, "3538a8a03035 35393eae"}}, /* 6 */
    {"\u2087", {14, "3eaeae50"}}, /* 7 */
    {"\u2088", {14, "3b3eaea8383b 3438a8a03034"}}, /* 8 */
    {"\u2089", {14, "3b3eaea8383b aba1a030"}}, /* 9 */
    {"\u1d40", {14, "2yby 7y7k"}}, /* T */
    {"\u2016", {16, "5z52 bzb2"}}, /* double line */
    {"\u2026", {30, "58 f8 p8"}}, /* dots */
    {"\u2013", {20, "3ihi"}}, /* dash */
    {"\u2212", {23, "3jjj"}}, /* minus */
    {"\u2192", {29, "3jpj jppjpjjd"}}, /* arrow */
    {"\u2264", {23, "jw4n4nje 4aja"}}, /* at most */
    {"\u2265", {23, "4wjnjn4e 4aja"}}, /* at least */
    {"\u221e", {26, "3h3nangbnbnngnab3b3h"}}, /* infinity */
    {"\u221a", {21, "2k6k6ka8a8jy"}}, /* root */
    {"\u2202", {22, "3g3ojoj8383g jgjy7y7v"}}, /* partial */
    {"\u2207", {24, "3ylylyc8c83y"}}, /* nabla */
    {"\u2208", {22, "jq4q48j8 4hhh"}}, /* element of */
    {"\u2211", {24, "ky4y4yclcl4848k8"}}, /* sum */
    {"\u03a3", {24, "ky4y4yclcl4848k8"}}, /* Sigma */
    {"\u00bd", {23, "4v7y7y7m 58fy chckjkjfc8c8j8"}}, /* half */
    {"\u00b5", {22, "4q41 4g48i8if iqi8"}}, /* micro */
    {"\u03bc", {22, "4q41 4g48i8if iqi8"}}, /* mu */
    {"\u03b2", {22, "414ugygm9m 9mimi8484c"}}, /* beta */
    {"\u03b5", {20, "hmhq4q4iai ai3i38h8hc"}}, /* epsilon */
    {"\u03b8", {22, "4l4yiyi8484l 4lil"}}, /* theta */
    {"\u03bb", {20, "4y7yh8 ak48"}}, /* lambda */
    {"\u03c0", {23, "2qlq 7q78 gqg8"}}, /* pi */
    {"\u03c1", {22, "41414h4qiqi8484h"}}, /* rho */
    {"\u03c3", {22, "3h3qjqj8383h aqlq"}}, /* sigma */
    {"\u03c6", {26, "3h3qnqn8383h dwd1"}}, /* phi */
    {"\u2588", {16, "2w29 5w59 8w89 bwb9 ewe9"}}, /* full block, of bars */
    {"\u0302", {0, "6uayayeu"}}, /* hat over a letter */
    {"\u0303", {0, "5v7y9ybucuew"}}, /* tilde over a letter */
    {"\u2217", {16, "8o8c 3ldf dl3f"}}, /* convolution */
    {"\u03b1", {24, "lqf838833h3qbqf8m8"}}, /* alpha */
    /* clang-format on */
};

static const palt__glyph missing = {22, "48484y4yiyiyi8i848"};

const palt__glyph *palt__glyph_of(unsigned char byte)
{
    if (byte < 32 || byte - 32u >= sizeof glyphs / sizeof glyphs[0]) return &missing;
    return &glyphs[byte - 32];
}

const palt__glyph *palt__glyph_at(const char *at)
{
    for (size_t i = 0; (unsigned char)*at > 127 && i < sizeof formulas / sizeof *formulas; i++)
        if (!strncmp(at, formulas[i].bytes, strlen(formulas[i].bytes))) return &formulas[i].glyph;
    return palt__glyph_of((unsigned char)*at);
}

bool palt__continues(char byte) { return ((unsigned char)byte & 0xC0) == 0x80; }

static int digit_of(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

int palt__stroke_next(const char **strokes, palt__point *p)
{
    int count = 0;
    const char *s = *strokes;
    for (; *s != ' ' && *s != '\0'; s += 2)
        if (count < PALT__STROKE) p[count++] = (palt__point){digit_of(s[0]), digit_of(s[1])};
    *strokes = *s == ' ' ? s + 1 : s;
    return count;
}
