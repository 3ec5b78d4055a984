// Windows: WSAIoctl(SIO_TCP_INFO), Windows 10 1703 and later.
//
// A descriptor is a SOCKET here, and error numbers are those of Winsock.

#include <winsock2.h>
#include <ws2tcpip.h>
// After them.
#include <mstcpip.h>
#include <string.h>

#include <atomic>

#include "tcp_info.h"

namespace tcpinfo {
namespace {

// Of the struct's versions, 0 to 2. The headers that this is built with have no
// TCP_INFO_v2: nothing pins its offsets here.
constexpr DWORD kSizes[] = {88, 136, 152};
constexpr int kNewest = 2;

TCPINFO_PIN(::TCP_INFO_v1, State, 0);
TCPINFO_PIN(::TCP_INFO_v1, Mss, 4);
TCPINFO_PIN(::TCP_INFO_v1, ConnectionTimeMs, 8);
TCPINFO_PIN(::TCP_INFO_v1, TimestampsEnabled, 16);
TCPINFO_PIN(::TCP_INFO_v1, RttUs, 20);
TCPINFO_PIN(::TCP_INFO_v1, MinRttUs, 24);
TCPINFO_PIN(::TCP_INFO_v1, BytesInFlight, 28);
TCPINFO_PIN(::TCP_INFO_v1, Cwnd, 32);
TCPINFO_PIN(::TCP_INFO_v1, SndWnd, 36);
TCPINFO_PIN(::TCP_INFO_v1, RcvWnd, 40);
TCPINFO_PIN(::TCP_INFO_v1, RcvBuf, 44);
TCPINFO_PIN(::TCP_INFO_v1, BytesOut, 48);
TCPINFO_PIN(::TCP_INFO_v1, BytesIn, 56);
TCPINFO_PIN(::TCP_INFO_v1, BytesReordered, 64);
TCPINFO_PIN(::TCP_INFO_v1, BytesRetrans, 68);
TCPINFO_PIN(::TCP_INFO_v1, FastRetrans, 72);
TCPINFO_PIN(::TCP_INFO_v1, DupAcksIn, 76);
TCPINFO_PIN(::TCP_INFO_v1, TimeoutEpisodes, 80);
TCPINFO_PIN(::TCP_INFO_v1, SynRetrans, 84);
TCPINFO_PIN(::TCP_INFO_v1, SndLimTransRwin, 88);
TCPINFO_PIN(::TCP_INFO_v1, SndLimTimeRwin, 92);
TCPINFO_PIN(::TCP_INFO_v1, SndLimBytesRwin, 96);
TCPINFO_PIN(::TCP_INFO_v1, SndLimTransCwnd, 104);
TCPINFO_PIN(::TCP_INFO_v1, SndLimTimeCwnd, 108);
TCPINFO_PIN(::TCP_INFO_v1, SndLimBytesCwnd, 112);
TCPINFO_PIN(::TCP_INFO_v1, SndLimTransSnd, 120);
TCPINFO_PIN(::TCP_INFO_v1, SndLimTimeSnd, 124);
TCPINFO_PIN(::TCP_INFO_v1, SndLimBytesSnd, 128);
static_assert(sizeof(::TCP_INFO_v0) == kSizes[0], "TCP_INFO_v0");
static_assert(sizeof(::TCP_INFO_v1) == kSizes[1], "TCP_INFO_v1");

// The newest version that this Windows knows, so that one call is enough from
// then on; kUnknown until it has answered. The same for every thread, and
// harmless when two of them find out at once.
constexpr int kUnknown = -1;
std::atomic<int> known_version{kUnknown};

int Ask(SOCKET socket, int version, uint8_t* out, size_t capacity) {
  uint8_t answer[kSizes[kNewest]] = {};
  const DWORD size = kSizes[version];
  DWORD wanted = static_cast<DWORD>(version);
  DWORD returned = 0;
  // Without an OVERLAPPED the call is synchronous also on the overlapped
  // sockets of libuv (WSAIoctl's documentation), and `returned` is required.
  // One on the stack would be written to after this function returned.
  if (WSAIoctl(socket, SIO_TCP_INFO, &wanted, sizeof(wanted), answer, size,
               &returned, nullptr, nullptr) != 0) {
    return -WSAGetLastError();
  }
  // What lies beyond the version that was asked for is nobody's promise.
  size_t filled = returned < size ? returned : size;
  if (filled > capacity) filled = capacity;
  memcpy(out, answer, filled);
  return filled > 0 ? static_cast<int>(filled) : -WSAEINVAL;
}

// Whether an error of Ask() may mean that the version is not known: those by
// which Winsock refuses a call or an argument (isAmbiguous in lib/errors.ts).
bool IsUnsupported(int error) {
  return error == WSAEOPNOTSUPP || error == WSAEINVAL ||
         error == WSAENOPROTOOPT;
}

// A connection to ourselves.
class Loopback {
 public:
  Loopback() : is_connected_(Connect()) {}
  ~Loopback() {
    closesocket(client_);
    closesocket(listener_);
  }
  Loopback(const Loopback&) = delete;
  Loopback& operator=(const Loopback&) = delete;
  SOCKET client() const { return client_; }
  bool is_connected() const { return is_connected_; }

 private:
  bool Connect() const {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int length = sizeof(address);
    auto* name = reinterpret_cast<sockaddr*>(&address);
    u_long non_blocking = 1;
    if (bind(listener_, name, length) != 0 || listen(listener_, 1) != 0 ||
        getsockname(listener_, name, &length) != 0 ||
        ioctlsocket(client_, FIONBIO, &non_blocking) != 0) {
      return false;
    }
    if (connect(client_, name, length) == 0) return true;
    // The event loop waits meanwhile, and a filter may swallow the packets.
    constexpr timeval kLongest = {0, 200'000};
    fd_set clients;
    FD_ZERO(&clients);
    FD_SET(client_, &clients);
    return WSAGetLastError() == WSAEWOULDBLOCK &&
           select(0, nullptr, &clients, nullptr, &kLongest) == 1;
  }

  SOCKET listener_ = socket(AF_INET, SOCK_STREAM, 0);
  SOCKET client_ = socket(AF_INET, SOCK_STREAM, 0);
  bool is_connected_;
};

}  // namespace

int ReadInfo(int descriptor, uint8_t* out, size_t capacity) {
  const auto socket = static_cast<SOCKET>(descriptor);
  const int known = known_version.load(std::memory_order_relaxed);
  if (known != kUnknown) return Ask(socket, known, out, capacity);
  int result = 0;
  bool is_newest = true;
  // No error number is documented for a version that is not known, so that
  // every failure leads to the next older one. What answers is remembered only
  // if nothing newer may have failed for another reason, such as want of
  // memory.
  for (int version = kNewest; version >= 0; version--) {
    result = Ask(socket, version, out, capacity);
    if (result > 0) {
      if (is_newest) known_version.store(version, std::memory_order_relaxed);
      return result;
    }
    is_newest = is_newest && IsUnsupported(-result);
  }
  return result;
}

// A Windows that knows the call may still refuse it for a socket that is not
// connected, so that one which is gets asked.
int Probe() {
  WSADATA data;
  if (const int error = WSAStartup(MAKEWORD(2, 2), &data)) return -error;
  int result = -WSAENETDOWN;
  {
    const Loopback loopback;
    if (loopback.is_connected()) {
      uint8_t info[kMaxInfoSize];
      result =
          ReadInfo(static_cast<int>(loopback.client()), info, sizeof(info));
    }
  }
  WSACleanup();
  return result;
}

// V8 interpolates between the ticks of the system's clock (Clock,
// src/base/platform/time.cc).
uint64_t WallClockMs() { return 0; }

}  // namespace tcpinfo
