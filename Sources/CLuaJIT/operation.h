// Work of the string library that may take long: it is done in slices, and goes on when others have had their turn.
#ifndef HEDDLE_CLUAJIT_OPERATION_H
#define HEDDLE_CLUAJIT_OPERATION_H

#include "pattern.h"

typedef enum hlua_operation_kind {
  OPERATION_FIND,
  OPERATION_MATCH,
  OPERATION_EACH, // a turn of gmatch
  OPERATION_NEXT, // the next match, for gsub with a function or table
  OPERATION_GSUB, // with a template
} hlua_operation_kind;

struct hlua_operation {
  lua_State *thread; // the coroutine that waits for it
  hlua_operation_kind kind;
  hlua_match match;
  bool started; // a match is under way
  bool anchored;
  bool first_only; // of the captures
  const unsigned char *at, *pattern;
  size_t *position; // gmatch's, where it goes on
  // gsub
  const char *template;
  size_t template_count;
  lua_Integer done, most;
  hlua_buffer out;
};

/// Works until there is a result. MATCH_NONE: no match; of gsub MATCH_FOUND is the end.
hlua_match_result hlua_operation_run(hlua_operation *o);
/// Pushes what the function returns; -1 with the match's `error`.
int hlua_operation_push(hlua_operation *o, lua_State *L, hlua_match_result result);

#endif
