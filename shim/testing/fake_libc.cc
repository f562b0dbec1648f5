#include "shim/testing/fake_libc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace proxymeter::shim {

FakeLibc* FakeLibc::current_ = nullptr;

struct FakeLibc::Functions {
  static FakeLibc& Self() { return *current_; }

  static long Finish(const Step& step) {
    if (step.error != 0) {
      errno = step.error;
      return -1;
    }
    return step.result;
  }

  static std::size_t Size(const iovec* vector, std::size_t count) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < count; ++i) size += vector[i].iov_len;
    return size;
  }

  static ssize_t Out(const char* name, std::size_t size) {
    Self().Called(name);
    return Finish(Self().Next(static_cast<long>(size)));
  }

  static ssize_t In(const char* name, const iovec* vector, std::size_t count) {
    Self().Called(name);
    const Step step = Self().Next(0);
    std::string_view data = step.data;
    for (std::size_t i = 0; i < count && !data.empty(); ++i) {
      const std::size_t piece = std::min(vector[i].iov_len, data.size());
      if (vector[i].iov_base != nullptr) {
        std::memcpy(vector[i].iov_base, data.data(), piece);
      }
      data.remove_prefix(piece);
    }
    return Finish(step);
  }

  static ssize_t In(const char* name, void* buffer, std::size_t size) {
    const iovec whole = {buffer, size};
    return In(name, &whole, 1);
  }

  static ssize_t Send(int, const void*, size_t size, int) {
    return Out("send", size);
  }
  static ssize_t SendTo(int, const void*, size_t size, int, const sockaddr*,
                        socklen_t) {
    return Out("sendto", size);
  }
  static ssize_t SendMsg(int, const msghdr* message, int) {
    // One that fails may be no message at all.
    const bool fails = !Self().script_.empty() && Self().script_.front().error;
    return Out("sendmsg",
               fails ? 0 : Size(message->msg_iov, message->msg_iovlen));
  }
  static ssize_t Write(int, const void*, size_t size) {
    return Out("write", size);
  }
  static ssize_t WriteV(int, const iovec* vector, int count) {
    return Out("writev", Size(vector, static_cast<std::size_t>(count)));
  }
  static ssize_t Recv(int, void* buffer, size_t size, int) {
    return In("recv", buffer, size);
  }
  static ssize_t RecvFrom(int, void* buffer, size_t size, int, sockaddr*,
                          socklen_t*) {
    return In("recvfrom", buffer, size);
  }
  static ssize_t RecvMsg(int, msghdr* message, int) {
    return In("recvmsg", message->msg_iov, message->msg_iovlen);
  }
  static ssize_t Read(int, void* buffer, size_t size) {
    return In("read", buffer, size);
  }
  static ssize_t ReadV(int, const iovec* vector, int count) {
    return In("readv", vector, static_cast<std::size_t>(count));
  }
  static ssize_t ReadChk(int, void* buffer, size_t size, size_t) {
    return In("__read_chk", buffer, size);
  }
  static ssize_t RecvChk(int, void* buffer, size_t size, size_t, int) {
    return In("__recv_chk", buffer, size);
  }
  static ssize_t RecvFromChk(int, void* buffer, size_t size, size_t, int,
                             sockaddr*, socklen_t*) {
    return In("__recvfrom_chk", buffer, size);
  }

  // As the kernel does: the number of messages, their sizes in place.
  static int SendMMsg(int, mmsghdr* messages, unsigned int count, int) {
    for (unsigned int i = 0; i < count; ++i) {
      const msghdr& message = messages[i].msg_hdr;
      messages[i].msg_len =
          static_cast<unsigned int>(Size(message.msg_iov, message.msg_iovlen));
    }
    return static_cast<int>(Out("sendmmsg", count));
  }
  static int RecvMMsg(int, mmsghdr* messages, unsigned int count, int,
                      timespec*) {
    unsigned int received = 0;
    for (; received < count && !Self().script_.empty(); ++received) {
      msghdr& message = messages[received].msg_hdr;
      const ssize_t size = In("recvmmsg", message.msg_iov, message.msg_iovlen);
      if (size < 0) return received != 0 ? static_cast<int>(received) : -1;
      messages[received].msg_len = static_cast<unsigned int>(size);
    }
    return static_cast<int>(received);
  }
  static ssize_t PReadV2(int, const iovec* vector, int count, off64_t, int) {
    return In("preadv2", vector, static_cast<std::size_t>(count));
  }
  static ssize_t PWriteV2(int, const iovec* vector, int count, off64_t, int) {
    return Out("pwritev2", Size(vector, static_cast<std::size_t>(count)));
  }
  static ssize_t SendFile(int, int, off64_t*, size_t size) {
    return Out("sendfile", size);
  }
  static ssize_t Splice(int, off64_t*, int, off64_t*, size_t size,
                        unsigned int) {
    return Out("splice", size);
  }
  static int PrCtl(int, unsigned long, unsigned long, unsigned long,
                   unsigned long) {
    return Status("prctl");
  }
  static int CloseRange(unsigned int, unsigned int, int) {
    return Status("close_range");
  }
  static void CloseFrom(int) { Self().Called("closefrom"); }
  static int FClose(FILE*) { return Status("fclose"); }

  static int NewDescriptor(const char* name) {
    Self().Called(name);
    return Self().next_descriptor_;
  }
  static int Socket(int, int, int) { return NewDescriptor("socket"); }
  static int Open(const char*, int, mode_t) { return NewDescriptor("open"); }
  static int OpenAt(int, const char*, int, mode_t) {
    return NewDescriptor("openat");
  }
  static int Open2(const char*, int) { return NewDescriptor("__open_2"); }
  static int OpenAt2(int, const char*, int) {
    return NewDescriptor("__openat_2");
  }
  static int Creat(const char*, mode_t) { return NewDescriptor("creat"); }
  static int Pipe(int* fds) {
    fds[0] = 0;
    fds[1] = NewDescriptor("pipe");
    return 0;
  }
  static int SocketPair(int, int, int, int* fds) {
    fds[0] = NewDescriptor("socketpair");
    fds[1] = 0;
    return 0;
  }
  static int EventFd(unsigned int, int) { return NewDescriptor("eventfd"); }
  static int TimerFdCreate(int, int) { return NewDescriptor("timerfd_create"); }
  static int MemFdCreate(const char*, unsigned int) {
    return NewDescriptor("memfd_create");
  }
  static int INotifyInit1(int) { return NewDescriptor("inotify_init1"); }
  static int Accept(int, sockaddr*, socklen_t*) {
    return NewDescriptor("accept");
  }
  static int Accept4(int, sockaddr*, socklen_t*, int) {
    return NewDescriptor("accept4");
  }
  static int Status(const char* name) {
    Self().Called(name);
    return static_cast<int>(Finish(Self().Next(0)));
  }
  static int Connect(int, const sockaddr*, socklen_t) {
    return Status("connect");
  }
  static int SetSockOpt(int, int, int, const void*, socklen_t) {
    return Status("setsockopt");
  }
  static int Shutdown(int, int) { return Status("shutdown"); }
  static int Close(int) { return Status("close"); }
  static int Copy(const char* name, int fd) {
    Self().Called(name);
    return static_cast<int>(Finish(Self().Next(fd)));
  }
  static int Pipe2(int* fds, int) { return Pipe(fds); }
  static int Dup(int) { return Copy("dup", Self().next_descriptor_); }
  static int Dup2(int, int to) { return Copy("dup2", to); }
  static int Dup3(int, int to, int) { return Copy("dup3", to); }
  static int Fcntl(int, int command, ...) {
    if (command == F_GETFD) return Self().close_on_exec_ ? FD_CLOEXEC : 0;
    const bool copies = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
    return Copy("fcntl", copies ? Self().next_descriptor_ : 0);
  }

  static int Ioctl(int, unsigned long, ...) { return 0; }

  static int GetSockOpt(int fd, int level, int option, void* value,
                        socklen_t* length) {
    Self().Called("getsockopt");
    if (level == IPPROTO_TCP && option == TCP_INFO) {
      tcp_info info = {};
      info.tcpi_state = static_cast<std::uint8_t>(Self().tcp_state_);
      if (Self().fin_arrives_) {
        Self().fin_arrives_ = false;
        ++Self().kernel_received_;
        Self().tcp_state_ = TCP_CLOSE_WAIT;
      }
      std::memcpy(value, &info, std::min<std::size_t>(*length, sizeof(info)));
      // The kernel's structure goes on behind glibc's.
      constexpr std::size_t kReceivedOffset = 128;
      constexpr std::size_t kSentOffset = 200;
      auto* bytes = static_cast<char*>(value);
      if (*length >= kSentOffset + sizeof(std::uint64_t)) {
        std::memcpy(bytes + kReceivedOffset, &Self().kernel_received_,
                    sizeof(std::uint64_t));
        std::memcpy(bytes + kSentOffset, &Self().kernel_sent_,
                    sizeof(std::uint64_t));
      }
      return 0;
    }
    if (level == SOL_SOCKET && option == SO_COOKIE) {
      const std::uint64_t cookie = Self().cookies_ ? CookieOf(fd) : 0;
      std::memcpy(value, &cookie, sizeof(cookie));
      return 0;
    }
    const int answer =
        option == SO_ERROR ? Self().socket_error_ : Self().socket_type_;
    std::memcpy(value, &answer, sizeof(answer));
    *length = sizeof(answer);
    return 0;
  }

  static pid_t Fork() {
    Self().Called("fork");
    return ::fork();
  }
  static int PosixSpawn(pid_t*, const char*, const posix_spawn_file_actions_t*,
                        const posix_spawnattr_t*, char* const*, char* const*) {
    return Status("posix_spawn");
  }
  static int IsSocket(int fd) {
    Self().Called("is_socket");
    if (Self().closed_.contains(fd)) return -1;
    return Self().peers_.contains(fd) ? 1 : 0;
  }
  static int PeerAddress(int fd, sockaddr_storage* address, socklen_t* length) {
    Self().Called("peer_address");
    sockaddr_in peer = {};
    peer.sin_family = AF_INET;
    const auto& [text, port] = Self().peers_[fd];
    peer.sin_port = htons(port);
    inet_pton(AF_INET, text.c_str(), &peer.sin_addr);
    std::memcpy(address, &peer, sizeof(peer));
    *length = sizeof(peer);
    return 0;
  }

  static int GetAddrInfo(const char*, const char*, const addrinfo*,
                         addrinfo** result) {
    Self().Called("getaddrinfo");
    static std::vector<addrinfo> entries;
    static std::vector<sockaddr_in> addresses;
    const auto& wanted = Self().addresses_;
    entries.assign(wanted.size(), {});
    addresses.assign(wanted.size(), {});
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      addresses[i].sin_family = AF_INET;
      inet_pton(AF_INET, wanted[i].c_str(), &addresses[i].sin_addr);
      entries[i].ai_family = AF_INET;
      entries[i].ai_addr = reinterpret_cast<sockaddr*>(&addresses[i]);
      entries[i].ai_addrlen = sizeof(addresses[i]);
      if (i + 1 < wanted.size()) entries[i].ai_next = &entries[i + 1];
    }
    *result = entries.empty() ? nullptr : entries.data();
    return entries.empty() ? EAI_NONAME : 0;
  }

  static hostent* Host(const char* name, int family) {
    Self().Called(name);
    static std::vector<in6_addr> addresses;
    static std::vector<char*> list;
    static hostent host;
    addresses.clear();
    for (const std::string& text : Self().addresses_) {
      in6_addr address;
      if (inet_pton(family, text.c_str(), &address) == 1) {
        addresses.push_back(address);
      }
    }
    list.clear();
    for (in6_addr& address : addresses) {
      list.push_back(reinterpret_cast<char*>(&address));
    }
    list.push_back(nullptr);
    host = {};
    host.h_addrtype = family;
    host.h_length = family == AF_INET ? 4 : 16;
    host.h_addr_list = list.data();
    return addresses.empty() ? nullptr : &host;
  }
  static hostent* GetHostByName(const char*) {
    return Host("gethostbyname", AF_INET);
  }
  static hostent* GetHostByName2(const char*, int family) {
    return Host("gethostbyname2", family);
  }
  static int GetHostByNameR(const char*, hostent*, char*, size_t,
                            hostent** result, int*) {
    *result = Host("gethostbyname_r", AF_INET);
    return 0;
  }
  static int GetHostByName2R(const char*, int family, hostent*, char*, size_t,
                             hostent** result, int*) {
    *result = Host("gethostbyname2_r", family);
    return 0;
  }
};

FakeLibc::FakeLibc() : saved_(libc) {
  current_ = this;
  libc = {
      .send = Functions::Send,
      .sendto = Functions::SendTo,
      .sendmsg = Functions::SendMsg,
      .write = Functions::Write,
      .writev = Functions::WriteV,
      .recv = Functions::Recv,
      .recvfrom = Functions::RecvFrom,
      .recvmsg = Functions::RecvMsg,
      .read = Functions::Read,
      .readv = Functions::ReadV,
      .__read_chk = Functions::ReadChk,
      .__recv_chk = Functions::RecvChk,
      .__recvfrom_chk = Functions::RecvFromChk,
      .sendmmsg = Functions::SendMMsg,
      .recvmmsg = Functions::RecvMMsg,
      .preadv2 = Functions::PReadV2,
      .preadv64v2 = Functions::PReadV2,
      .pwritev2 = Functions::PWriteV2,
      .pwritev64v2 = Functions::PWriteV2,
      .sendfile = Functions::SendFile,
      .sendfile64 = Functions::SendFile,
      .splice = Functions::Splice,
      .socket = Functions::Socket,
      .accept = Functions::Accept,
      .accept4 = Functions::Accept4,
      .connect = Functions::Connect,
      .getsockopt = Functions::GetSockOpt,
      .setsockopt = Functions::SetSockOpt,
      .shutdown = Functions::Shutdown,
      .close = Functions::Close,
      .close_range = Functions::CloseRange,
      .closefrom = Functions::CloseFrom,
      .fclose = Functions::FClose,
      .pipe2 = Functions::Pipe2,
      .dup = Functions::Dup,
      .dup2 = Functions::Dup2,
      .dup3 = Functions::Dup3,
      .fcntl = Functions::Fcntl,
      .fcntl64 = Functions::Fcntl,
      .ioctl = Functions::Ioctl,
      .fork = Functions::Fork,
      .posix_spawn = Functions::PosixSpawn,
      .posix_spawnp = Functions::PosixSpawn,
      .prctl = Functions::PrCtl,
      .open = Functions::Open,
      .open64 = Functions::Open,
      .openat = Functions::OpenAt,
      .openat64 = Functions::OpenAt,
      .__open_2 = Functions::Open2,
      .__open64_2 = Functions::Open2,
      .__openat_2 = Functions::OpenAt2,
      .__openat64_2 = Functions::OpenAt2,
      .creat = Functions::Creat,
      .creat64 = Functions::Creat,
      .pipe = Functions::Pipe,
      .socketpair = Functions::SocketPair,
      .eventfd = Functions::EventFd,
      .timerfd_create = Functions::TimerFdCreate,
      .memfd_create = Functions::MemFdCreate,
      .inotify_init1 = Functions::INotifyInit1,
      .getaddrinfo = Functions::GetAddrInfo,
      .gethostbyname = Functions::GetHostByName,
      .gethostbyname2 = Functions::GetHostByName2,
      .gethostbyname_r = Functions::GetHostByNameR,
      .gethostbyname2_r = Functions::GetHostByName2R,
      // Nobody loads a module through it.
      .dlopen = nullptr,
      .is_socket = Functions::IsSocket,
      .peer_address = Functions::PeerAddress,
  };
}

FakeLibc::~FakeLibc() {
  libc = saved_;
  current_ = nullptr;
}

FakeLibc::Step FakeLibc::Next(long all) {
  if (script_.empty()) return {.result = all};
  Step step = script_.front();
  script_.pop_front();
  return step;
}

}  // namespace proxymeter::shim
