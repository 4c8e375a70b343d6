// The matcher is a plain backtracking one, because its observable limits (depth, order of attempts, when a malformed
// pattern is noticed) are part of the semantics that scripts see. What it adds is the count: every step that can
// repeat takes one, and the budget is asked each STEPS_A_CHARGE of them, so that no subject can outlast it.
#include "pattern.h"

typedef const unsigned char *text;

// MARK: Budget

static void refill(hlua_match *m) {
  int64_t used = STEPS_A_CHARGE - m->steps;
  m->steps = STEPS_A_CHARGE;
  hlua_charge(m->L, m->state, used);
}

static inline void step(hlua_match *m) {
  if (--m->steps <= 0) refill(m);
}

void hlua_match_settle(hlua_match *m) {
  m->state->fuel -= STEPS_A_CHARGE - m->steps;
  m->steps = STEPS_A_CHARGE;
}

void hlua_match_bytes(hlua_match *m, size_t count) {
  int64_t fuel = (int64_t)(count / BYTES_A_FUEL);
  if (fuel < m->steps) {
    m->steps -= (int)fuel;
    return;
  }
  hlua_match_settle(m);
  hlua_charge(m->L, m->state, fuel);
}

void hlua_match_init(hlua_match *m, lua_State *L, const char *subject, size_t count, const char *pattern, size_t pattern_count) {
  m->L = L;
  m->state = state_of(L);
  m->subject = (text)subject;
  m->subject_end = m->subject + count;
  m->pattern_end = (text)pattern + strnlen(pattern, pattern_count);
  m->steps = STEPS_A_CHARGE;
  m->depth = 0;
  m->level = 0;
}

// MARK: Single characters

enum { ALPHA = 1, DIGIT = 2, LOWER = 4, UPPER = 8, SPACE = 16, CNTRL = 32, PUNCT = 64, XDIGIT = 128 };

// ASCII only, whatever the locale says: so does LuaJIT.
static int kind_of(int c) {
  int kind = 0;
  if (c >= 'a' && c <= 'z') kind |= ALPHA | LOWER;
  if (c >= 'A' && c <= 'Z') kind |= ALPHA | UPPER;
  if (c >= '0' && c <= '9') kind |= DIGIT | XDIGIT;
  if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) kind |= XDIGIT;
  if (c == ' ' || (c >= '\t' && c <= '\r')) kind |= SPACE;
  if (c < 32 || c == 127) kind |= CNTRL;
  if (c > 32 && c < 127 && !(kind & (ALPHA | DIGIT))) kind |= PUNCT;
  return kind;
}

static int kinds_of_class(int letter) {
  switch (letter) {
  case 'a': return ALPHA;
  case 'c': return CNTRL;
  case 'd': return DIGIT;
  case 'g': return ALPHA | DIGIT | PUNCT;
  case 'l': return LOWER;
  case 'p': return PUNCT;
  case 's': return SPACE;
  case 'u': return UPPER;
  case 'w': return ALPHA | DIGIT;
  case 'x': return XDIGIT;
  default: return 0;
  }
}

static bool in_class(int c, int class) {
  bool upper = class >= 'A' && class <= 'Z';
  int letter = upper ? class + 32 : class;
  int kinds = kinds_of_class(letter);
  if (kinds) return ((kind_of(c) & kinds) != 0) != upper;
  if (letter == 'z') return (c == 0) != upper;
  return class == c;
}

// `p` is the '[', `last` its ']'.
static bool in_set(hlua_match *m, int c, text p, text last) {
  bool found = true;
  p++;
  if (*p == '^') {
    found = false;
    p++;
  }
  for (; p < last; p++) {
    step(m);
    if (*p == '%') {
      p++;
      if (in_class(c, *p)) return found;
    } else if (p[1] == '-' && p + 2 < last) {
      if (p[0] <= c && c <= p[2]) return found;
      p += 2;
    } else if (*p == c) {
      return found;
    }
  }
  return !found;
}

// The end of the single-character item at `p`.
static text item_end(hlua_match *m, text p) {
  text end = m->pattern_end;
  if (*p == '%') {
    if (p + 1 >= end) luaL_error(m->L, "malformed pattern (ends with '%%')");
    return p + 2;
  }
  if (*p != '[') return p + 1;
  p++;
  if (p < end && *p == '^') p++;
  do { // a ']' that comes first is a member
    if (p >= end) luaL_error(m->L, "malformed pattern (missing ']')");
    if (*p++ == '%' && p < end) p++;
  } while (p >= end || *p != ']');
  return p + 1;
}

static inline bool item_matches(hlua_match *m, int c, text p, text item) {
  switch (*p) {
  case '.': return true;
  case '%': return in_class(c, p[1]);
  case '[': return in_set(m, c, p, item - 1);
  default: return *p == c;
  }
}

// MARK: Items that repeat

static text repeat_most(hlua_match *m, text s, text p, text item) {
  ptrdiff_t count = 0;
  while (s + count < m->subject_end && item_matches(m, s[count], p, item)) {
    step(m);
    count++;
  }
  for (; count >= 0; count--) {
    step(m);
    text end = hlua_match_at(m, s + count, item + 1);
    if (end) return end;
  }
  return NULL;
}

static text repeat_least(hlua_match *m, text s, text p, text item) {
  for (;;) {
    step(m);
    text end = hlua_match_at(m, s, item + 1);
    if (end) return end;
    if (s >= m->subject_end || !item_matches(m, *s, p, item)) return NULL;
    s++;
  }
}

// MARK: %b, %f, %1, captures

static text match_balance(hlua_match *m, text s, text p) {
  if (p + 1 >= m->pattern_end) luaL_error(m->L, "unbalanced pattern");
  if (s >= m->subject_end || *s != *p) return NULL;
  int open = p[0], close = p[1], depth = 1;
  while (++s < m->subject_end) {
    step(m);
    if (*s == close) {
      if (--depth == 0) return s + 1;
    } else if (*s == open) {
      depth++;
    }
  }
  return NULL;
}

static bool match_frontier(hlua_match *m, text s, text p, text item) {
  int before = s == m->subject ? 0 : s[-1];
  int after = s < m->subject_end ? *s : 0;
  return !in_set(m, before, p, item - 1) && in_set(m, after, p, item - 1);
}

static text match_back(hlua_match *m, text s, int digit) {
  int number = digit - '1';
  if (number < 0 || number >= m->level || m->captures[number].count == CAPTURE_UNFINISHED)
    luaL_error(m->L, "invalid capture index");
  size_t count = (size_t)m->captures[number].count;
  if ((size_t)(m->subject_end - s) < count) return NULL;
  hlua_match_bytes(m, count);
  return memcmp(m->captures[number].start, s, count) == 0 ? s + count : NULL;
}

static text open_capture(hlua_match *m, text s, text p, ptrdiff_t mark) {
  if (m->level >= CAPTURES_MAX) luaL_error(m->L, "too many captures");
  m->captures[m->level].start = s;
  m->captures[m->level].count = mark;
  m->level++;
  text end = hlua_match_at(m, s, p);
  if (!end) m->level--;
  return end;
}

static text close_capture(hlua_match *m, text s, text p) {
  int number = m->level - 1;
  while (number >= 0 && m->captures[number].count != CAPTURE_UNFINISHED) number--;
  if (number < 0) luaL_error(m->L, "invalid pattern capture");
  m->captures[number].count = s - m->captures[number].start;
  text end = hlua_match_at(m, s, p);
  if (!end) m->captures[number].count = CAPTURE_UNFINISHED;
  return end;
}

// MARK: The match

static text match_from(hlua_match *m, text s, text p) {
  for (;;) {
    step(m);
    if (p >= m->pattern_end) return s;
    switch (*p) {
    case '(':
      return p[1] == ')' ? open_capture(m, s, p + 2, CAPTURE_POSITION) : open_capture(m, s, p + 1, CAPTURE_UNFINISHED);
    case ')': return close_capture(m, s, p + 1);
    case '$':
      if (p + 1 == m->pattern_end) return s == m->subject_end ? s : NULL;
      break;
    case '%':
      if (p + 1 < m->pattern_end && p[1] == 'b') {
        s = match_balance(m, s, p + 2);
        if (!s) return NULL;
        p += 4;
        continue;
      }
      if (p + 1 < m->pattern_end && p[1] == 'f') {
        p += 2;
        if (p >= m->pattern_end || *p != '[') luaL_error(m->L, "missing '[' after '%%f' in pattern");
        text item = item_end(m, p);
        if (!match_frontier(m, s, p, item)) return NULL;
        p = item;
        continue;
      }
      if (p + 1 < m->pattern_end && p[1] >= '0' && p[1] <= '9') {
        s = match_back(m, s, p[1]);
        if (!s) return NULL;
        p += 2;
        continue;
      }
      break;
    default: break;
    }
    text item = item_end(m, p);
    bool here = s < m->subject_end && item_matches(m, *s, p, item);
    switch (item < m->pattern_end ? *item : 0) {
    case '?': {
      text end = here ? hlua_match_at(m, s + 1, item + 1) : NULL;
      if (end) return end;
      p = item + 1;
      continue;
    }
    case '*': return repeat_most(m, s, p, item);
    case '+': return here ? repeat_most(m, s + 1, p, item) : NULL;
    case '-': return repeat_least(m, s, p, item);
    default:
      if (!here) return NULL;
      s++;
      p = item;
    }
  }
}

text hlua_match_at(hlua_match *m, text s, text p) {
  if (++m->depth > MATCH_DEPTH) luaL_error(m->L, "pattern too complex");
  text end = match_from(m, s, p);
  m->depth--;
  return end;
}

// MARK: Captures as values

void hlua_match_push_capture(hlua_match *m, int number, text start, text end) {
  if (number >= m->level) {
    if (number != 0) luaL_error(m->L, "invalid capture index");
    lua_pushlstring(m->L, (const char *)start, (size_t)(end - start));
    return;
  }
  ptrdiff_t count = m->captures[number].count;
  text from = m->captures[number].start;
  if (count == CAPTURE_UNFINISHED) luaL_error(m->L, "unfinished capture");
  if (count == CAPTURE_POSITION)
    lua_pushinteger(m->L, from - m->subject + 1);
  else
    lua_pushlstring(m->L, (const char *)from, (size_t)count);
}

int hlua_match_push_captures(hlua_match *m, text start, text end) {
  int count = m->level == 0 && start ? 1 : m->level;
  luaL_checkstack(m->L, count, "too many captures");
  for (int i = 0; i < count; i++) hlua_match_push_capture(m, i, start, end);
  return count;
}
