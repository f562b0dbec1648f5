#include "shim/libc.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cstdarg>

#include "shim/dynamic_linker.h"
#include "shim/kernel.h"

namespace proxymeter::shim {
namespace {

template <typename Result = int, typename... Arguments>
Result SystemCall(long number, Arguments... arguments) {
  const long result = kernel::Forward(number, arguments...);
  if (result < 0 && result > -4096) {
    errno = static_cast<int>(-result);
    return -1;
  }
  return static_cast<Result>(result);
}

// What a library makes of a call that reaches us before the constructor, or of
// a function that this libc lacks.
namespace fallback {

ssize_t Send(int fd, const void* buffer, size_t size, int flags) {
  return SystemCall<ssize_t>(SYS_sendto, fd, buffer, size, flags, 0, 0);
}
ssize_t SendTo(int fd, const void* buffer, size_t size, int flags,
               const sockaddr* address, socklen_t length) {
  return SystemCall<ssize_t>(SYS_sendto, fd, buffer, size, flags, address,
                             length);
}
ssize_t SendMsg(int fd, const msghdr* message, int flags) {
  return SystemCall<ssize_t>(SYS_sendmsg, fd, message, flags);
}
ssize_t Write(int fd, const void* buffer, size_t size) {
  return SystemCall<ssize_t>(SYS_write, fd, buffer, size);
}
ssize_t WriteV(int fd, const iovec* vector, int count) {
  return SystemCall<ssize_t>(SYS_writev, fd, vector, count);
}
ssize_t RecvFrom(int fd, void* buffer, size_t size, int flags,
                 sockaddr* address, socklen_t* length) {
  return SystemCall<ssize_t>(SYS_recvfrom, fd, buffer, size, flags, address,
                             length);
}
ssize_t Recv(int fd, void* buffer, size_t size, int flags) {
  return RecvFrom(fd, buffer, size, flags, nullptr, nullptr);
}
ssize_t RecvMsg(int fd, msghdr* message, int flags) {
  return SystemCall<ssize_t>(SYS_recvmsg, fd, message, flags);
}
ssize_t Read(int fd, void* buffer, size_t size) {
  return SystemCall<ssize_t>(SYS_read, fd, buffer, size);
}
ssize_t ReadV(int fd, const iovec* vector, int count) {
  return SystemCall<ssize_t>(SYS_readv, fd, vector, count);
}
// The fortified forms abort when the buffer is too small for the request; we
// have no glibc to do that yet, so the overflow is refused instead.
ssize_t ReadChk(int fd, void* buffer, size_t size, size_t space) {
  return Read(fd, buffer, size <= space ? size : space);
}
ssize_t RecvChk(int fd, void* buffer, size_t size, size_t space, int flags) {
  return Recv(fd, buffer, size <= space ? size : space, flags);
}
ssize_t RecvFromChk(int fd, void* buffer, size_t size, size_t space, int flags,
                    sockaddr* address, socklen_t* length) {
  return RecvFrom(fd, buffer, size <= space ? size : space, flags, address,
                  length);
}
int Socket(int domain, int type, int protocol) {
  return SystemCall(SYS_socket, domain, type, protocol);
}
int Accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
  return SystemCall(SYS_accept4, fd, address, length, flags);
}
int Accept(int fd, sockaddr* address, socklen_t* length) {
  return Accept4(fd, address, length, 0);
}
int Connect(int fd, const sockaddr* address, socklen_t length) {
  return SystemCall(SYS_connect, fd, address, length);
}
int GetSockOpt(int fd, int level, int option, void* value, socklen_t* length) {
  return SystemCall(SYS_getsockopt, fd, level, option, value, length);
}
int SetSockOpt(int fd, int level, int option, const void* value,
               socklen_t length) {
  return SystemCall(SYS_setsockopt, fd, level, option, value, length);
}
int Shutdown(int fd, int how) { return SystemCall(SYS_shutdown, fd, how); }
int Close(int fd) { return SystemCall(SYS_close, fd); }
int Pipe2(int* fds, int flags) { return SystemCall(SYS_pipe2, fds, flags); }
int Pipe(int* fds) { return Pipe2(fds, 0); }
int SocketPair(int domain, int type, int protocol, int* fds) {
  return SystemCall(SYS_socketpair, domain, type, protocol, fds);
}
int OpenAt(int directory, const char* path, int flags, mode_t mode) {
  return SystemCall(SYS_openat, directory, path, flags, mode);
}
int Open(const char* path, int flags, mode_t mode) {
  return OpenAt(AT_FDCWD, path, flags, mode);
}
int OpenAt2(int directory, const char* path, int flags) {
  return OpenAt(directory, path, flags, 0);
}
int Open2(const char* path, int flags) { return Open(path, flags, 0); }
int Creat(const char* path, mode_t mode) {
  return Open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
int EventFd(unsigned int value, int flags) {
  return SystemCall(SYS_eventfd2, value, flags);
}
int TimerFdCreate(int clock, int flags) {
  return SystemCall(SYS_timerfd_create, clock, flags);
}
// glibc has this one since 2.27 only.
int MemFdCreate(const char* name, unsigned int flags) {
  return SystemCall(SYS_memfd_create, name, flags);
}
int INotifyInit1(int flags) { return SystemCall(SYS_inotify_init1, flags); }
int Dup(int fd) { return SystemCall(SYS_dup, fd); }
int Dup3(int from, int to, int flags) {
  return SystemCall(SYS_dup3, from, to, flags);
}
int Dup2(int from, int to) {
  // dup3 refuses equal descriptors, dup2 returns them when they are open.
  if (from == to) return SystemCall(SYS_fcntl, from, F_GETFD) < 0 ? -1 : to;
  return Dup3(from, to, 0);
}
int Fcntl(int fd, int command, ...) {
  va_list list;
  va_start(list, command);
  const long argument = va_arg(list, long);
  va_end(list);
  return SystemCall(SYS_fcntl, fd, command, argument);
}
int Ioctl(int fd, unsigned long command, ...) {
  va_list list;
  va_start(list, command);
  const long argument = va_arg(list, long);
  va_end(list);
  return SystemCall(SYS_ioctl, fd, command, argument);
}
int SendMMsg(int fd, mmsghdr* messages, unsigned int count, int flags) {
  return SystemCall(SYS_sendmmsg, fd, messages, count, flags);
}
int RecvMMsg(int fd, mmsghdr* messages, unsigned int count, int flags,
             timespec* timeout) {
  return SystemCall(SYS_recvmmsg, fd, messages, count, flags, timeout);
}
ssize_t SendFile(int to, int from, off64_t* offset, size_t size) {
  return SystemCall<ssize_t>(SYS_sendfile, to, from, offset, size);
}
// Offset -1 means the descriptor's own place: the only one that a socket has.
ssize_t PReadV2(int fd, const iovec* vector, int count, off64_t offset,
                int flags) {
  return SystemCall<ssize_t>(SYS_preadv2, fd, vector, count, offset, 0, flags);
}
ssize_t PWriteV2(int fd, const iovec* vector, int count, off64_t offset,
                 int flags) {
  return SystemCall<ssize_t>(SYS_pwritev2, fd, vector, count, offset, 0, flags);
}
ssize_t Splice(int from, off64_t* from_offset, int to, off64_t* to_offset,
               size_t size, unsigned int flags) {
  return SystemCall<ssize_t>(SYS_splice, from, from_offset, to, to_offset, size,
                             flags);
}
int PrCtl(int option, unsigned long a, unsigned long b, unsigned long c,
          unsigned long d) {
  return SystemCall(SYS_prctl, option, static_cast<long>(a),
                    static_cast<long>(b), static_cast<long>(c),
                    static_cast<long>(d));
}
// glibc has this one since 2.34 only.
int CloseRange(unsigned int first, unsigned int last, int flags) {
  return SystemCall(SYS_close_range, first, last, flags);
}
void CloseFrom(int first) {
  // As glibc does it: a negative start means all.
  SystemCall(SYS_close_range, first < 0 ? 0 : first, ~0u, 0);
}
// What is no system call needs libc itself, and its caller has it: late is
// safe.
template <typename Function>
Function Late(const char* name, Function) {
  return reinterpret_cast<Function>(FindNext(name));
}
int FClose(FILE* file) {
  const auto real = Late("fclose", libc.fclose);
  return real != nullptr ? real(file) : EOF;
}
pid_t Fork() {
  const auto real = Late("fork", libc.fork);
  if (real != nullptr) return real();
  errno = ENOSYS;
  return -1;
}
int PosixSpawn(pid_t* pid, const char* path,
               const posix_spawn_file_actions_t* actions,
               const posix_spawnattr_t* attributes, char* const* argv,
               char* const* environment) {
  const auto real = Late("posix_spawn", libc.posix_spawn);
  if (real == nullptr) return ENOSYS;
  return real(pid, path, actions, attributes, argv, environment);
}
int PosixSpawnP(pid_t* pid, const char* path,
                const posix_spawn_file_actions_t* actions,
                const posix_spawnattr_t* attributes, char* const* argv,
                char* const* environment) {
  const auto real = Late("posix_spawnp", libc.posix_spawnp);
  if (real == nullptr) return ENOSYS;
  return real(pid, path, actions, attributes, argv, environment);
}
int GetAddrInfo(const char* node, const char* service, const addrinfo* hints,
                addrinfo** result) {
  const auto real = Late("getaddrinfo", libc.getaddrinfo);
  return real != nullptr ? real(node, service, hints, result) : EAI_FAIL;
}

hostent* GetHostByName(const char* name) {
  const auto real = Late("gethostbyname", libc.gethostbyname);
  return real != nullptr ? real(name) : nullptr;
}
hostent* GetHostByName2(const char* name, int family) {
  const auto real = Late("gethostbyname2", libc.gethostbyname2);
  return real != nullptr ? real(name, family) : nullptr;
}
int GetHostByNameR(const char* name, hostent* host, char* buffer, size_t size,
                   hostent** result, int* error) {
  const auto real = Late("gethostbyname_r", libc.gethostbyname_r);
  if (real != nullptr) return real(name, host, buffer, size, result, error);
  *result = nullptr;
  *error = NO_RECOVERY;
  return ENOSYS;
}
int GetHostByName2R(const char* name, int family, hostent* host, char* buffer,
                    size_t size, hostent** result, int* error) {
  const auto real = Late("gethostbyname2_r", libc.gethostbyname2_r);
  if (real != nullptr) {
    return real(name, family, host, buffer, size, result, error);
  }
  *result = nullptr;
  *error = NO_RECOVERY;
  return ENOSYS;
}

int IsSocket(int fd) {
  struct stat status;
  if (kernel::Call(SYS_fstat, fd, &status) < 0) return -1;
  return S_ISSOCK(status.st_mode) ? 1 : 0;
}
int PeerAddress(int fd, sockaddr_storage* address, socklen_t* length) {
  return static_cast<int>(-kernel::Call(SYS_getpeername, fd, address, length));
}
void* DlOpen(const char* file, int mode) {
  using Function = decltype(Libc::dlopen);
  void* real = FindNext("dlopen");
  return real != nullptr ? reinterpret_cast<Function>(real)(file, mode)
                         : nullptr;
}

}  // namespace fallback

template <typename Function>
void Resolve(const char* name, Function* entry) {
  if (void* real = FindNext(name)) {
    *entry = reinterpret_cast<Function>(real);
  }
}

}  // namespace

constinit Libc libc = {
    .send = fallback::Send,
    .sendto = fallback::SendTo,
    .sendmsg = fallback::SendMsg,
    .write = fallback::Write,
    .writev = fallback::WriteV,
    .recv = fallback::Recv,
    .recvfrom = fallback::RecvFrom,
    .recvmsg = fallback::RecvMsg,
    .read = fallback::Read,
    .readv = fallback::ReadV,
    .__read_chk = fallback::ReadChk,
    .__recv_chk = fallback::RecvChk,
    .__recvfrom_chk = fallback::RecvFromChk,
    .sendmmsg = fallback::SendMMsg,
    .recvmmsg = fallback::RecvMMsg,
    .preadv2 = fallback::PReadV2,
    .preadv64v2 = fallback::PReadV2,
    .pwritev2 = fallback::PWriteV2,
    .pwritev64v2 = fallback::PWriteV2,
    .sendfile = fallback::SendFile,
    .sendfile64 = fallback::SendFile,
    .splice = fallback::Splice,
    .socket = fallback::Socket,
    .accept = fallback::Accept,
    .accept4 = fallback::Accept4,
    .connect = fallback::Connect,
    .getsockopt = fallback::GetSockOpt,
    .setsockopt = fallback::SetSockOpt,
    .shutdown = fallback::Shutdown,
    .close = fallback::Close,
    .close_range = fallback::CloseRange,
    .closefrom = fallback::CloseFrom,
    .fclose = fallback::FClose,
    .pipe2 = fallback::Pipe2,
    .dup = fallback::Dup,
    .dup2 = fallback::Dup2,
    .dup3 = fallback::Dup3,
    .fcntl = fallback::Fcntl,
    .fcntl64 = fallback::Fcntl,
    .ioctl = fallback::Ioctl,
    .fork = fallback::Fork,
    .posix_spawn = fallback::PosixSpawn,
    .posix_spawnp = fallback::PosixSpawnP,
    .prctl = fallback::PrCtl,
    .open = fallback::Open,
    .open64 = fallback::Open,
    .openat = fallback::OpenAt,
    .openat64 = fallback::OpenAt,
    .__open_2 = fallback::Open2,
    .__open64_2 = fallback::Open2,
    .__openat_2 = fallback::OpenAt2,
    .__openat64_2 = fallback::OpenAt2,
    .creat = fallback::Creat,
    .creat64 = fallback::Creat,
    .pipe = fallback::Pipe,
    .socketpair = fallback::SocketPair,
    .eventfd = fallback::EventFd,
    .timerfd_create = fallback::TimerFdCreate,
    .memfd_create = fallback::MemFdCreate,
    .inotify_init1 = fallback::INotifyInit1,
    .getaddrinfo = fallback::GetAddrInfo,
    .gethostbyname = fallback::GetHostByName,
    .gethostbyname2 = fallback::GetHostByName2,
    .gethostbyname_r = fallback::GetHostByNameR,
    .gethostbyname2_r = fallback::GetHostByName2R,
    .dlopen = fallback::DlOpen,
    .is_socket = fallback::IsSocket,
    .peer_address = fallback::PeerAddress,
};

void ResolveLibc() {
  const int saved_errno = errno;
#define HOOK(result, name, parameters, arguments) Resolve(#name, &libc.name);
#define VARIADIC_HOOK(result, name, command_type) Resolve(#name, &libc.name);
#include "shim/hooks/hooks.def"
  errno = saved_errno;
}

}  // namespace proxymeter::shim
