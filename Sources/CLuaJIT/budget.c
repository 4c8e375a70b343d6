// Fuel and deadline of a run, and how a script that has spent them is stopped.
//
// A kill suspends the running coroutine from the count hook, as a yield would: no pcall, error handler or __gc of the
// script sees it, and nothing is unwound. Only below a C function that called back into Lua (a comparator, a
// replacement function) a yield is impossible; there the kill is an error, and since the hook then fires at every
// instruction, whoever catches it is stopped at once.
//
// At the end of a time slice the running coroutine is suspended in the same way, and the host resumes it when others have
// had their turn.
#include "text.h"

#include <stdlib.h>
#include <time.h>

static const char killed_text[] = "script exceeded its budget";

static int64_t nanoseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void arm_clock(hlua_state *s, int64_t wall) {
  s->clock_armed = true;
  s->wall_start = s->slice_start = wall;
  s->cpu_start = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
}

// The thread's CPU clock costs a system call. CPU time never runs ahead of the monotonic clock, which costs none, so
// the former is read only when the latter says that the deadline may have passed.
static bool deadline_passed(hlua_state *s) {
  if (s->cpu_left == INT64_MAX && s->options.slice_nanoseconds == 0) return false;
  int64_t wall = nanoseconds(CLOCK_MONOTONIC);
  if (!s->clock_armed) {
    arm_clock(s, wall);
    return s->cpu_left <= 0;
  }
  if (s->options.slice_nanoseconds > 0 && wall - s->slice_start >= s->options.slice_nanoseconds) s->slice_over = true;
  if (wall - s->wall_start < s->cpu_left) return false;
  int64_t cpu = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
  s->cpu_left -= cpu - s->cpu_start;
  s->cpu_start = cpu;
  s->wall_start = wall;
  return s->cpu_left <= 0;
}

void hlua_arm_hook(hlua_state *s, int32_t period) {
  lua_sethook(s->main, hlua_hook, LUA_MASKCOUNT, period);
}

// Takes what was spent, and says whether that was too much.
bool hlua_spend(hlua_state *s, int64_t fuel) {
  if (s->kill) return true;
  s->fuel -= fuel + s->noted + (int64_t)(s->debt / BYTES_A_FUEL);
  s->debt = 0;
  s->noted = 0;
  if (!s->current) return false;
  if (s->fuel < 0)
    s->kill = KILLED_BY_FUEL;
  else if (deadline_passed(s))
    s->kill = KILLED_BY_DEADLINE;
  return s->kill != NOT_KILLED;
}

static void raise_overflow(lua_State *L, hlua_state *s) {
  hlua_charge(L, s, OVERFLOW_FUEL);
  hlua_raise(L, "C stack overflow");
}

void hlua_check_stack(lua_State *L, hlua_state *s, size_t limit) {
  uintptr_t here = (uintptr_t)__builtin_frame_address(0);
  if (s->stack_base > here && s->stack_base - here > limit) raise_overflow(L, s);
}

// Errors leave these functions without passing their end, so a frame is known to be gone by the stack being above it.
void hlua_enter_c(lua_State *L, hlua_state *s) {
  uintptr_t here = (uintptr_t)__builtin_frame_address(0);
  if (!s->c_frames) s->c_frames = malloc(C_DEPTH * sizeof *s->c_frames);
  if (!s->c_frames) hlua_raise_memory(L, s);
  while (s->c_depth > 0 && s->c_frames[s->c_depth - 1] <= here) s->c_depth--;
  if (s->c_depth == C_DEPTH) raise_overflow(L, s);
  s->c_frames[s->c_depth++] = here;
  hlua_check_stack(L, s, STACK_LIMIT);
}

// LuaJIT does not collect before it gives up at the cap, and paces itself by objects, not bytes: a few large strings
// would fill the cap with garbage. So a full collection runs when what was added since the last one is worth it.
static bool collect_if_full(lua_State *L, hlua_state *s) {
  size_t limit = s->options.memory_limit;
  if (s->used < limit / 2 || s->used - s->collected < limit / 4) {
    if (s->used < s->collected) s->collected = s->used;
    return false;
  }
  lua_gc(L, LUA_GCCOLLECT, 0);
  s->collected = s->used;
  return true;
}

void hlua_make_room(lua_State *L, hlua_state *s, size_t bytes) {
  if (s->used + bytes <= s->options.memory_limit) return;
  lua_gc(L, LUA_GCCOLLECT, 0);
  s->collected = s->used;
}

// Whether the C function that runs could be put aside. Its caller must be a Lua function, for an error that comes out later
// is raised by the hook before that function's next instruction; or the host.
bool hlua_can_wait(lua_State *L, hlua_state *s) {
  if (!s->current || !lua_isyieldable(L)) return false;
  lua_Debug caller;
  if (!lua_getstack(L, 1, &caller)) return s->current->thread == L;
  lua_getinfo(L, "S", &caller);
  return caller.what[0] != 'C';
}

// Nothing can be put aside where the script is now: it goes on into the next slice.
void hlua_renew_slice(hlua_state *s) {
  s->slice_over = false;
  s->slice_start = nanoseconds(CLOCK_MONOTONIC);
}

void hlua_note_yield(lua_State *L, hlua_state *s, int inner, int32_t reason) {
  hlua_run *run = s->current;
  if (run->thread != L) {
    run->inner = inner; // whoever resumed the coroutine yields likewise (builtin.c)
    run->inner_reason = reason;
  } else if (inner == INNER_SLICED) {
    run->sliced = true;
  } else {
    run->host_yield = true;
    run->reason = reason;
  }
}

// An operation that had been put aside ended with an error, which the script is to see where it called.
static void raise_pending(lua_State *L, hlua_state *s) {
  s->current->raising = NULL;
  hlua_arm_hook(s, s->period);
  lua_rawgeti(L, LUA_REGISTRYINDEX, s->current->objects_ref);
  lua_rawgeti(L, -1, ERROR_SLOT);
  lua_error(L);
}

void hlua_hook(lua_State *L, lua_Debug *activation) {
  hlua_state *s = state_of(L);
  if (s->current && s->current->raising == L) raise_pending(L, s);
  hlua_look_at_new(s);
  if (s->early && !s->slice_over && s->noted + EARLY_FUEL < STEPS_A_CHARGE) {
    s->early = false;
    s->noted += EARLY_FUEL;
    hlua_arm_hook(s, s->current && s->current->raising ? 1 : s->period);
    return;
  }
  int64_t passed = s->early ? EARLY_FUEL : s->period;
  s->early = false;
  // A full collection takes long enough to be counted before the script goes on.
  if (!hlua_spend(s, passed) && !(collect_if_full(L, s) && hlua_spend(s, 0))) {
    hlua_arm_hook(s, s->current && s->current->raising ? 1 : s->period);
    hlua_check_stack(L, s, STACK_LIMIT);
    // A coroutine below this one was put aside, and this one has not noticed yet: it will yield by itself (builtin.c).
    if (!s->slice_over || !s->current || s->current->inner != INNER_NONE || !lua_isyieldable(L)) return;
    hlua_note_yield(L, s, INNER_SLICED, 0);
    lua_yield(L, 0);
    return;
  }
  if (!lua_isyieldable(L)) hlua_raise_killed(L);
  hlua_note_stop(L);
  // Coroutines above this one yield by themselves, as at the end of a slice. The hook comes in time for whoever does not:
  // a yield from it unwinds C frames, which takes some 20 microseconds for each of 200 coroutines.
  bool nested = s->current && s->current->thread != L;
  hlua_arm_hook(s, nested ? KILLED_PERIOD : 1);
  if (nested) hlua_note_yield(L, s, INNER_SLICED, 0);
  lua_yield(L, 0);
}

void hlua_charge(lua_State *L, hlua_state *s, int64_t fuel) {
  if (hlua_spend(s, fuel)) hlua_raise_killed(L);
  // Others get their turn as soon as the C function has returned.
  if (s->slice_over && s->hooked && s->current) {
    s->early = false;
    hlua_arm_hook(s, 1);
  }
}

void hlua_raise_killed(lua_State *L) {
  hlua_note_stop(L);
  hlua_arm_hook(state_of(L), 1);
  lua_pushlstring(L, killed_text, sizeof killed_text - 1); // anchored when the state is made: allocates nothing
  lua_error(L);
}

void hlua_budget_begin(hlua_state *s, hlua_run *run) {
  s->fuel = run->fuel;
  s->cpu_left = run->cpu_left;
  s->clock_armed = s->slice_over = false;
  s->debt = 0;
  s->noted = 0;
  s->early = false;
  if (s->unseen) {
    hlua_look_at_new(s);
    if (s->hooked && !run->raising) hlua_arm_hook(s, s->period);
  }
  // A run that was put aside is a long one: none of its time goes uncounted, as that before the first look does of others.
  if (run->sliced) arm_clock(s, nanoseconds(CLOCK_MONOTONIC));
}

void hlua_budget_end(hlua_state *s, hlua_run *run) {
  if (s->clock_armed) s->cpu_left -= nanoseconds(CLOCK_THREAD_CPUTIME_ID) - s->cpu_start;
  s->clock_armed = false;
  run->fuel = s->fuel - s->noted - (int64_t)(s->debt / BYTES_A_FUEL);
  run->cpu_left = s->cpu_left;
}
