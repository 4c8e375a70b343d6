// RE2 is C++: its headers are read by the CRE2 target alone. This module only carries the linker flag.
