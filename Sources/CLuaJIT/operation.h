// Work of the string library that may take long: it is done in slices, and goes on when others have had their turn.
#ifndef HEDDLE_CLUAJIT_OPERATION_H
#define HEDDLE_CLUAJIT_OPERATION_H

#include "pattern.h"

typedef enum hlua_operation_kind {
  OPERATION_FIND,
  OPERATION_SCAN,  // of a find: whether the pattern is one, and then that
  OPERATION_PLAIN, // a find of text as it stands
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
  // find of text
  const unsigned char *needle;
  size_t needle_count;
  size_t scanned; // of the needle, in which nothing was found that makes it a pattern
  size_t same;    // bytes at `at` that are the needle's; 0 when none has been compared
  // gsub
  const char *template;
  size_t template_count, template_at;
  bool adding; // the template of a match
  lua_Integer done, most;
  hlua_buffer out;
  size_t counted; // bytes of it that stand in the state's `outside`
};

/// Works until there is a result. MATCH_NONE: no match; of gsub MATCH_FOUND is the end.
hlua_match_result hlua_operation_run(hlua_operation *o);
/// Pushes what the function returns; -1 with the match's `error`.
int hlua_operation_push(hlua_operation *o, lua_State *L, hlua_match_result result);

#endif
