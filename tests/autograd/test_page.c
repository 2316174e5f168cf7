/* test_page.c - the page of a drawing: well-formed, with data that parse, every entry in it, whatever names contain. */
#include "autograd/text/page.h"
#include "tests/testing.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

Suite *page_suite(void);

static pal_context *c;

static void setup(void) { c = context_with(1); }
static void teardown(void) { pal_context_free(c); }

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what)) n++;
    return n;
}

static char *read_whole(const char *path)
{
    FILE *f = fopen(path, "r");
    ck_assert(f);
    char *text = calloc(1, 1 << 20);
    ck_assert(fread(text, 1, (1 << 20) - 1, f) > 0);
    fclose(f);
    return text;
}

/* The page that pal_graph_write writes. */
static char *page_of(pal_tape *t, const pal_var *outputs, size_t n, const pal_graph_options *options)
{
    char path[] = "/tmp/pageXXXXXX.html";
    pal_error err = {0};
    const int descriptor = mkstemps(path, 5);
    ck_assert(descriptor >= 0);
    close(descriptor);
    ck_assert_msg(!pal_graph_write(t, outputs, n, options, path, &err), "%s", err.text);
    char *text = read_whole(path);
    unlink(path);
    return text;
}

static json_t *data_of(const char *page)
{
    const char *begin = strstr(page, "id=\"data\">");
    ck_assert(begin);
    begin += strlen("id=\"data\">");
    const char *end = strstr(begin, "</script>");
    json_error_t why;
    ck_assert(end);
    json_t *data = json_loadb(begin, (size_t)(end - begin), 0, &why);
    ck_assert_msg(data, "line %d: %s", why.line, why.text);
    return data;
}

typedef struct model {
    pal_tape *t;
    pal_tensor *tensors[2];
    pal_var w, out[2];
} model;

static model record(const char *scope, const char *name)
{
    model m = {.t = pal_tape_new(c, PAL_F32)};
    m.tensors[0] = pal_tensor_new(c, PAL_F32, PAL_SHAPE(4, 3));
    m.tensors[1] = pal_tensor_new(c, PAL_F32, PAL_SHAPE(3, 2));
    pal_var x = pal_leaf(m.t, m.tensors[0], "x");
    pal_scope_begin(m.t, scope);
    m.w = pal_leaf(m.t, m.tensors[1], name);
    pal_var h = pal_sigmoid(pal_matmul(x, m.w));
    pal_scope_end(m.t);
    m.out[0] = pal_add(pal_sum_squares(h), pal_jacobian_norm2_rows(h, x));
    m.out[0] = pal_sum_squares(m.out[0]);
    ck_assert_int_eq(pal_grad(m.out[0], &m.w, 1, &m.out[1]), PAL_OK);
    ck_assert_tape_ok(m.t);
    return m;
}

static void forget(model *m)
{
    pal_tape_free(m->t);
    for (int i = 0; i < 2; i++) pal_tensor_free(m->tensors[i]);
}

/* Each visible entry is an item, with its number, type and shape, and every index is in its table. */
static void check_tables(json_t *data, const pal__drawing *d)
{
    size_t seen = 0, expected = 0, i, k;
    json_t *row, *items = json_object_get(data, "items"), *cells = json_object_get(data, "cells"), *x;
    for (uint32_t id = 1; id < d->n; id++) expected += d->node[id] == id;
    json_array_foreach(items, i, row)
    {
        const json_int_t id = json_integer_value(json_array_get(row, 9));
        ck_assert_uint_eq(json_array_size(row), 12);
        ck_assert(json_integer_value(json_array_get(row, 0)) < (json_int_t)(i + !i));
        ck_assert(!i || json_integer_value(json_array_get(row, 2)) < (json_int_t)json_array_size(cells));
        if (!id) continue;
        const char *op = json_string_value(json_object_get(json_array_get(row, 10), "op"));
        ck_assert_str_eq(op, pal__at(d->graph.tape, (uint32_t)id)->op->name);
        seen++;
    }
    ck_assert_uint_eq(seen, expected);
    json_array_foreach(json_object_get(data, "wires"), i, row)
    {
        ck_assert_uint_eq(json_array_size(row) % 3, 0);
        json_array_foreach(row, k, x) if (k < 2) ck_assert(json_integer_value(x) < (json_int_t)json_array_size(items));
    }
    json_array_foreach(json_object_get(data, "links"), i, row) json_array_foreach(row, k, x)
        ck_assert(json_integer_value(x) < (json_int_t)json_array_size(cells));
}

START_TEST(every_entry_is_in_the_page)
{
    model m = record("encoder", "W");
    const char *names[] = {"loss", "d loss / d encoder/W"};
    pal_graph_options o = {
        .struct_size = sizeof o, .title = "A & B", .names = names, .parameters = &m.w, .n_parameters = 1};
    pal__drawing d;
    ck_assert(pal__drawing_open(&d, m.t, m.out, 2, &o));
    o.depth = 1; /* closes scopes, and leaves nothing out */
    char *page = page_of(m.t, m.out, 2, &o);
    json_t *data = data_of(page);
    check_tables(data, &d);
    ck_assert(strstr(page, "<h1>A &amp; B</h1>"));
    ck_assert(strstr(page, "\"leaf\":\"encoder/W\""));
    ck_assert(strstr(page, "d loss / d encoder/W"));
    json_decref(data);
    free(page);
    pal__drawing_close(&d, c);
    forget(&m);
}
END_TEST

START_TEST(names_from_outside_stay_text)
{
    static const char hostile[] = "</script><script>alert(1)</script><!--\"\\'&\x01\xff\xe2\x80\xa8";
    model m = record("a\"b</b>", hostile);
    const char *names[] = {hostile, NULL};
    pal_graph_options o = {
        .struct_size = sizeof o, .title = hostile, .names = names, .parameters = &m.w, .n_parameters = 1};
    char *page = page_of(m.t, m.out, 2, &o);
    ck_assert_uint_eq(count(page, "<script"), 3); /* the data and two scripts */
    ck_assert_uint_eq(count(page, "</script"), 3);
    ck_assert_uint_eq(count(page, "<!--"), 0);
    ck_assert_uint_eq(count(page, "\x01"), 0);
    ck_assert_uint_eq(count(page, "\xff"), 0);
    json_t *data = data_of(page);
    char want[256];
    pal_text_clean(want, sizeof want, hostile, strlen(hostile));
    bool found = false;
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(data, "items"), i, row)
    {
        const char *leaf = json_string_value(json_object_get(json_array_get(row, 10), "leaf"));
        found |= leaf && strstr(leaf, want);
    }
    ck_assert(found);
    json_decref(data);
    free(page);
    forget(&m);
}
END_TEST

START_TEST(at_most_two_hundred_nodes_are_open_at_first)
{
    pal_tape *t = pal_tape_new(c, PAL_F32);
    pal_tensor *x = pal_tensor_new(c, PAL_F32, PAL_SHAPE(4));
    pal_var h = pal_leaf(t, x, "x");
    for (int i = 0; i < 60; i++) {
        char scope[16];
        snprintf(scope, sizeof scope, "part%d", i);
        pal_scope_begin(t, scope);
        for (int k = 0; k < 10; k++) h = pal_tanh(h);
        pal_scope_end(t);
    }
    char *page = page_of(t, &h, 1, NULL);
    json_t *data = data_of(page), *row;
    size_t i, shown = 0;
    json_array_foreach(json_object_get(data, "items"), i, row)
    {
        json_t *parent =
            json_array_get(json_object_get(data, "items"), (size_t)json_integer_value(json_array_get(row, 0)));
        const bool inside = json_integer_value(json_array_get(parent, 11)),
                   box = json_integer_value(json_array_get(row, 1)) > 0;
        shown += i && !inside && (!box || json_integer_value(json_array_get(row, 11)));
    }
    ck_assert_msg(shown > 100 && shown <= PAL__PAGE_NODES, "%zu nodes", shown);
    json_decref(data);
    free(page);
    pal_tape_free(t);
    pal_tensor_free(x);
}
END_TEST

Suite *page_suite(void)
{
    Suite *s = suite_create("page");
    TCase *t = tcase_create("page");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, every_entry_is_in_the_page);
    tcase_add_test(t, names_from_outside_stay_text);
    tcase_add_test(t, at_most_two_hundred_nodes_are_open_at_first);
    suite_add_tcase(s, t);
    return s;
}
