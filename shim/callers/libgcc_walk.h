// A stack walk by the unwinder of GCC's own library, which is linked into ours
// under names of its own (libgcc_unwinder.cmake).
#ifndef PROXYMETER_SHIM_CALLERS_LIBGCC_WALK_H_
#define PROXYMETER_SHIM_CALLERS_LIBGCC_WALK_H_

#include "shim/callers/caller_finder.h"

namespace proxymeter::shim {

/// Shows `finder` the frames of this thread. Allocates nothing, and ends early
/// where the unwinder would abort. One at a time in a
/// process: the caller sees to that.
void WalkByLibgcc(CallerFinder* finder);

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CALLERS_LIBGCC_WALK_H_
