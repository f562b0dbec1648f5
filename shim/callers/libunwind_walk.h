// A stack walk by libunwind, where the image has it.
//
// The library is asked through its remote interface, as a debugger asks about
// another process: all memory is then read here, checked. Its local interface
// does not fit into somebody else's process: it keeps a pipe open for good, and
// goes on to read from and write to whatever has its numbers by then.
#ifndef PROXYMETER_SHIM_CALLERS_LIBUNWIND_WALK_H_
#define PROXYMETER_SHIM_CALLERS_LIBUNWIND_WALK_H_

#include "shim/callers/caller_finder.h"

namespace proxymeter::shim {

/// Loads the library, once; false when the image has none, or one that does not
/// find its way out of a function of ours. Allocates, opens files, takes the
/// linker's lock and may run constructors. Leaves no descriptor open.
bool LoadLibunwind();

/// Shows `finder` the frames of this thread. Once loaded, and one at a time in
/// a process: the caller sees to that. Stack that cannot be read ends the walk.
void WalkByLibunwind(CallerFinder* finder);

/// True in the thread that loads libunwind, for so long: the library asks for
/// a pipe that it has no use for here and would never close.
bool RefusesPipes();

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CALLERS_LIBUNWIND_WALK_H_
