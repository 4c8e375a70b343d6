/// The C side of LuaRuntime: it owns every `lua_State`.
///
/// Three rules hold for everything declared here.
///  - No Lua error leaves a function: what can raise runs in `pcall`, and a failure is a return value.
///  - No longjmp or unwind crosses a caller's frame: a host method returns a code, and the shim raises after it has returned.
///  - Callers see plain values; `lua.h` is not part of this interface.
#ifndef HEDDLE_CLUAJIT_H
#define HEDDLE_CLUAJIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#pragma clang assume_nonnull begin

typedef struct hlua_state hlua_state;
typedef struct hlua_run hlua_run;
typedef struct hlua_class hlua_class;
typedef struct hlua_call hlua_call;

// MARK: Buffers of encoded values

/// A growing byte buffer. `failed` is set when memory ran out; appends are dropped from then on.
typedef struct hlua_buffer {
  uint8_t *_Nullable bytes;
  size_t count;
  size_t capacity;
  size_t limit; ///< bytes that it may hold; 0 for no bound
  bool failed;
} hlua_buffer;

/// Values travel in both directions as a sequence of these tags and their payload, native byte order, no alignment.
enum {
  HLUA_OP_NIL = 0,
  HLUA_OP_FALSE = 1,
  HLUA_OP_TRUE = 2,
  HLUA_OP_NUMBER = 3, ///< double
  HLUA_OP_STRING = 4, ///< uint32 count, bytes
  HLUA_OP_TABLE = 5,  ///< uint32 array hint, uint32 record hint; then keys and values in turn until HLUA_OP_END
  HLUA_OP_END = 6,
  HLUA_OP_OBJECT = 7, ///< uint32 class, uint32 scope, uint32 slot, uint64 host, int64 tag
  HLUA_OP_BOUND = 8,  ///< uint64 method, then as HLUA_OP_OBJECT: a function with its object
};

/// How long a host object may be used.
enum {
  HLUA_SCOPE_SEGMENT = 0, ///< until the run yields or ends
  HLUA_SCOPE_RUN = 1,     ///< until the run ends
  HLUA_SCOPE_STATE = 2,   ///< as long as the state
};

bool hlua_buffer_grow(hlua_buffer *buffer, size_t extra);
void hlua_buffer_free(hlua_buffer *buffer);

/// Bytes that a buffer keeps from one use to the next.
#define HLUA_BUFFER_KEPT (64 * 1024)

static inline void hlua_buffer_clear(hlua_buffer *buffer) {
  if (buffer->capacity > HLUA_BUFFER_KEPT) hlua_buffer_free(buffer);
  buffer->count = 0;
  buffer->failed = false;
}

/// Room for `count` more bytes, already counted, or NULL when memory ran out.
static inline uint8_t *_Nullable hlua_buffer_reserve(hlua_buffer *buffer, size_t count) {
  if (buffer->capacity - buffer->count < count && !hlua_buffer_grow(buffer, count)) return NULL;
  uint8_t *at = buffer->bytes + buffer->count;
  buffer->count += count;
  return at;
}

static inline void hlua_put_tag(hlua_buffer *buffer, uint8_t tag) {
  uint8_t *at = hlua_buffer_reserve(buffer, 1);
  if (at) *at = tag;
}

static inline void hlua_put_number(hlua_buffer *buffer, double number) {
  uint8_t *at = hlua_buffer_reserve(buffer, 9);
  if (!at) return;
  at[0] = HLUA_OP_NUMBER;
  memcpy(at + 1, &number, 8);
}

/// Room for a string of `count` bytes, to be filled before anything else is appended; NULL when memory ran out.
static inline uint8_t *_Nullable hlua_put_string_room(hlua_buffer *buffer, uint32_t count) {
  uint8_t *at = hlua_buffer_reserve(buffer, (size_t)5 + count);
  if (!at) return NULL;
  at[0] = HLUA_OP_STRING;
  memcpy(at + 1, &count, 4);
  return at + 5;
}

static inline void hlua_put_string(hlua_buffer *buffer, const void *_Nullable bytes, uint32_t count) {
  uint8_t *at = hlua_put_string_room(buffer, count);
  if (at && count) memcpy(at, bytes, count);
}

static inline void hlua_put_table(hlua_buffer *buffer, uint32_t array, uint32_t records) {
  uint8_t *at = hlua_buffer_reserve(buffer, 9);
  if (!at) return;
  at[0] = HLUA_OP_TABLE;
  memcpy(at + 1, &array, 4);
  memcpy(at + 5, &records, 4);
}

/// Bytes of an object's payload after its tag.
#define HLUA_OBJECT_BYTES 28

static inline void hlua_put_object(
    hlua_buffer *buffer, uint32_t type, uint32_t scope, uint32_t slot, void *_Nullable host, int64_t tag) {
  uint8_t *at = hlua_buffer_reserve(buffer, 1 + HLUA_OBJECT_BYTES);
  if (!at) return;
  at[0] = HLUA_OP_OBJECT;
  memcpy(at + 1, &type, 4);
  memcpy(at + 5, &scope, 4);
  memcpy(at + 9, &slot, 4);
  memcpy(at + 13, &host, 8);
  memcpy(at + 21, &tag, 8);
}

// MARK: Host classes

/// What a method asks of the shim when it has returned.
enum {
  HLUA_RETURN = 0,       ///< the values in `out` are the results
  HLUA_FAIL = 1,         ///< `out` holds raw message bytes: raise it with the script's position in front
  HLUA_BAD_ARGUMENT = 2, ///< `out` holds raw bytes of "x expected, got y" or the like; `detail` is the argument, 1 for the first
  HLUA_BAD_TYPE = 3,     ///< as HLUA_BAD_ARGUMENT, `out` holding only the expected type's name
  HLUA_YIELD = 4,        ///< suspend the run, `detail` being the reason; the values given at resumption are the results
};

/// Bytes that are copied for one fuel.
#define HLUA_BYTES_A_FUEL 16

/// Arguments after these are counted, not decoded.
#define HLUA_CALL_ARGUMENTS 8

enum {
  HLUA_TYPE_NONE = -1,
  HLUA_TYPE_NIL = 0,
  HLUA_TYPE_BOOLEAN = 1,
  HLUA_TYPE_NUMBER = 3,
  HLUA_TYPE_STRING = 4,
  HLUA_TYPE_TABLE = 5,
  HLUA_TYPE_FUNCTION = 6,
  HLUA_TYPE_OBJECT = 7,
};

/// One argument; `bytes` is Lua's own memory and lives as long as the call.
typedef struct hlua_argument {
  int32_t type;
  bool boolean;
  double number;
  const uint8_t *_Nullable bytes;
  size_t count;
} hlua_argument;

/// A call of a host method from Lua, valid until the method returns.
struct hlua_call {
  hlua_state *state;
  hlua_buffer *out;
  void *_Nullable context; ///< the run's
  void *_Nullable host;    ///< the object's
  int64_t tag;             ///< the object's
  int32_t count;
  int32_t detail;
  int64_t charged; ///< fuel for the method's own work, which is taken when it has returned
  hlua_argument arguments[HLUA_CALL_ARGUMENTS];
  // Private to the shim.
  void *thread;
  int32_t first;
  char text[HLUA_CALL_ARGUMENTS][32];
};

static inline const hlua_argument *hlua_call_argument(const hlua_call *call, int32_t index) {
  static const hlua_argument none = {.type = HLUA_TYPE_NONE};
  return index <= call->count ? &call->arguments[index - 1] : &none;
}

/// The argument as Lua would coerce it to a string; false when it is neither string nor number.
bool hlua_call_text(hlua_call *call, int32_t index);
/// The argument as Lua would coerce it to a number; false when it is neither number nor numeric string.
bool hlua_call_number(hlua_call *call, int32_t index, double *number);
/// The argument as a live object of the class; false when it is none.
bool hlua_call_object(hlua_call *call, int32_t index, uint32_t type, void *_Nullable *_Nonnull host, int64_t *tag);

enum {
  HLUA_READ_OK = 0,
  HLUA_READ_UNSUPPORTED = 1, ///< a function, thread or userdata; its type's name is in the buffer
  HLUA_READ_TOO_DEEP = 2,
  HLUA_READ_TOO_LARGE = 3,
  HLUA_READ_NO_MEMORY = 4,
};

/// Encodes an argument of any type with everything below it into `into`.
int hlua_call_read(hlua_call *call, int32_t index, int32_t depth, size_t bytes, hlua_buffer *into);

/// A function that is an argument, by a reference that keeps it; HLUA_NO_FUNCTION when it is none, or memory ran out.
int32_t hlua_call_keep(hlua_call *call, int32_t index);

typedef int32_t (*hlua_invoke)(void *body, hlua_call *call);

typedef struct hlua_method {
  const char *name;
  void *body;
  const hlua_class *owner;
  bool hidden; ///< reachable only as a bound function
  bool or_nil; ///< returns nil where it has no result
} hlua_method;

/// A class of host objects; made once, shared by all states, never freed while a state knows it.
struct hlua_class {
  const char *name;
  uint32_t id;
  uint32_t count;
  hlua_invoke invoke;
  const hlua_method *methods;
  const hlua_method *_Nullable pairs;    ///< what `pairs(object)` calls
  const hlua_method *_Nullable tostring; ///< what `tostring(object)` calls
};

/// The next class number, unique in this process; below HLUA_CLASSES.
uint32_t hlua_next_class_id(void);
#define HLUA_CLASSES 256

static inline void hlua_put_bound(
    hlua_buffer *buffer, const hlua_method *method, uint32_t scope, void *_Nullable host, int64_t tag) {
  uint8_t *at = hlua_buffer_reserve(buffer, 9);
  if (!at) return;
  at[0] = HLUA_OP_BOUND;
  memcpy(at + 1, &method, 8);
  hlua_put_object(buffer, method->owner->id, scope, 0, host, tag);
}

// MARK: States

typedef struct hlua_options {
  size_t memory_limit; ///< bytes
  bool trusted;        ///< full library, JIT, no budget
  bool traceback;
  double seed;
  int64_t slice_nanoseconds; ///< how long a script runs before it is put aside; 0 for as long as it wants
  void *_Nullable context; ///< for the two functions
  double (*now)(void *_Nullable context);
  void (*log)(void *_Nullable context, const uint8_t *_Nullable bytes, size_t count);
  /// The source of a module that a script requires; NULL when there is none.
  const uint8_t *_Nullable (*_Nonnull module)(void *_Nullable context, const uint8_t *name, size_t name_count, size_t *count);
} hlua_options;

typedef struct hlua_counters {
  size_t memory_used;
  size_t buffer_bytes;
  size_t memory_peak;
  uint64_t allocations;
  uint64_t runs;
  uint64_t kills;
  uint64_t memory_failures;
  size_t idle_runs;
} hlua_counters;

/// NULL when the limit does not even hold the library.
hlua_state *_Nullable hlua_state_create(const hlua_options *options);
void hlua_state_destroy(hlua_state *state);
/// Makes a class known; false when memory ran out.
bool hlua_state_register(hlua_state *state, const hlua_class *type);
/// The buffer in which arguments of `hlua_run_start`, `hlua_run_resume` and the value of a global are put.
hlua_buffer *hlua_state_values(hlua_state *state);
/// Sets a global to the first value in the buffer; false when memory ran out.
bool hlua_state_set_global(hlua_state *state, const char *name);
/// Sets a global to a table with the class's methods as plain functions bound to one object of the state's scope.
bool hlua_state_set_library(hlua_state *state, const char *name, const hlua_class *type, void *_Nullable host);
/// Compiles text (never bytecode); the function's reference or HLUA_NO_FUNCTION, with the reason as the state's message.
int32_t hlua_state_load(hlua_state *state, const char *source, size_t count);
/// The reference of a global function, or HLUA_NO_FUNCTION.
int32_t hlua_state_function(hlua_state *state, const char *name);
#define HLUA_NO_FUNCTION (-1)
/// Gives up a reference of `hlua_call_keep`.
void hlua_state_release(hlua_state *state, int32_t function);
/// The last failure's text and traceback.
const hlua_buffer *hlua_state_message(const hlua_state *state);
const hlua_buffer *hlua_state_traceback(const hlua_state *state);
hlua_counters hlua_state_counters(const hlua_state *state);
/// What the state holds now, buffers included.
size_t hlua_state_memory(const hlua_state *state);
bool hlua_state_is_dead(const hlua_state *state);
/// A full garbage collection; false when it failed.
bool hlua_state_collect(hlua_state *state);

// MARK: Runs

enum {
  HLUA_FINISHED = 0,
  HLUA_YIELDED = 1,
  HLUA_FAILED = 2,
  HLUA_KILLED_FUEL = 3,
  HLUA_KILLED_DEADLINE = 4,
  HLUA_SLICED = 6,     ///< its time slice is over: hlua_run_continue goes on
  HLUA_STATE_DEAD = 5, ///< not started: the state was killed before
};

/// A run of the pool; NULL when memory ran out.
hlua_run *_Nullable hlua_run_create(hlua_state *state, void *_Nullable context);
/// Calls the function in the run's coroutine; the arguments are the values in the state's buffer.
int hlua_run_start(hlua_run *run, int32_t function, int64_t fuel, int64_t cpu_nanoseconds);
/// Goes on after HLUA_YIELDED; the results of the call that yielded are the values in the state's buffer.
int hlua_run_resume(hlua_run *run);
/// Goes on after HLUA_SLICED.
int hlua_run_continue(hlua_run *run);
/// Why the run yielded.
int32_t hlua_run_reason(const hlua_run *run);
/// Before hlua_run_start: one of the values that the function returns is kept, 1 for the first, -1 for the last.
void hlua_run_want(hlua_run *run, int32_t place);
/// After HLUA_FINISHED, until the state is used again: that value. It has no type when there is none.
const hlua_argument *hlua_run_result(const hlua_run *run);
/// Fuel not yet spent.
int64_t hlua_run_fuel(const hlua_run *run);
/// Ends the run, whatever it is waiting for, and gives it back to the pool.
void hlua_run_release(hlua_run *run);

#pragma clang assume_nonnull end

#endif
