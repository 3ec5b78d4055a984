// Fuzzes what native/tcp_info.h promises, with real sockets: reads into rooms
// of any size, and addresses of any bytes.

#include <fuzzer/FuzzedDataProvider.h>
#include <net/if.h>
#include <string.h>

#include <memory>

#include "sockets.h"
#include "tcp_info.h"

namespace {

using tcpinfo::Endpoint;

constexpr uint8_t kUntouched = 0xa5;

void Expect(bool holds) {
  if (!holds) __builtin_trap();
}

// Of exactly this size, so that a byte too far is seen.
std::unique_ptr<uint8_t[]> Room(size_t size) {
  std::unique_ptr<uint8_t[]> room(new uint8_t[size]);
  memset(room.get(), kUntouched, size);
  return room;
}

void ReadsInfo(FuzzedDataProvider* input, const Sockets& sockets) {
  const size_t which =
      input->ConsumeIntegralInRange<size_t>(0, sockets.descriptors().size());
  const int descriptor = which < sockets.descriptors().size()
                             ? sockets.descriptors()[which]
                             : input->ConsumeIntegral<int>();
  const auto capacity = input->ConsumeIntegralInRange<size_t>(0, 1024);
  const auto room = Room(capacity);
  static const auto whole = static_cast<size_t>(tcpinfo::Probe());
  const int filled = tcpinfo::ReadInfo(descriptor, room.get(), capacity);
  if (which < sockets.tcp_count()) {
    Expect(static_cast<size_t>(filled) ==
           (capacity < whole ? capacity : whole));
    if (filled > 0) Expect(room[0] >= 1 && room[0] <= 12);
  } else if (which < sockets.descriptors().size()) {
    Expect(filled < 0);
  }
  for (size_t i = filled > 0 ? static_cast<size_t>(filled) : 0; i < capacity;
       i++) {
    Expect(room[i] == kUntouched);
  }
}

bool IsNone(const Endpoint& endpoint) {
  static const Endpoint none = {};
  return memcmp(&endpoint, &none, sizeof(none)) == 0;
}

void ReadsEndpoints(FuzzedDataProvider* input, const Sockets& sockets) {
  const int descriptor = input->PickValueInArray(
      {input->PickValueInArray({-1, 0, 1, 2}), input->ConsumeIntegral<int>(),
       sockets.descriptors()[input->ConsumeIntegralInRange<size_t>(
           0, sockets.descriptors().size() - 1)]});
  Endpoint local;
  Endpoint remote;
  memset(&local, kUntouched, sizeof(local));
  memset(&remote, kUntouched, sizeof(remote));
  const int found = tcpinfo::ReadEndpoints(descriptor, &local, &remote);
  const bool has_local = found > 0 && (found & tcpinfo::kHasLocal) != 0;
  const bool has_remote = found > 0 && (found & tcpinfo::kHasRemote) != 0;
  Expect(found <= (tcpinfo::kHasLocal | tcpinfo::kHasRemote));
  Expect(IsNone(local) != has_local);
  Expect(IsNone(remote) != has_remote);
  Expect(has_local || !has_remote);
}

void FormatsAddress(FuzzedDataProvider* input) {
  Endpoint endpoint = {};
  input->ConsumeData(&endpoint, sizeof(endpoint));
  // Half of the time what is formatted at all.
  if (input->ConsumeBool()) {
    endpoint.family = input->PickValueInArray<uint16_t>({4, 6});
    endpoint.scope_id = input->PickValueInArray<uint32_t>({0, 1, UINT32_MAX});
  }
  if (input->ConsumeBool()) {
    endpoint.address[0] = 0xfe;
    endpoint.address[1] = 0x80;
  }
  // On the heap, where a byte too far is seen.
  struct Text {
    char bytes[tcpinfo::kMaxAddressText];
  };
  const std::unique_ptr<Text> text(new Text);
  const size_t length = tcpinfo::FormatAddress(endpoint, text->bytes);
  if (endpoint.family != 4 && endpoint.family != 6) {
    Expect(length == 0);
    return;
  }
  Expect(length > 0 && strlen(text->bytes) == length);
  // It means the address that was given.
  if (char* const scope = strchr(text->bytes, '%')) {
    Expect(if_nametoindex(scope + 1) == endpoint.scope_id);
    *scope = '\0';
  }
  uint8_t address[16];
  const bool is_four = endpoint.family == 4;
  Expect(inet_pton(is_four ? AF_INET : AF_INET6, text->bytes, address) == 1);
  Expect(memcmp(address, endpoint.address, is_four ? 4 : 16) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Sockets sockets;
  FuzzedDataProvider input(data, size);
  switch (input.ConsumeIntegralInRange(0, 2)) {
    case 0:
      ReadsInfo(&input, sockets);
      break;
    case 1:
      ReadsEndpoints(&input, sockets);
      break;
    default:
      FormatsAddress(&input);
  }
  return 0;
}
