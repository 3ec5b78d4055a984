// The addon's JavaScript surface: argument checks around the contract of
// tcp_info.h, and nothing else. The only file that includes napi.h.
//
// It keeps no state but what windows.cc and windows_socket.cc say, safe in
// threads, so that worker threads, several environments and a second load of
// the addon need no care. Every function but formatAddress answers with a
// number (below zero: a negated OS error number; -EINVAL for arguments of the
// wrong kind) and never throws: errors for people are made in lib/errors.ts.
//
// The functions are plain Node-API callbacks: on the path of a read the C++
// wrappers' conversions cost 25 ns of 740, and several times the code.

#include <errno.h>
#include <napi.h>
#include <stdlib.h>
#include <string.h>

#include "tcp_info.h"
#ifdef _WIN32
#include "windows_socket.h"
#endif

// All that the wrappers of napi.h would need of the C++ runtime, which would be
// ten times the size of the rest. Nothing here allocates with new.
void operator delete(void* memory) noexcept { free(memory); }
void operator delete(void* memory, size_t) noexcept { free(memory); }

namespace {

using tcpinfo::Endpoint;
using tcpinfo::kMaxInfoSize;

// The arguments of a call, each taken out only if it is of the wanted kind.
// Missing ones are undefined.
class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info) : env_(env) {
    size_t count = kMax;
    napi_get_cb_info(env, info, &count, values_, nullptr, nullptr);
  }

  napi_value operator[](size_t index) const { return values_[index]; }

  bool Int(size_t index, int32_t* out) const {
    // napi_get_value_int32 would make 0 of NaN, and wrap what is too large.
    double value;
    if (napi_get_value_double(env_, values_[index], &value) != napi_ok ||
        !(value >= INT32_MIN && value <= INT32_MAX)) {
      return false;
    }
    *out = static_cast<int32_t>(value);
    return *out == value;
  }

  bool Array(size_t index, napi_typedarray_type wanted, void** data,
             size_t* length) const {
    // Node 24.0 answers for a Float16Array and leaves this as it is.
    napi_typedarray_type type = napi_int8_array;
    return napi_get_typedarray_info(env_, values_[index], &type, length, data,
                                    nullptr, nullptr) == napi_ok &&
           type == wanted && (*data != nullptr || *length == 0);
  }

  // The part of an ArrayBuffer that begins at the offset given by the argument
  // after it, when at least `needed` bytes are there. (Not of a view, which
  // costs two conversions more.)
  bool Room(size_t index, size_t needed, uint8_t** room, size_t* size) const {
    void* data;
    int32_t offset;
    if (napi_get_arraybuffer_info(env_, values_[index], &data, size) !=
            napi_ok ||
        data == nullptr || !Int(index + 1, &offset) || offset < 0 ||
        static_cast<size_t>(offset) > *size ||
        *size - static_cast<size_t>(offset) < needed) {
      return false;
    }
    *room = static_cast<uint8_t*>(data) + offset;
    *size -= static_cast<size_t>(offset);
    return true;
  }

 private:
  static constexpr size_t kMax = 4;

  napi_env env_;
  napi_value values_[kMax];
};

napi_value Answer(napi_env env, int value) {
  napi_value number = nullptr;
  napi_create_int32(env, value, &number);
  return number;
}

constexpr size_t kClockSize = sizeof(uint64_t);

// readInfo(descriptor, bytes: ArrayBuffer, offset): bytes filled, after the 8
// of WallClockMs()
napi_value ReadInfo(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  int32_t descriptor;
  uint8_t* room;
  size_t size;
  if (!arguments.Int(0, &descriptor) ||
      !arguments.Room(1, kClockSize + 1, &room, &size)) {
    return Answer(env, -EINVAL);
  }
  size -= kClockSize;
  if (size > kMaxInfoSize) size = kMaxInfoSize;
  const int filled = tcpinfo::ReadInfo(descriptor, room + kClockSize, size);
  if (filled > 0) {
    const uint64_t now = tcpinfo::WallClockMs();
    memcpy(room, &now, kClockSize);
  }
  return Answer(env, filled);
}

// readState(descriptor): the OS's own number of the state
napi_value ReadState(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  int32_t descriptor;
  if (!arguments.Int(0, &descriptor)) return Answer(env, -EINVAL);
  uint8_t bytes[kMaxInfoSize];
  const int filled = tcpinfo::ReadInfo(descriptor, bytes, sizeof(bytes));
  return Answer(env, filled > 0 ? bytes[0] : filled);
}

// readMany(descriptors: Int32Array, bytes: Uint8Array, stride, filled:
// Int32Array): how many were read. Row i of `bytes` and `filled[i]` are what
// readInfo would give for descriptors[i].
napi_value ReadMany(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  void* descriptors;
  void* rows;
  void* filled;
  size_t count;
  size_t capacity;
  size_t answers;
  int32_t stride;
  if (!arguments.Array(0, napi_int32_array, &descriptors, &count) ||
      !arguments.Array(1, napi_uint8_array, &rows, &capacity) ||
      !arguments.Int(2, &stride) || stride <= 0 ||
      !arguments.Array(3, napi_int32_array, &filled, &answers) ||
      answers < count || capacity / static_cast<size_t>(stride) < count) {
    return Answer(env, -EINVAL);
  }
  const auto row = static_cast<size_t>(stride);
  const size_t size = row < kMaxInfoSize ? row : kMaxInfoSize;
  int read = 0;
  for (size_t i = 0; i < count; i++) {
    const int result =
        tcpinfo::ReadInfo(static_cast<int32_t*>(descriptors)[i],
                          static_cast<uint8_t*>(rows) + i * row, size);
    static_cast<int32_t*>(filled)[i] = result;
    if (result > 0) read++;
  }
  return Answer(env, read);
}

// readEndpoints(descriptor, bytes: ArrayBuffer, offset): flags; fills two
// Endpoints, the local one first
napi_value ReadEndpoints(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  int32_t descriptor;
  uint8_t* room;
  size_t size;
  if (!arguments.Int(0, &descriptor) ||
      !arguments.Room(1, 2 * sizeof(Endpoint), &room, &size)) {
    return Answer(env, -EINVAL);
  }
  Endpoint both[2];
  const int found = tcpinfo::ReadEndpoints(descriptor, &both[0], &both[1]);
  memcpy(room, both, sizeof(both));
  return Answer(env, found);
}

// formatAddress(bytes: ArrayBuffer, offset): text of the Endpoint there, or
// undefined when it holds no address
napi_value FormatAddress(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  uint8_t* room;
  size_t size;
  if (!arguments.Room(0, sizeof(Endpoint), &room, &size)) return nullptr;
  Endpoint endpoint;
  memcpy(&endpoint, room, sizeof(endpoint));
  char text[tcpinfo::kMaxAddressText];
  const size_t length = tcpinfo::FormatAddress(endpoint, text);
  if (length == 0) return nullptr;
  napi_value string = nullptr;
  napi_create_string_latin1(env, text, length, &string);
  return string;
}

// probe(): bytes that this OS fills for a fresh socket
napi_value Probe(napi_env env, napi_callback_info) {
  return Answer(env, tcpinfo::Probe());
}

// keepsPeer(): whether readEndpoints finds the remote address at any time
napi_value KeepsPeer(napi_env env, napi_callback_info) {
  return Answer(env, tcpinfo::KeepsPeer());
}

#ifdef _WIN32
// socketOf(handle): the SOCKET of one of Node's TCP handles, -1 or -2
napi_value SocketOf(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  return Answer(env, tcpinfo::SocketOf(env, arguments[0]));
}
#endif

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  const struct {
    const char* name;
    napi_callback function;
  } functions[] = {
      {"readInfo", ReadInfo},
      {"readState", ReadState},
      {"readMany", ReadMany},
      {"readEndpoints", ReadEndpoints},
      {"formatAddress", FormatAddress},
      {"keepsPeer", KeepsPeer},
      {"probe", Probe},
#ifdef _WIN32
      {"socketOf", SocketOf},
#endif
  };
  for (const auto& [name, function] : functions) {
    napi_value value = nullptr;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr,
                         &value);
    exports.Set(name, value);
  }
  return exports;
}

}  // namespace

NODE_API_MODULE(NODE_GYP_MODULE_NAME, Init)
