/* pq.c -- libpq (io/library.h). */
#include "io/library.h"

#include <libpq-fe.h>

/* clang-format off */
#define FUNCTIONS(F)                                                                                                   \
    F(PGconn *, PQconnectdbParams, (const char *const *keywords, const char *const *values, int expand),               \
      (keywords, values, expand))                                                                                      \
    F(void, PQfinish, (PGconn *c), (c))                                                                                \
    F(ConnStatusType, PQstatus, (const PGconn *c), (c))                                                                \
    F(const char *, PQparameterStatus, (const PGconn *c, const char *name), (c, name))                                 \
    F(int, PQserverVersion, (const PGconn *c), (c))                                                                    \
    F(char *, PQerrorMessage, (const PGconn *c), (c))                                                                  \
    F(int, PQsocket, (const PGconn *c), (c))                                                                           \
    F(PGresult *, PQexec, (PGconn *c, const char *sql), (c, sql))                                                      \
    F(int, PQsendPrepare, (PGconn *c, const char *name, const char *sql, int n, const Oid *types),                     \
      (c, name, sql, n, types))                                                                                        \
    F(int, PQsendQueryPrepared, (PGconn *c, const char *name, int n, const char *const *values, const int *lengths,    \
      const int *formats, int result_format), (c, name, n, values, lengths, formats, result_format))                   \
    F(int, PQenterPipelineMode, (PGconn *c), (c))                                                                      \
    F(int, PQexitPipelineMode, (PGconn *c), (c))                                                                       \
    F(int, PQpipelineSync, (PGconn *c), (c))                                                                           \
    F(int, PQconsumeInput, (PGconn *c), (c))                                                                           \
    F(PGnotify *, PQnotifies, (PGconn *c), (c))                                                                        \
    F(PGresult *, PQgetResult, (PGconn *c), (c))                                                                       \
    F(ExecStatusType, PQresultStatus, (const PGresult *r), (r))                                                        \
    F(char *, PQresultErrorField, (const PGresult *r, int field), (r, field))                                          \
    F(char *, PQcmdStatus, (PGresult *r), (r))                                                                         \
    F(char *, PQcmdTuples, (PGresult *r), (r))                                                                         \
    F(int, PQntuples, (const PGresult *r), (r))                                                                        \
    F(Oid, PQftype, (const PGresult *r, int column), (r, column))                                                      \
    F(int, PQgetisnull, (const PGresult *r, int row, int column), (r, row, column))                                    \
    F(int, PQgetlength, (const PGresult *r, int row, int column), (r, row, column))                                    \
    F(char *, PQgetvalue, (const PGresult *r, int row, int column), (r, row, column))                                  \
    F(void, PQclear, (PGresult *r), (r))                                                                               \
    F(void, PQfreemem, (void *p), (p))
#define VARIADIC(F)
/* clang-format on */
LIBRARY(pq, LIBRARY_FILE_PQ, "libpq5")
