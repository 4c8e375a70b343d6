// Compiling a script under a bound. LuaJIT's compiler takes tens of nanoseconds for a byte, but walks its lists of jumps and
// labels from their beginning, so that some sources of a hundred kilobytes take seconds. It gets a source in pieces, and the
// time is looked at before each.
#include "internal.h"

#include <time.h>

enum {
  SOURCE_PIECE = 1024,
  COMPILE_BASE = 20000000,  // nanoseconds of CPU time that any source may take
  COMPILE_A_BYTE = 300,     // and for each of its bytes: ten times what honest ones take
  FUEL_A_BYTE = 1,
};

typedef struct source {
  hlua_state *state;
  const char *at;
  size_t left;
  int64_t end;
} source;

static int64_t cpu_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// Errors end the compiler, which runs protected.
static const char *read_piece(lua_State *L, void *context, size_t *count) {
  source *s = context;
  *count = s->left < SOURCE_PIECE ? s->left : SOURCE_PIECE;
  if (*count == 0) return NULL;
  if (s->state->current) hlua_charge(L, s->state, (int64_t)*count * FUEL_A_BYTE);
  if (cpu_time() > s->end) {
    lua_pushliteral(L, "the script takes too long to compile");
    lua_error(L);
  }
  const char *piece = s->at;
  s->at += *count;
  s->left -= *count;
  return piece;
}

int hlua_compile(lua_State *L, const char *text, size_t count, const char *name) {
  source s = {state_of(L), text, count, cpu_time() + COMPILE_BASE + (int64_t)count * COMPILE_A_BYTE};
  return lua_loadx(L, read_piece, &s, name, "t");
}
