// System calls made without libc: they never touch errno, are no cancellation
// points, and cannot come back into our own hooks.
#ifndef PROXYMETER_SHIM_KERNEL_H_
#define PROXYMETER_SHIM_KERNEL_H_

#include <errno.h>
#include <sys/syscall.h>

#include <atomic>

namespace proxymeter::shim::kernel {

namespace internal {

inline long Raw(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  register long x5 asm("x5") = f;
  asm volatile("svc 0"
               : "+r"(x0)
               : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
               : "memory");
  return x0;
#else
#error "proxymeter's shim knows x86-64 and aarch64"
#endif
}

template <typename T>
long Argument(T* value) {
  return reinterpret_cast<long>(value);
}
template <typename T>
requires __is_enum(T) long Argument(T value) {
  return static_cast<long>(value);
}
inline long Argument(long value) { return value; }

}  // namespace internal

/// True once the process may be in a sandbox, which kills for a system call
/// that it does not expect: Call then fails without making any.
inline constinit std::atomic<bool> silent{false};

/// A system call that the program itself asked for, or that gives back what one
/// of ours took: made in a sandbox too. Returns what the kernel returns: a
/// negative errno on failure.
template <typename... Arguments>
long Forward(long number, Arguments... arguments) {
  static_assert(sizeof...(Arguments) <= 6);
  long slots[6 + 1] = {internal::Argument(arguments)...};
  return internal::Raw(number, slots[0], slots[1], slots[2], slots[3], slots[4],
                       slots[5]);
}

/// A system call of ours. As above, and -EPERM when we are to be silent.
template <typename... Arguments>
long Call(long number, Arguments... arguments) {
  if (silent.load(std::memory_order_relaxed)) [[unlikely]]
    return -EPERM;
  return Forward(number, arguments...);
}

/// Closes a descriptor of ours when the scope ends.
class ScopedDescriptor {
 public:
  explicit ScopedDescriptor(long descriptor) : descriptor_(descriptor) {}
  ~ScopedDescriptor() {
    if (descriptor_ >= 0) Forward(SYS_close, descriptor_);
  }
  ScopedDescriptor(const ScopedDescriptor&) = delete;
  ScopedDescriptor& operator=(const ScopedDescriptor&) = delete;

  bool ok() const { return descriptor_ >= 0; }
  long get() const { return descriptor_; }

 private:
  long descriptor_;
};

}  // namespace proxymeter::shim::kernel

#endif  // PROXYMETER_SHIM_KERNEL_H_
