// Fuzzes native/windows.cc: which version of the struct it asks for, what it
// makes of answers and errors, and what its probe leaves behind. Winsock is a
// mock that answers as the input says.

#include <fuzzer/FuzzedDataProvider.h>
#include <string.h>
#include <winsock2.h>

#include <memory>
#include <set>
#include <vector>

// Itself, for the version that it remembers.
#include "../../../native/windows.cc"

namespace {

constexpr uint8_t kUntouched = 0xa5;

void Expect(bool holds) {
  if (!holds) __builtin_trap();
}

// What the system does, and what it was asked.
struct {
  FuzzedDataProvider* input;
  int error;
  int refusals[3];    // by version; 0: it answers
  DWORD returned[3];  // what it claims to have filled
  std::vector<DWORD> asked;
  int startups;
  std::set<SOCKET> open;
} winsock;

// By which a version that is not known is refused; all else says nothing of it.
constexpr int kUnsupported[] = {10022, 10042, 10045};

bool IsUnsupported(int error) {
  for (const int each : kUnsupported) {
    if (each == error) return true;
  }
  return false;
}

int Fail() {
  winsock.error = winsock.input->ConsumeIntegralInRange(1, 12'000);
  return -1;
}

int Sometimes() {
  return winsock.input->ConsumeIntegralInRange(0, 15) == 0 ? Fail() : 0;
}

int SometimesOn(SOCKET socket) {
  return winsock.open.count(socket) == 0 ? Fail() : Sometimes();
}

void Choose() {
  for (int version = 0; version < 3; version++) {
    winsock.refusals[version] =
        !winsock.input->ConsumeBool() ? 0
        : winsock.input->ConsumeBool()
            ? winsock.input->PickValueInArray(kUnsupported)
            : winsock.input->ConsumeIntegralInRange(1, 12'000);
    winsock.returned[version] =
        winsock.input->ConsumeBool()
            ? winsock.input->ConsumeIntegral<DWORD>()
            : winsock.input->ConsumeIntegralInRange<DWORD>(0, 160);
  }
}

}  // namespace

int WSAStartup(int version, WSADATA*) {
  Expect(version == 0x202);
  if (Sometimes() != 0) return winsock.error;
  winsock.startups++;
  return 0;
}
int WSACleanup() {
  Expect(--winsock.startups >= 0 && winsock.open.empty());
  return 0;
}
int WSAGetLastError() { return winsock.error; }

int WSAIoctl(SOCKET, uint32_t code, void* in, DWORD in_size, void* out,
             DWORD out_size, DWORD* returned, void* overlapped, void* routine) {
  DWORD version;
  Expect(code == SIO_TCP_INFO && in_size == sizeof(version) &&
         overlapped == nullptr && routine == nullptr);
  memcpy(&version, in, sizeof(version));
  constexpr DWORD kWanted[] = {88, 136, 152};
  Expect(version < 3 && out_size == kWanted[version]);
  winsock.asked.push_back(version);
  if (winsock.refusals[version] != 0) {
    winsock.error = winsock.refusals[version];
    return -1;
  }
  memset(out, 1, out_size);
  *returned = winsock.returned[version];
  return 0;
}

SOCKET socket(int, int, int) {
  if (Sometimes() != 0) return ~SOCKET{0};
  SOCKET number = 4;
  while (winsock.open.count(number) != 0) number += 4;
  winsock.open.insert(number);
  return number;
}
int closesocket(SOCKET socket) {
  Expect(socket == ~SOCKET{0} || winsock.open.erase(socket) == 1);
  return 0;
}
int bind(SOCKET socket, const sockaddr*, int) { return SometimesOn(socket); }
int listen(SOCKET socket, int) { return SometimesOn(socket); }
int getsockname(SOCKET socket, sockaddr*, int*) { return SometimesOn(socket); }
int ioctlsocket(SOCKET socket, int, u_long*) { return SometimesOn(socket); }
int connect(SOCKET socket, const sockaddr*, int) {
  if (winsock.input->ConsumeBool()) return SometimesOn(socket);
  winsock.error = WSAEWOULDBLOCK;
  return -1;
}
int select(int, fd_set*, fd_set*, fd_set*, const timeval*) {
  return winsock.input->ConsumeIntegralInRange(-1, 1);
}

namespace {

// What native/windows.cc should ask for, and answer.
struct Model {
  int known = -1;

  int Expected(size_t capacity, std::vector<DWORD>* asked) {
    int result = 0;
    bool is_newest = true;
    for (int version = known == -1 ? 2 : known; version >= 0; version--) {
      asked->push_back(static_cast<DWORD>(version));
      constexpr size_t kWhole[] = {88, 136, 152};
      size_t filled = winsock.returned[version];
      if (filled > kWhole[version]) filled = kWhole[version];
      if (filled > capacity) filled = capacity;
      result = winsock.refusals[version] != 0 ? -winsock.refusals[version]
               : filled == 0                  ? -WSAEINVAL
                                              : static_cast<int>(filled);
      if (known != -1) break;
      if (result > 0) {
        if (is_newest) known = version;
        break;
      }
      is_newest = is_newest && IsUnsupported(-result);
    }
    return result;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  winsock = {};
  winsock.input = &input;
  tcpinfo::known_version = tcpinfo::kUnknown;
  Model model;
  for (int calls = input.ConsumeIntegralInRange(1, 8); calls > 0; calls--) {
    Choose();
    winsock.asked.clear();
    std::vector<DWORD> asked;
    if (input.ConsumeIntegralInRange(0, 7) == 0) {
      Model copy = model;
      const int expected = copy.Expected(tcpinfo::kMaxInfoSize, &asked);
      const int result = tcpinfo::Probe();
      Expect(winsock.startups == 0 && winsock.open.empty());
      if (winsock.asked.empty()) {
        Expect(result < 0);
      } else {
        Expect(result == expected && winsock.asked == asked);
        model = copy;
      }
      continue;
    }
    const auto capacity =
        input.ConsumeIntegralInRange<size_t>(1, tcpinfo::kMaxInfoSize);
    // Of exactly this size, so that a byte too far is seen.
    const std::unique_ptr<uint8_t[]> room(new uint8_t[capacity]);
    memset(room.get(), kUntouched, capacity);
    const int result = tcpinfo::ReadInfo(4, room.get(), capacity);
    Expect(result == model.Expected(capacity, &asked));
    Expect(winsock.asked == asked);
    for (size_t i = 0; i < capacity; i++) {
      Expect(room[i] == (static_cast<int>(i) < result ? 1 : kUntouched));
    }
  }
  return 0;
}
