// Lua 5.1 patterns as LuaJIT matches them, with each step counted, and stopped between any two steps.
#ifndef HEDDLE_CLUAJIT_PATTERN_H
#define HEDDLE_CLUAJIT_PATTERN_H

#include "internal.h"

enum {
  CAPTURES_MAX = 32,
  MATCH_DEPTH = 200,        // LuaJIT's limit: a deeper match is "pattern too complex"
  SET_LIMIT = 64 * 1024,    // bytes of a pattern's set, which is looked at for each character
};

enum { CAPTURE_UNFINISHED = -1, CAPTURE_POSITION = -2 };

typedef enum hlua_match_result {
  MATCH_FOUND,  // `end` is where it ends
  MATCH_NONE,
  MATCH_PAUSED, // the slice is over: hlua_match_run goes on
  MATCH_KILLED, // the budget is spent
  MATCH_FAILED, // `error` says why
} hlua_match_result;

typedef enum hlua_choice { CHOICE_MOST, CHOICE_LEAST, CHOICE_OPTION, CHOICE_OPEN, CHOICE_CLOSE } hlua_choice;

/// What can still be tried otherwise, or must be undone, when the rest does not match.
typedef struct hlua_match_frame {
  hlua_choice choice;
  const unsigned char *s, *p, *item;
  ptrdiff_t count;
} hlua_match_frame;

typedef struct hlua_match {
  hlua_state *state;
  lua_State *L; // the coroutine, to ask whether it could wait; NULL when it waits already
  const unsigned char *subject, *subject_end;
  const unsigned char *pattern_end; // a pattern ends at its first NUL
  const unsigned char *s, *p;       // where the match goes on
  const unsigned char *end;
  const char *error;
  hlua_match_result stop;
  int steps; // left until the budget is asked again
  int level; // captures begun
  ptrdiff_t partial; // how far an item that repeats had come when it was interrupted
  int partial_depth;
  struct {
    const unsigned char *start;
    ptrdiff_t count; // or one of the marks above
  } captures[CAPTURES_MAX];
  int frame_count;
  hlua_match_frame frames[MATCH_DEPTH];
} hlua_match;

void hlua_match_init(hlua_match *m, lua_State *L, const char *subject, size_t count, const char *pattern, size_t pattern_count);
/// Sets out to match the pattern at a position of the subject.
void hlua_match_begin(hlua_match *m, const unsigned char *at, const unsigned char *pattern);
/// Matches until there is a result.
hlua_match_result hlua_match_run(hlua_match *m);
/// Counts steps that were done elsewhere; false when the match must stop, `stop` being the reason.
bool hlua_match_steps(hlua_match *m, int64_t steps);
/// Charges what was counted since the budget was last asked.
void hlua_match_settle(hlua_match *m);
/// A capture's bytes, or false, `error` saying why; number 0 is the whole match when the pattern has no captures. A
/// position capture is written into `room`, which holds 24 bytes.
bool hlua_match_capture(hlua_match *m, int number, const unsigned char *start, const char **bytes, size_t *count, char *room);
/// Pushes all captures, or the whole match when there are none and `start` is not NULL; how many, or -1 with `error`.
int hlua_match_push_captures(hlua_match *m, lua_State *L, const unsigned char *start, int most);

#endif
