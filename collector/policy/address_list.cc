#include "collector/policy/address_list.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "collector/scoped_fd.h"
#include "fmt/format.h"

namespace proxymeter::collector {
namespace {

// The longest line, comments included. It bounds what is kept between blocks.
constexpr std::size_t kMaxLine = 4096;
constexpr std::size_t kBlockBytes = std::size_t{1} << 20;
constexpr std::size_t kQuotedBytes = 80;  // of an entry, in a message
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// A dotted address at the start of `text`, which loses it. Nothing for what
// inet_pton would not take: this is its fast way, for lists are long.
std::optional<std::uint32_t> TakeIpv4(std::string_view* text) {
  std::uint32_t address = 0;
  const char* at = text->data();
  const char* const end = at + text->size();
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && (at == end || *at++ != '.')) return std::nullopt;
    if (at == end || !IsDigit(*at)) return std::nullopt;
    const char* const start = at;
    std::uint32_t value = 0;
    while (at != end && IsDigit(*at) && at - start < 3) {
      value = value * 10 + static_cast<std::uint32_t>(*at++ - '0');
    }
    if (value > 255 || (*start == '0' && at - start > 1)) return std::nullopt;
    address = address << 8 | value;
  }
  text->remove_prefix(static_cast<std::size_t>(at - text->data()));
  return address;
}

std::string Quotable(std::string_view text) {
  const std::string quoted =
      absl::CHexEscape(std::string(text.substr(0, kQuotedBytes)));
  return text.size() <= kQuotedBytes ? quoted : quoted + "...";
}

std::string_view Stripped(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// Takes the text in pieces.
class Reader {
 public:
  Reader(std::string_view path, const AddressListLimits& limits)
      : limits_(limits) {
    list_.path = std::string(path);
  }

  // The lines that end in `text`; says how much of it they are.
  absl::StatusOr<std::size_t> TakeLines(std::string_view text) {
    std::size_t done = 0;
    for (;;) {
      const void* const newline =
          std::memchr(text.data() + done, '\n', text.size() - done);
      if (newline == nullptr) break;
      const auto end = static_cast<std::size_t>(
          static_cast<const char*>(newline) - text.data());
      absl::Status status = TakeLine(text.substr(done, end - done));
      if (!status.ok()) return status;
      done = end + 1;
    }
    if (text.size() - done > kMaxLine) {
      ++line_;
      return LineTooLong();
    }
    return done;
  }

  absl::Status TakeLast(std::string_view line) {
    return line.empty() ? absl::OkStatus() : TakeLine(line);
  }

  absl::StatusOr<AddressList> Finish() && {
    if (list_.size() == 0) {
      return absl::InvalidArgumentError(
          fmt::format("{}: no address in it", list_.path));
    }
    return std::move(list_);
  }

  absl::Status TooLong() const {
    return absl::ResourceExhaustedError(fmt::format(
        "{}: more than {} bytes of text", list_.path, limits_.bytes));
  }

 private:
  absl::Status TakeLine(std::string_view line) {
    ++line_;
    if (line.size() > kMaxLine) return LineTooLong();
    if (line_ == 1 && line.starts_with(kByteOrderMark)) {
      line.remove_prefix(kByteOrderMark.size());
    }
    // Nothing but an address, as most lines are.
    std::string_view rest = line;
    if (const auto address = TakeIpv4(&rest)) {
      if (rest.empty() || rest == "\r") return Add4(*address, 32);
    }
    line = line.substr(0, line.find('#'));
    line = Stripped(line);
    return line.empty() ? absl::OkStatus() : TakeEntry(line);
  }

  absl::Status TakeEntry(std::string_view entry) {
    if (entry.find('/') != std::string_view::npos) {
      absl::StatusOr<Cidr> cidr = ParseCidr(entry);
      return cidr.ok() ? Add(*cidr) : Refuse(entry, cidr.status());
    }
    if (entry.find('-') != std::string_view::npos) {
      absl::StatusOr<std::vector<Cidr>> cidrs = ParseRange(entry);
      if (!cidrs.ok()) return Refuse(entry, cidrs.status());
      for (const Cidr& cidr : *cidrs) {
        if (absl::Status status = Add(cidr); !status.ok()) return status;
      }
      return absl::OkStatus();
    }
    if (const std::optional<Cidr> address = ParseAddress(entry)) {
      return Add(*address);
    }
    return Error(
        fmt::format("'{}' is no IPv4 or IPv6 address, network or "
                    "range",
                    Quotable(entry)));
  }

  // The parsers' messages begin with the text in quotes.
  absl::Status Refuse(std::string_view entry, const absl::Status& status) {
    const std::string what(status.message());
    return Error(fmt::format("'{}'{}", Quotable(entry),
                             absl::CHexEscape(what.substr(
                                 std::min(what.size(), entry.size() + 2)))));
  }

  absl::Status Error(std::string_view what) const {
    return absl::InvalidArgumentError(
        fmt::format("{}:{}: {}", list_.path, line_, what));
  }
  absl::Status LineTooLong() const {
    return Error(fmt::format("a line over {} bytes", kMaxLine));
  }

  absl::Status Add(const Cidr& cidr) {
    const Address& network = cidr.network;
    if (IsIpv4(network) && cidr.prefix >= 96) {
      std::uint32_t first = 0;
      for (int i = 12; i < 16; ++i) first = first << 8 | network[i];
      return Add4(first, static_cast<std::uint8_t>(cidr.prefix - 96));
    }
    if (Full()) return TooMany();
    list_.entries6.push_back({network, line_, cidr.prefix});
    return absl::OkStatus();
  }
  absl::Status Add4(std::uint32_t first, std::uint8_t prefix) {
    if (Full()) return TooMany();
    list_.entries4.push_back({first, line_, prefix});
    return absl::OkStatus();
  }

  bool Full() const { return list_.size() >= limits_.entries; }
  absl::Status TooMany() const {
    return absl::ResourceExhaustedError(fmt::format(
        "{}:{}: more than {} entries", list_.path, line_, limits_.entries));
  }

  const AddressListLimits limits_;
  AddressList list_;
  std::uint32_t line_ = 0;
};

}  // namespace

Cidr CidrOf(const AddressList::Entry4& entry) {
  const std::uint32_t first = entry.first;
  return {MappedIpv4(first >> 24, first >> 16 & 0xff, first >> 8 & 0xff,
                     first & 0xff),
          static_cast<std::uint8_t>(entry.prefix + 96)};
}

Cidr CidrOf(const AddressList::Entry6& entry) {
  return {entry.first, entry.prefix};
}

absl::StatusOr<AddressList> ParseAddressList(std::string_view text,
                                             std::string_view path,
                                             const AddressListLimits& limits) {
  Reader reader(path, limits);
  if (text.size() > limits.bytes) return reader.TooLong();
  absl::StatusOr<std::size_t> done = reader.TakeLines(text);
  if (!done.ok()) return done.status();
  absl::Status last = reader.TakeLast(text.substr(*done));
  if (!last.ok()) return last;
  return std::move(reader).Finish();
}

absl::StatusOr<AddressList> LoadAddressList(const std::string& path,
                                            const AddressListLimits& limits) {
  const auto failed = [&path](int error) {
    return absl::ErrnoToStatus(error, path + ": cannot be read");
  };
  // Not blocking: a pipe that nobody writes would not even open.
  ScopedFd file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat info {};
  if (!file.valid() || fstat(file.get(), &info) != 0) return failed(errno);
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(path + ": not a regular file");
  }
  // Tells gzip by its first bytes, and passes anything else through.
  gzFile const opened = gzdopen(file.get(), "rb");
  if (opened == nullptr) return failed(ENOMEM);
  file.Release();
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> stream(opened, gzclose_r);
  gzbuffer(stream.get(), 1 << 18);

  Reader reader(path, limits);
  std::vector<char> block(kBlockBytes);
  std::size_t kept = 0;  // of a line that has not ended yet
  std::uint64_t total = 0;
  for (;;) {
    const int length = gzread(stream.get(), block.data() + kept,
                              static_cast<unsigned>(block.size() - kept));
    int error = Z_OK;
    const char* const what = gzerror(stream.get(), &error);
    if (error == Z_ERRNO) return failed(errno);
    if (length < 0 || error != Z_OK) {
      return absl::InvalidArgumentError(
          fmt::format("{}: gzip: {}", path,
                      error == Z_BUF_ERROR ? "the file is cut short" : what));
    }
    if (length == 0) break;
    total += static_cast<std::uint64_t>(length);
    if (total > limits.bytes) return reader.TooLong();
    const std::string_view text(block.data(),
                                kept + static_cast<std::size_t>(length));
    absl::StatusOr<std::size_t> done = reader.TakeLines(text);
    if (!done.ok()) return done.status();
    kept = text.size() - *done;
    std::memmove(block.data(), block.data() + *done, kept);
  }
  absl::Status last = reader.TakeLast({block.data(), kept});
  if (!last.ok()) return last;
  return std::move(reader).Finish();
}

}  // namespace proxymeter::collector
