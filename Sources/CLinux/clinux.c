// The target is header-only apart from what must not be inlined; SwiftPM wants a source file.
#include "heddle_atomics.h"
