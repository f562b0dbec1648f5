// A process that is about to lock itself up.
#ifndef PROXYMETER_SHIM_SANDBOX_H_
#define PROXYMETER_SHIM_SANDBOX_H_

namespace proxymeter::shim {

/// Does what takes system calls while they are allowed, says what there is to
/// say, and makes none of our own from then on: seccomp kills for those that a
/// filter's author did not foresee. Counting goes on in the journal, which the
/// collector reads. Returns true when we were silent before.
bool FallSilent();

/// The sandbox was refused: undoes FallSilent.
void SpeakAgain();

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_SANDBOX_H_
