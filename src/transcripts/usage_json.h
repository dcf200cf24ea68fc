/* usage_json.h -- a usage report as JSON: the same words on the command line and from the API (spec 60 U5,
 * U6). Any thread, one at a time. */
#pragma once
#include "transcripts/usage_report.h"
#include "transcripts/usage_scan.h"

#include <stdio.h>

struct usage_group_word {
    const char *name;  /* of the API: "day" */
    const char *list;  /* the key of the rows: "daily" */
    const char *key;   /* of a row's name: "date" */
    const char *title; /* of a table's column */
};
extern const struct usage_group_word usage_group_words[USAGE_GROUPS];

struct buf;
void usage_json(const struct usage_report *r, const char *zone, const struct usage_scan_result *scan,
                struct buf *out);
/* The same and a line feed, written in pieces. */
void usage_json_to(const struct usage_report *r, const char *zone, const struct usage_scan_result *scan,
                   FILE *to);
