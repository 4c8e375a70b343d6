// Lua 5.1 patterns as LuaJIT matches them, with each step counted.
#ifndef HEDDLE_CLUAJIT_PATTERN_H
#define HEDDLE_CLUAJIT_PATTERN_H

#include "internal.h"

enum {
  CAPTURES_MAX = 32,
  MATCH_DEPTH = 200, // LuaJIT's limit: a deeper match is "pattern too complex"
};

enum { CAPTURE_UNFINISHED = -1, CAPTURE_POSITION = -2 };

typedef struct hlua_match {
  lua_State *L;
  hlua_state *state;
  const unsigned char *subject, *subject_end;
  const unsigned char *pattern_end; // a pattern ends at its first NUL
  int steps;                        // left until the budget is asked again
  int depth;
  int level; // captures begun
  struct {
    const unsigned char *start;
    ptrdiff_t count; // or one of the marks above
  } captures[CAPTURES_MAX];
} hlua_match;

void hlua_match_init(hlua_match *m, lua_State *L, const char *subject, size_t count, const char *pattern, size_t pattern_count);
/// Where a match of the pattern at the subject's position ends, or NULL. Raises for a malformed pattern or a spent budget.
const unsigned char *hlua_match_at(hlua_match *m, const unsigned char *at, const unsigned char *pattern);
/// Charges what was counted since the budget was last asked.
void hlua_match_settle(hlua_match *m);
/// Charges a copy or comparison of `count` bytes.
void hlua_match_bytes(hlua_match *m, size_t count);
/// Pushes a capture; number 0 is the whole match when the pattern has no captures.
void hlua_match_push_capture(hlua_match *m, int number, const unsigned char *start, const unsigned char *end);
/// Pushes all captures, or the whole match when there are none and `start` is not NULL; returns how many.
int hlua_match_push_captures(hlua_match *m, const unsigned char *start, const unsigned char *end);

#endif
